/** What a verify finds damaged, and what can be healed of it. */

/** A file of the WAL archive: a segment, or the history of a timeline. Its path is below the archive's folder. */
export interface DamagedWal {
  kind: "wal";
  file: string;
}

/** A backup with files that are damaged or missing. */
export interface DamagedBackup {
  kind: "backup";
  label: string;
}

/** One of a backup's two manifests; the other one is intact. */
export interface DamagedManifest {
  kind: "manifest";
  label: string;
  intact: string;
  damaged: string;
}

/** archive.info or backup.info. */
export interface DamagedInfo {
  kind: "info";
}

export type Finding = DamagedWal | DamagedBackup | DamagedManifest | DamagedInfo;

/** As it is written down, and shown to people. */
export function findingText(finding: Finding): string {
  switch (finding.kind) {
    case "wal":
      return `wal ${finding.file}`;
    case "backup":
      return `backup ${finding.label}`;
    case "manifest":
      return `manifest ${finding.label} ${finding.intact} ${finding.damaged}`;
    case "info":
      return "info archive.info or backup.info";
  }
}

/** The findings in a text of `findingText`'s lines. Other lines are ignored. */
export function parseFindings(text: string): Finding[] {
  return text.split("\n").flatMap((line): Finding[] => {
    const [kind, first, intact, damaged] = line.split(" ");
    if (kind === "info") return [{ kind }];
    if (first === undefined) return [];
    switch (kind) {
      // The shell script before this program wrote `log` and `set`, and what it wrote may still be there.
      case "wal":
      case "log":
        return [{ kind: "wal", file: first }];
      case "backup":
      case "set":
        return [{ kind: "backup", label: first }];
      case "manifest":
        return intact === undefined || damaged === undefined ? [] : [{ kind, label: first, intact, damaged }];
      default:
        return [];
    }
  });
}

/**
 * Reads `pgbackrest verify --output=text`, which ends with 0 whatever it found.
 * @param listed the backups that the repository lists, by their labels
 * @param present the names in its folder of backups: of a backup without a folder pgBackRest says nothing
 */
export function verifyFindings(
  output: string,
  listed: readonly string[],
  present: ReadonlySet<string>,
): Finding[] {
  const said = output.split("\n");
  return [
    ...said.flatMap(damagedWal),
    ...said.flatMap(invalidBackup),
    // A backup that was interrupted is not listed, and has one manifest of two as well.
    ...listed.flatMap((label) => damagedManifest(said, label)),
    ...listed.filter((label) => !present.has(label)).map((label) => ({ kind: "backup" as const, label })),
  ];
}

function damagedWal(line: string): DamagedWal[] {
  const pattern = /.*(?:invalid [a-z]+|file missing) '?([^ ']*[0-9A-F]{24}-[0-9a-f]{40}[.a-z]*)/;
  const [, file] = pattern.exec(line) ?? [];
  return file === undefined ? [] : [{ kind: "wal", file }];
}

function invalidBackup(line: string): DamagedBackup[] {
  const [, label] = /.*backup: ([^ ,]+), status: invalid/.exec(line) ?? [];
  return label === undefined ? [] : [{ kind: "backup", label }];
}

const MANIFEST = "backup.manifest";

function damagedManifest(said: readonly string[], label: string): Finding[] {
  const says = (text: string) => said.some((line) => line.includes(text));
  const copy = `${MANIFEST}.copy`;
  return [
    ...(says(`manifest missing for '${label}'`) ? [{ kind: "backup" as const, label }] : []),
    ...(says(`backup '${label}' manifest.copy does not match`)
      ? [{ kind: "manifest" as const, label, intact: MANIFEST, damaged: copy }]
      : []),
    ...([" ", "/"].some((before) => says(`${before}${label}/${MANIFEST} is missing or unusable`))
      ? [{ kind: "manifest" as const, label, intact: copy, damaged: MANIFEST }]
      : []),
  ];
}

