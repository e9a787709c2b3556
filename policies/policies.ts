import type { Policy } from "@pulumi/policy";
import { entitlementValid } from "./quota/entitlement-valid";
import { programAccepts } from "./quota/program-accepts";
import { serversWithinPlan } from "./quota/servers-within-plan";
import { quotaSoFar } from "./quota/quota-so-far";
import { sizeWithinPlan } from "./quota/size-within-plan";
import { stackIsTenant } from "./quota/stack-is-tenant";

/** Every policy of the pack. Each stops `pulumi up` and `pulumi preview` if it finds a violation. */
export const POLICIES: Policy[] = [
  programAccepts,
  quotaSoFar,
  entitlementValid,
  stackIsTenant,
  serversWithinPlan,
  sizeWithinPlan,
];
