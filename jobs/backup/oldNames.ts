/**
 * A JSON object under the names of today. The old names are read for one version: files with them are on customers' disks
 * and in their buckets. An object with both is left as it is.
 * @param names the new name of each old one
 */
export function withNewNames(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const renamed = ([key, of]: [string, unknown]): [string, unknown] => {
    const name = Object.hasOwn(names, key) ? names[key] : undefined;
    return [name !== undefined && !Object.hasOwn(value, name) ? name : key, of];
  };
  return Object.fromEntries(Object.entries(value).map(renamed));
}

/** Of the configuration of an agent (`configuration.ts`). */
export const OLD_CONFIGURATION = { copies: "backups", told: "reports" };
/** Of the dimensions of metrics in CloudWatch (`health.ts`): task definitions and agents of the former version have them. */
export const OLD_DIMENSIONS = { Place: "Location" };
/** Of the figures of a drill (`drill.ts`). */
export const OLD_FIGURES = { copy: "location" };
/** Of what `list --json` prints (`commands.ts`). */
export const OLD_LIST = { copies: "backups", copy: "location" };
