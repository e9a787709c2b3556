import table from "./releases.json";

/** What the DHIS2 project has released and what is known to be wrong with it, as of the table's date. */

export interface Release {
  /** `42.5.2`. */
  version: string;
  /** The day, in UTC. */
  released: string;
  /** Flyway's version of the newest migration that it makes, `2.42.52`. */
  newestMigration: string;
}

/** The majors that a server may run; a new one is added here once its image and migrations were tried. */
export const SUPPORTED_DHIS2_MAJORS = [41, 42, 43] as const;

const MAJORS: readonly { major: number; supported: boolean; releases: readonly Release[] }[] = table.majors;

/** One known fault: its releases are those before the fix of their major, or those named. */
interface Fault {
  id: string;
  what: string;
  versions?: readonly string[];
  fixedIn: Readonly<Record<string, string | undefined>>;
}

const FAULTS: readonly (Fault & { kind: string })[] = [
  ...table.advisories.map((advisory) => ({ kind: "security advisory", ...advisory })),
  ...table.knownDefects.map((defect) => ({ kind: "known defect", ...defect })),
];

/**
 * How far beyond the table a version may lie. The project makes about six minor releases a year, and seldom more than
 * two patches of one; a number beyond these is a mistake in typing.
 */
const LATER = { minors: 12, patches: 9 };

/** The release of a version, whichever build of it is meant (`42.5.2-20260826T150401Z`). */
export function releaseOf(version: string): Release | undefined {
  return releasesOf(version).find((release) => release.version === numbersOf(version).join("."));
}

/** The newest release of a version's major that the table knows. */
export function newestRelease(version: string): Release | undefined {
  return [...releasesOf(version)].sort((a, b) => compare(b.version, a.version))[0];
}

/** Why there can be no such version, if there cannot: of a major that the table does not know nothing is said. */
export function noSuchRelease(version: string): string | undefined {
  const newest = newestRelease(version);
  if (!newest || releaseOf(version) || isLater(version, newest)) return undefined;
  const [major] = numbersOf(version);
  return `DHIS2 has no such release; allowed: a release of DHIS2 ${major}, such as ${newest.version}`;
}

/**
 * Whether a version of DHIS2 starts on a database: it knows all migrations that were made in it. Of a release that the
 * table does not have, nobody can tell.
 * @param migrations versions of Flyway, such as `2.42.52`
 */
export function startsOn(version: string, migrations: readonly string[]): boolean {
  const release = releaseOf(version);
  if (!release || migrations.length === 0) return false;
  return migrations.every((migration) => compare(migration, release.newestMigration) <= 0);
}

/** What speaks against running a version, each with the release that mends it. */
export function releaseWarnings(version: string): string[] {
  const newest = newestRelease(version);
  if (!newest) return [];
  const [major = 0] = numbersOf(version);
  const faults = FAULTS.flatMap(({ kind, id, what, versions, fixedIn }) => {
    const fixed = fixedIn[major];
    if (!fixed || compare(version, fixed) >= 0) return [];
    if (versions && !versions.includes(numbersOf(version).join("."))) return [];
    return [`${kind} ${id} (${what}); fixed in ${fixed}`];
  });
  const advice = `use ${newest.version}`;
  return [
    ...faults.map((fault) => `DHIS2 ${version} has the ${fault}; ${advice}.`),
    ...(isSupported(major)
      ? []
      : [`DHIS2 ${major} is no longer supported by the DHIS2 project; upgrade to ${newestSupported()}.`]),
    ...(releaseOf(version)
      ? []
      : [
          `DHIS2 ${version} is newer than this release of DHIStance knows (${newest.version}, ${table.asOf}): ` +
            "check that it exists and has no security advisory.",
        ]),
  ];
}

function isSupported(major: number): boolean {
  return MAJORS.some((known) => known.major === major && known.supported);
}

function newestSupported(): string {
  const [major] = MAJORS.filter(({ supported }) => supported).map((known) => known.major);
  return newestRelease(`${major}.0.0`)?.version ?? "";
}

/** Released after the table was made: a patch of the newest minor, or a minor after it. */
function isLater(version: string, newest: Release): boolean {
  const [, minor = 0, patch = 0] = numbersOf(version);
  const [, lastMinor = 0, lastPatch = 0] = numbersOf(newest.version);
  if (patch > LATER.patches || minor > lastMinor + LATER.minors) return false;
  return minor > lastMinor || (minor === lastMinor && patch > lastPatch);
}

/** All of a version's major, the oldest first. */
export function releasesOf(version: string): readonly Release[] {
  return MAJORS.find(({ major }) => major === numbersOf(version)[0])?.releases ?? [];
}

function numbersOf(version: string): number[] {
  return (version.split("-")[0] ?? "").split(".").map(Number);
}

function compare(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  return left.map((part, index) => part - (right[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
