import type { PolicyResource, StackValidationArgs } from "@pulumi/policy";
import { EntitlementError, verifyEntitlement, type Entitlement } from "../../plans/entitlement";
import { loadIssuers } from "../../plans/issuers";

/**
 * A tenant's stack as the quota policies see it. A policy is given resources and no configuration, so the
 * entitlement travels as a property of the tenant's root component; what it says is believed for its signature,
 * not for where it stands.
 */

const TENANT = "dhistance:index:Tenant";
const SERVER = "dhistance:index:DataManagementServer";
/** Engine's own resources: they exist in a stack that holds nothing. */
const BOOKKEEPING = /^pulumi:(pulumi:Stack|providers:)/;
/** What a server cannot be without. One outside every server component is a server that goes by another name. */
const DATABASES = ["aws:rds/instance:Instance", "aws:rds/cluster:Cluster"];

export interface Server {
  name: string;
  /** As the component says it; checked against the sizes we have by the policy that uses it. */
  size: unknown;
}

/** The servers of a stack, by name: its server components, and databases that stand in none. */
export function serversOf(resources: readonly PolicyResource[]): Server[] {
  return resources
    .filter(
      ({ type, urn }) => type === SERVER || (DATABASES.includes(type) && !ancestors(urn).includes(SERVER)),
    )
    .map(({ name, props }) => ({ name, size: props["size"] }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`: the part before the first `::` names the stack. */
export function stackOf(resources: readonly PolicyResource[]): string | undefined {
  return resources[0]?.urn.split("::")[0]?.replace(/^urn:pulumi:/, "");
}

function ancestors(urn: string): string[] {
  return urn.split("::")[2]?.split("$").slice(0, -1) ?? [];
}

/** The stack's entitlement if it holds, or the complaint about it; neither for a stack that holds nothing. */
export async function entitlementOf(
  resources: readonly PolicyResource[],
): Promise<{ entitlement?: Entitlement; complaint?: string }> {
  const made = resources.filter(({ type }) => !BOOKKEEPING.test(type));
  if (made.length === 0) return {};
  const tenants = made.filter(({ type }) => type === TENANT);
  const token: unknown = tenants[0]?.props["entitlement"];
  if (tenants.length !== 1 || typeof token !== "string") {
    return {
      complaint:
        `the stack has ${tenants.length} ${TENANT} with an entitlement; a tenant's stack has exactly one. ` +
        "Make its resources through the tenant program.",
    };
  }
  try {
    return { entitlement: await verifyEntitlement(token, loadIssuers()) };
  } catch (error) {
    if (error instanceof EntitlementError) return { complaint: error.message };
    throw error;
  }
}

/** A check of a stack that has a good entitlement; about a bad one `entitlement-valid` alone complains. */
export function whenEntitled(
  check: (entitlement: Entitlement, resources: readonly PolicyResource[]) => (string | undefined)[],
) {
  return async ({ resources }: StackValidationArgs, report: (message: string) => void): Promise<void> => {
    const { entitlement } = await entitlementOf(resources);
    if (!entitlement) return;
    for (const complaint of check(entitlement, resources)) if (complaint) report(complaint);
  };
}
