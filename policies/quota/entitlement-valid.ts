import type { StackValidationPolicy } from "@pulumi/policy";
import { entitlementOf } from "./stack";

export const entitlementValid: StackValidationPolicy = {
  name: "entitlement-valid",
  description: "A tenant's stack carries one entitlement, unchanged, in force and from a trusted issuer.",
  validateStack: async ({ resources }, report) => {
    const { complaint } = await entitlementOf(resources);
    if (complaint) report(complaint);
  },
};
