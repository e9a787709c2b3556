import type { PolicyResource, ResourceValidationPolicy } from "@pulumi/policy";
import * as quota from "../../plans/quota";
import { canServe, isSize, oversizedParts, SERVER, serversOf, sizeOf } from "./servers";
import { entitlementOf, stackOf, TENANT } from "./stack";

/**
 * Judges each resource as it comes, with those before it. A stack policy sees the stack at its end: by then an
 * `up --skip-preview` has made what it refuses.
 */
export const quotaSoFar: ResourceValidationPolicy = {
  name: "quota-so-far",
  description: "Nothing is made that exceeds the tenant's entitlement, whatever follows it.",
  validateResource: async (resource, report) => {
    const before = known(resource.urn);
    // Each run of the engine begins with it: one process judges a preview and the update after it.
    if (resource.type === "pulumi:pulumi:Stack") before.clear();
    // Nothing else counts: of a tenant's hundreds of resources a handful is kept and judged.
    if (resource.type !== TENANT && !canServe(resource.type)) return;
    const seen = resource as unknown as PolicyResource;
    before.set(resource.urn, seen);
    const resources = [...before.values()];
    const others = resources.filter((each) => each !== seen);
    const counted = serversOf(resources);
    const grew = counted.length > serversOf(others).length;
    const inServer = resource.urn.includes(`${SERVER}$`);
    // What neither counts, nor belongs to a server, changes nothing.
    if (!grew && !inServer && resource.type !== TENANT) return;
    const { entitlement, complaint } = await entitlementOf(resources);
    if (complaint) report(complaint);
    if (!entitlement) return;
    const saidBefore = oversizedParts(others);
    const larger = oversizedParts(resources).filter((each) => !saidBefore.includes(each));
    if (resource.type === TENANT)
      tell(quota.stackIsTenant(entitlement.tenant, stackOf(resources) ?? ""), report);
    if (grew)
      tell(
        quota.serversWithinPlan(
          entitlement,
          counted.map(({ name }) => name),
        ),
        report,
      );
    const size = sizeOf(seen);
    if (resource.type === SERVER && isSize(size))
      tell(quota.sizeWithinPlan(entitlement.plan, resource.name, size), report);
    for (const each of larger) report(each);
  },
};

function tell(complaint: string | undefined, report: (message: string) => void): void {
  if (complaint) report(complaint);
}

/** By stack and URN. */
const stacks = new Map<string, Map<string, PolicyResource>>();

function known(urn: string): Map<string, PolicyResource> {
  const stack = urn.split("::").slice(0, 2).join("::");
  const found = stacks.get(stack) ?? new Map<string, PolicyResource>();
  stacks.set(stack, found);
  return found;
}