/** Each finding once, in order. */
export function distinct(findings: readonly Finding[]): Finding[] {
  const byText = new Map(findings.map((finding) => [findingText(finding), finding]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, finding]) => finding);
}

/** The name of a segment in the archive, without the checksum: `17-1/…/000000010000000000000001`. */
const segmentPath = (file: string) => file.replace(/-[0-9a-f]{40}.*$/, "");
const nameOf = (file: string) => file.slice(file.lastIndexOf("/") + 1);

/**
 * Segments that another repository of the same cluster has, and that belong between those that are here.
 * @param own files of this repository's archive with a checksum in their names; `other` those of the other's
 * @param firstSegments of this repository's backups: nothing before the first of them is needed
 * @param isWaiting whether PostgreSQL still has to hand a segment over
 */
export function missingSegments({
  own,
  other,
  firstSegments,
  isWaiting,
}: {
  own: readonly string[];
  other: readonly string[];
  firstSegments: readonly (string | undefined)[];
  isWaiting: (segment: string) => boolean;
}): DamagedWal[] {
  const here = new Set(own.map(segmentPath));
  const last = nameOf([...here].sort().at(-1) ?? "");
  const known = firstSegments.filter((segment) => segment !== undefined);
  const first = known.sort()[0];
  if (first === undefined || known.length < firstSegments.length) return [];
  return other.flatMap((file) => {
    const segment = nameOf(segmentPath(file));
    const belongs = !here.has(segmentPath(file)) && segment >= first && segment < last;
    return belongs && !isWaiting(segment) ? [{ kind: "wal" as const, file }] : [];
  });
}

/** What to do about damaged backups: only what an intact full backup replaces is removed. */
export type Step =
  | { step: "remove"; intact: string }
  | { step: "verify" }
  | { step: "backUp" }
  | { step: "giveUp"; damagedInRow: number }
  | { step: "nothing" };

/** Of full backups after one another that are damaged. */
export const MOST_ATTEMPTS = 3;

/**
 * @param fulls the full backups, newest first
 * @param verifiedAt when the last verify has ended, in seconds
 * @param attempt from 1
 */
export function healingStep({
  damaged,
  fulls,
  verifiedAt,
  attempt,
}: {
  damaged: readonly string[];
  fulls: readonly { label: string; stop: number }[];
  verifiedAt: number;
  attempt: number;
}): Step {
  if (damaged.length === 0) return { step: "nothing" };
  const intact = fulls.findIndex(({ label }) => !damaged.includes(label));
  const damagedInRow = intact === -1 ? fulls.length : intact;
  const newest = fulls[0];
  if (damagedInRow === 0 && newest) {
    // No verify has read it yet.
    if (newest.stop >= verifiedAt) return { step: "verify" };
    return { step: "remove", intact: newest.label };
  }
  if (damagedInRow >= MOST_ATTEMPTS || attempt >= MOST_ATTEMPTS) return { step: "giveUp", damagedInRow };
  return { step: "backUp" };
}

export type InfoStep = "intact" | "remember" | "fromCopy" | "fromMain" | "fromKnown" | "unreadable" | "wait";

/**
 * What to do about archive.info or backup.info. pgBackRest keeps each twice and reads nothing without them; here is a third
 * one, and two that agree are right. The third backup.info may be older, since every backup writes a new one.
 * @param args checksums of the main file, its second file, and the one that is kept here; empty if it cannot be read
 */
export function infoStep({
  main,
  copy,
  known,
  mainUsable,
  knownUsable,
}: {
  main: string;
  copy: string;
  known: string;
  mainUsable: boolean;
  knownUsable: boolean;
}): InfoStep {
  if (main === copy && mainUsable) return known === main ? "intact" : "remember";
  // Nor with a wrong passphrase: what cannot be read for that reason is not damaged.
  if (!knownUsable) return "unreadable";
  if (known === main) return "fromMain";
  if (known === copy) return "fromCopy";
  if (!mainUsable) return "fromKnown";
  // The next backup writes both.
  return "wait";
}
