import type { StackValidationPolicy } from "@pulumi/policy";
import { SIZES } from "../../plans/plans";
import * as quota from "../../plans/quota";
import { isSize, oversizedParts, serversOf } from "./servers";
import { whenEntitled } from "./stack";

export const sizeWithinPlan: StackValidationPolicy = {
  name: "size-within-plan",
  description:
    "A server is not larger than its tenant's plan allows, nor is any part of it larger than its size.",
  validateStack: whenEntitled(({ plan }, resources) => [
    ...serversOf(resources).map(({ name, size }) =>
      isSize(size)
        ? quota.sizeWithinPlan(plan, name, size)
        : `server "${name}" has size ${JSON.stringify(size) ?? "unset"}; allowed: ${SIZES.join(", ")}. ` +
          "Make servers through DataManagementServer.",
    ),
    ...oversizedParts(resources),
  ]),
};
