/** A DHIS2 version as the spec has it: `42.5.2`, or with the time of its build, `42.5.2-20260826T150401Z`. */
function parts(version: string): number[] {
  const [numbers = "", built = ""] = version.split("-");
  return [...numbers.split(".").map(Number), Number(built.replace(/\D/g, ""))];
}

/** Why a server cannot go from one version to the other, if it cannot. */
export function refuseDowngrade(server: string, before: string, now: string): string | undefined {
  const [from, to] = [parts(before), parts(now)];
  const differs = from.findIndex((part, index) => part !== (to[index] ?? 0));
  if (differs < 0 || (from[differs] ?? 0) < (to[differs] ?? 0)) return undefined;
  return (
    `server "${server}" runs DHIS2 ${before}; it cannot go back to ${now}, because its database has been migrated. ` +
    `Allowed: ${before} or later. To return to older data, restore them into a new server of the older version.`
  );
}

/** `42.5.2` is of major 42. */
export function majorOf(version: string): number {
  return Number(version.split(".")[0]);
}

/** Why a server cannot be upgraded yet, if something in its database is in the way. */
export function refuseObstacles(
  server: string,
  version: string,
  obstacles: readonly string[],
): string | undefined {
  if (obstacles.length === 0) return undefined;
  return (
    `server "${server}" cannot be upgraded to DHIS2 ${version} yet: its migration would fail on ${obstacles.join("; ")}. ` +
    "Nothing was stopped. Repair these rows in DHIS2 or as the page says, then run it again."
  );
}
