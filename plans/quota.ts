import type { Entitlement } from "./entitlement";
import { PLAN_TERMS, sizesWithin, type Plan, type Size } from "./plans";

/**
 * The quota rules. Each is asked twice: by the tenant program before it makes anything, and by the policy pack
 * of what the engine is about to make. A rule returns the complaint a person reads, or nothing.
 */

/** The entitlement's number of servers holds. */
export function serversWithinPlan(
  entitlement: Pick<Entitlement, "tenant" | "plan" | "maxServers">,
  servers: readonly string[],
): string | undefined {
  const { tenant, plan, maxServers } = entitlement;
  if (servers.length <= maxServers) return undefined;
  const { upgradeTo } = PLAN_TERMS[plan];
  const more = upgradeTo
    ? `move to the ${upgradeTo} plan`
    : `have the contract's number of servers raised and a new entitlement issued`;
  return (
    `tenant "${tenant}" has ${count(servers.length)} (${servers.join(", ")}); ` +
    `its ${plan} plan allows ${count(maxServers)}. Remove ${servers.length - maxServers}, or ${more}.`
  );
}

/** A server's size is one its plan allows. */
export function sizeWithinPlan(plan: Plan, server: string, size: Size): string | undefined {
  const allowed = sizesWithin(plan);
  if (allowed.includes(size)) return undefined;
  const { upgradeTo } = PLAN_TERMS[plan];
  return (
    `server "${server}" has size "${size}"; the ${plan} plan allows ${allowed.join(", ")}. ` +
    `Choose one of these, or move to the ${upgradeTo ?? "enterprise"} plan.`
  );
}

/** One stack per tenant, under the tenant's own name: otherwise a second stack would be a second quota. */
export function stackIsTenant(tenant: string, stack: string): string | undefined {
  if (tenant === stack) return undefined;
  return (
    `stack "${stack}" carries the entitlement of tenant "${tenant}"; a tenant has one stack, named after it. ` +
    `Use stack "${tenant}", or an entitlement issued for "${stack}".`
  );
}

function count(servers: number): string {
  return servers === 1 ? "1 server" : `${servers} servers`;
}
