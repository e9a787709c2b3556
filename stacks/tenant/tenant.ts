import * as pulumi from "@pulumi/pulumi";
import { hasExpired, type Entitlement } from "../../plans/entitlement";

/**
 * The root of everything a tenant has. The entitlement travels with it as its own proof: the policy pack verifies it
 * again, and what the stack may hold is judged by what it says.
 *
 * With one that has expired go the names (of the components) of the servers that there were before: the program lets no other be made
 * (`refuseGrowth`), and the pack, which does not see what was before, holds the stack to them.
 */
export class TenantRoot extends pulumi.ComponentResource {
  constructor(
    entitlement: Entitlement,
    token: string,
    servers: readonly string[],
    opts: pulumi.ComponentResourceOptions,
  ) {
    const { tenant, plan, maxServers } = entitlement;
    const properties = {
      ...{ tenant, plan, maxServers, entitlement: token },
      ...(hasExpired(entitlement) && { serversBefore: servers }),
    };
    super("dhistance:index:Tenant", tenant, properties, opts);
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs(properties);
  }
}
