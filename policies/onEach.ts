import type { PolicyResource, ResourceValidation } from "@pulumi/policy";

/**
 * A check of every resource of one type, by its inputs. The SDK's `validateResourceOfType` does the same, but needs the
 * provider's package, whose loading every preview would pay for.
 * @param type the type's token, such as `aws:rds/instance:Instance`
 * @param check returns the violation for a person to read, or nothing
 */
export function onEach(
  type: string,
  check: (resource: Pick<PolicyResource, "name" | "props">) => string | undefined,
): ResourceValidation {
  return (resource, report) => {
    if (resource.type !== type) return;
    const violation = check(resource);
    if (violation) report(violation);
  };
}
