import type { StackValidationPolicy } from "@pulumi/policy";
import { SIZES, type Size } from "../../plans/plans";
import * as quota from "../../plans/quota";
import { serversOf, whenEntitled } from "./stack";

export const sizeWithinPlan: StackValidationPolicy = {
  name: "size-within-plan",
  description: "A server is no larger than its tenant's plan allows.",
  validateStack: whenEntitled(({ plan }, resources) =>
    serversOf(resources).map(({ name, size }) =>
      isSize(size)
        ? quota.sizeWithinPlan(plan, name, size)
        : `server "${name}" has size ${JSON.stringify(size) ?? "unset"}; allowed: ${SIZES.join(", ")}. ` +
          "Make servers through DataManagementServer.",
    ),
  ),
};

function isSize(size: unknown): size is Size {
  return (SIZES as readonly unknown[]).includes(size);
}
