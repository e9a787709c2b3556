import { PolicyPack } from "@pulumi/policy";
import { entitlementValid } from "./quota/entitlement-valid";
import { serversWithinPlan } from "./quota/servers-within-plan";
import { sizeWithinPlan } from "./quota/size-within-plan";
import { stackIsTenant } from "./quota/stack-is-tenant";

new PolicyPack("dhistance", {
  enforcementLevel: "mandatory",
  policies: [entitlementValid, stackIsTenant, serversWithinPlan, sizeWithinPlan],
});
