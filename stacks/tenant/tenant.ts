import * as pulumi from "@pulumi/pulumi";
import type { Entitlement } from "../../plans/entitlement";

/**
 * The root of everything a tenant has. The entitlement travels with it as its own proof: the policy pack verifies it
 * again, and what the stack may hold is judged by what it says.
 */
export class TenantRoot extends pulumi.ComponentResource {
  constructor(entitlement: Entitlement, token: string, opts: pulumi.ComponentResourceOptions) {
    const { tenant, plan, maxServers } = entitlement;
    super("dhistance:index:Tenant", tenant, { tenant, plan, maxServers, entitlement: token }, opts);
    this.registerOutputs({});
  }
}
