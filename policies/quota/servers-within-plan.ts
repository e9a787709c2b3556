import type { StackValidationPolicy } from "@pulumi/policy";
import * as quota from "../../plans/quota";
import { serversOf } from "./servers";
import { whenEntitled } from "./stack";

export const serversWithinPlan: StackValidationPolicy = {
  name: "servers-within-plan",
  description: "A tenant has no more servers than its entitlement grants.",
  validateStack: whenEntitled((entitlement, resources) => [
    quota.serversWithinPlan(
      entitlement,
      serversOf(resources).map(({ name }) => name),
    ),
  ]),
};
