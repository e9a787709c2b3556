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
