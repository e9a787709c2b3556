import { UnknownValueError, type PolicyResource, type ResourceValidation } from "@pulumi/policy";

/**
 * A check of every resource of one type, by its inputs. The SDK's `validateResourceOfType` does the same, but needs the
 * provider's package, whose loading every preview would pay for. A value that a preview does not know yet is judged in the
 * update, where the engine asks again.
 * @param type the type's token, such as `aws:rds/instance:Instance`
 * @param check returns the violation for a person to read, or nothing
 */
export function onEach(
  type: string,
  check: (resource: Pick<PolicyResource, "name" | "props">) => string | undefined,
): ResourceValidation {
  return (resource, report) => {
    if (resource.type !== type) return;
    try {
      const violation = check(resource);
      if (violation) report(violation);
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
    }
  };
}
