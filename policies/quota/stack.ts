import type { PolicyResource, StackValidationArgs } from "@pulumi/policy";
import {
  EntitlementError,
  expiredError,
  expiryNotice,
  hasExpired,
  verifyEvenExpired,
  type Entitlement,
} from "../../plans/entitlement";
import { loadIssuers } from "../../plans/issuers";
import { propertyOf, serversOf } from "./servers";

/**
 * A tenant's stack as the quota policies see it. A policy is given resources and no configuration, so the
 * entitlement travels as a property of the tenant's root component; what it says is believed for its signature,
 * not for where it stands.
 */

export const TENANT = "dhistance:index:Tenant";

/** `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`: the part before the first `::` names the stack. */
export function stackOf(resources: readonly PolicyResource[]): string | undefined {
  return resources[0]?.urn.split("::")[0]?.replace(/^urn:pulumi:/, "");
}

/**
 * The stack's entitlement if it holds, or the complaint about it. Neither for a stack without a server and without a
 * tenant: the platform's, or another project's, which a pack for a whole organisation is run on as well.
 */
export async function entitlementOf(
  resources: readonly PolicyResource[],
): Promise<{ entitlement?: Entitlement; complaint?: string }> {
  const tenants = resources.filter(({ type }) => type === TENANT);
  if (tenants.length === 0 && serversOf(resources).length === 0) return {};
  const [tenant] = tenants;
  if (tenants.length !== 1 || !tenant) {
    const names = tenants.map(({ name }) => name).join(", ");
    return {
      complaint:
        `the stack has ${tenants.length} resources of type ${TENANT}${names && ` (${names})`}; a tenant's stack has exactly ` +
        "one. Make its resources through the tenant program.",
    };
  }
  const { value: token, unknown } = propertyOf(tenant, "entitlement");
  if (unknown)
    return {
      complaint:
        `the entitlement of ${tenant.name} is not known in a preview, so nothing can be judged by it. Read it from the ` +
        "stack file, as the tenant program does.",
    };
  if (typeof token !== "string")
    return {
      complaint:
        `${tenant.name} (${TENANT}) has no entitlement: its property "entitlement" is ${JSON.stringify(token) ?? "not set"}. ` +
        "Make its resources through the tenant program.",
    };
  try {
    const entitlement = await verifyEvenExpired(token, loadIssuers());
    if (!hasExpired(entitlement)) return { entitlement };
    // The tenant program names the servers that were there before and has seen to it that nothing grows.
    const { value: before } = propertyOf(tenant, "serversBefore");
    if (!Array.isArray(before)) throw expiredError(entitlement);
    const added = serversOf(resources).filter(({ name }) => !(before as unknown[]).includes(name));
    if (added.length === 0) return { entitlement };
    const names = added.map(({ name }) => `"${name}"`).join(", ");
    return { complaint: `${expiryNotice(entitlement)} Refused: ${names}.` };
  } catch (error) {
    if (error instanceof EntitlementError) return { complaint: error.message };
    throw error;
  }
}

/** A check of a stack that has a good entitlement; about a bad one `entitlement-valid` alone complains. */
export type Check = (
  entitlement: Entitlement,
  resources: readonly PolicyResource[],
) => (string | undefined)[];

/** Judges the stack when all of it is there. */
export function whenEntitled(check: Check) {
  return async ({ resources }: StackValidationArgs, report: (message: string) => void): Promise<void> => {
    const { entitlement } = await entitlementOf(resources);
    if (!entitlement) return;
    for (const complaint of check(entitlement, resources)) if (complaint) report(complaint);
  };
}
