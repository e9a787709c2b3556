import { SpecError } from "../config";

/**
 * Keys of a stack file that have another name now. The old name is read for one version, with a warning, so that a
 * tenant is not stopped by an upgrade. Remove an entry with the version after.
 */
const OLD_KEY = "copies";
const NEW_KEY = "locations";

/** Whether a spec uses `backups.copies`. One that has the new key as well is refused as any unknown key is. */
function usesOldKey(tenant: unknown): tenant is { backups: Record<string, unknown> } {
  const backups = (tenant as { backups?: unknown } | null | undefined)?.backups;
  return typeof backups === "object" && backups !== null && OLD_KEY in backups && !(NEW_KEY in backups);
}

/** A spec under the names of today. */
export function withNewNames(tenant: unknown): unknown {
  if (!usesOldKey(tenant)) return tenant;
  const { [OLD_KEY]: locations, ...backups } = tenant.backups;
  return { ...tenant, backups: { ...backups, [NEW_KEY]: locations } };
}

/** Messages and commands name a key as the stack file has it: a command with the new name would add a second list. */
export function asInFile(tenant: unknown, text: string): string {
  return usesOldKey(tenant) ? text.replaceAll(`backups.${NEW_KEY}`, `backups.${OLD_KEY}`) : text;
}

/**
 * Runs what judges a spec under the names of today.
 * @throws SpecError whose problems have the names of the stack file
 */
export function judge<T>(tenant: unknown, work: (renamed: unknown) => T): T {
  try {
    return work(withNewNames(tenant));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError(error.problems.map((problem) => asInFile(tenant, problem)));
  }
}

/** A warning for each old name that a spec uses. */
export function oldNameWarnings(tenant: unknown): string[] {
  return usesOldKey(tenant)
    ? [
        `backups.${OLD_KEY}: is now backups.${NEW_KEY}; rename the key in the stack file. ` +
          "The next version does not read the old name.",
      ]
    : [];
}
