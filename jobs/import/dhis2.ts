/** What a dump says of the DHIS2 that it is of, and whether another DHIS2 starts on it. */
import { newestRelease, releaseOf, releasesOf } from "../../plans/releases";

/** Flyway's table of DHIS2, by `schema.name`; another application may have one in a schema of its own. */
export function isMigrationTable(table: string): boolean {
  return table === "public.flyway_schema_history";
}

export interface Migration {
  /** `2.42.5`: the fifth migration of DHIS2 2.42. Repeatable ones have none. */
  version: string | undefined;
  succeeded: boolean;
}

/** The DHIS2 that has last run on the database, as `2.42`; undefined when no migration tells. */
export function dhis2Version(migrations: Migration[]): string | undefined {
  return newestMigration(migrations)?.split(".").slice(0, 2).join(".");
}

/** By number, not by when it ran: `2.42.52` of any order. */
export function newestMigration(migrations: Migration[]): string | undefined {
  return migrations
    .flatMap(({ version }) => (version !== undefined && /^\d+\.\d+/.test(version) ? [version] : []))
    .toSorted(compareVersions)
    .at(-1);
}

/** `42.5.2`, `2.42.5.2` and `42` are all 42; undefined for what is no version of DHIS2. */
export function majorVersion(version: string): number | undefined {
  const match = /^(?:2\.)?(\d{2})(?:\.\d+)*(?:-\S+)?$/.exec(version);
  return match ? Number(match[1]) : undefined;
}

/** Why DHIS2 would not start on the database; undefined when nothing says so. `serverVersion`: of the DHIS2 that is to. */
export function startProblem(migrations: Migration[], serverVersion?: string): string | undefined {
  const failed = migrations.find(({ succeeded }) => !succeeded);
  if (failed) {
    return (
      `A migration of the database to a newer DHIS2 (${failed.version ?? "a repeatable one"}) had failed when it was dumped; ` +
      "DHIS2 would not start on it. Repair the original and dump it again."
    );
  }
  if (serverVersion === undefined) return undefined;
  const newest = newestMigration(migrations);
  const dhis2 = dhis2Version(migrations);
  if (newest === undefined || dhis2 === undefined) {
    return "The dump holds no DHIS2 database: the table flyway_schema_history is missing or empty.";
  }
  const [theirs = 0, ours = 0] = [majorVersion(dhis2), majorVersion(serverVersion)];
  if (theirs > ours) {
    return (
      `The dump is of DHIS2 ${dhis2}, newer than the server's ${serverVersion}; there is no way back to an older ` +
      `version. Let the server be ${theirs} or newer first.`
    );
  }
  const known = knownRelease(serverVersion);
  if (known === undefined || compareVersions(newest, known.newestMigration) <= 0) return undefined;
  return (
    `The dump is of a later release of DHIS2 ${theirs} than the server's ${serverVersion}: its newest migration is ${newest}, ` +
    `that of ${known.version} is ${known.newestMigration}. DHIS2 ${serverVersion} would not start on it. ` +
    `Set the server's version to the release that the dump is of${releaseWith(newest, serverVersion)}, or a newer one.`
  );
}

/** What could not be compared: the server's release is newer than the table, and so is the dump. */
export function uncheckedRelease(migrations: Migration[], serverVersion: string): string | undefined {
  const newest = newestMigration(migrations);
  const last = newestRelease(withoutTwo(serverVersion));
  const dhis2 = dhis2Version(migrations);
  if (newest === undefined || dhis2 === undefined || knownRelease(serverVersion)) return undefined;
  if (majorVersion(dhis2) !== majorVersion(serverVersion)) return undefined;
  if (last && compareVersions(newest, last.newestMigration) <= 0) return undefined;
  return (
    `Not compared: DHIS2 ${serverVersion} is not among the releases that this DHIStance knows ` +
    `(newest: ${last?.version ?? "none of this major"}). If the dump (migration ${newest}) is of a later one, DHIS2 will not start.`
  );
}

/** `42` and `42.5` mean the newest of these, as the tags of DHIS2's images do. */
function knownRelease(serverVersion: string) {
  const version = withoutTwo(serverVersion);
  if (version.includes("-") || version.split(".").length > 2) return releaseOf(version);
  return releasesOf(version).findLast((release) => `${release.version}.`.startsWith(`${version}.`));
}

function releaseWith(migration: string, serverVersion: string): string {
  const last = newestRelease(withoutTwo(serverVersion));
  return last && compareVersions(migration, last.newestMigration) <= 0 ? ` (at most ${last.version})` : "";
}

function withoutTwo(version: string): string {
  return version.replace(/^2\.(?=\d{2}(\.|-|$))/, "");
}

/** By their numbers: 2.42.9 comes before 2.42.10. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
