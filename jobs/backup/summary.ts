/** What came of it, for people to read. */
import pc from "picocolors";
import { duration } from "../import/cli/progress";
import { bytesText } from "../import/spool";
import type { Drill } from "./drill";
import type { ExportResult } from "./export";
import { leftOutText } from "./fileStore";
import type { Receipt } from "./manifest";
import type { ReplicateResult } from "./replicate";
import { missingFilesText, type RowsWithoutFile } from "../fileResources";
import type { FilesOnlyResult, RestoreResult } from "./restore";
import type { FilesRestored, UndoneFiles } from "./restoreFiles";

const number = (value: number) => value.toLocaleString("en");
const short = (id: string) => id.slice(0, 8);

export function exportSummary(result: ExportResult): string {
  const { repository, snapshot, rows, tables, bytes, added, seconds } = result;
  const { leftOut, filesLeftOut, comparedWith, shrunk, accepted } = result;
  return [
    `${pc.green("Exported")} to ${repository}, backup ${pc.bold(short(snapshot))}`,
    `  ${number(rows)} rows in ${number(tables)} tables, ${bytesText(bytes)} with the file store, in ${duration(seconds)}`,
    `  The repository grew by ${bytesText(added)}.`,
    ...(leftOut.length === 0
      ? []
      : [`  Without the rows of tables that DHIS2 generates: ${leftOut.join(", ")}`]),
    ...(filesLeftOut
      ? [pc.yellow(`  Not in the backup, of the file store: ${leftOutText(filesLeftOut)}`)]
      : []),
    comparedWith.length === 0
      ? "  There is no earlier backup to compare it with."
      : `  Compared with the ${comparedWith.length === 1 ? "backup" : "backups"} of ${comparedWith.join(" and ")}` +
        (shrunk.length + accepted.length === 0 ? ": nothing is missing." : "."),
    ...shrunk.map((what) => pc.yellow(`  Missing: ${what}`)),
    ...accepted.map((what) => `  Accepted as intended: ${what}`),
  ].join("\n");
}

/** What to do about a backup that holds less than those before it. */
export function shrunkMessage(location: string, at: string, shrunk: readonly string[]): string {
  return (
    `The newest backup in ${location}, of ${at}, lacks what earlier backups have: ${shrunk.join("; ")}. Retention removes ` +
    "no backup meanwhile. Find out what was lost and restore it from an earlier backup; if it is meant to be so, " +
    "make a backup with --accept-shrink."
  );
}

export function replicateSummary(server: string, result: ReplicateResult): string {
  const { copied, healed, removed, newest } = result;
  return [
    `${server}: ${copied === 0 ? "nothing new" : `${number(copied)} new ${copied === 1 ? "backup" : "backups"}`}; ` +
      (newest ? `the newest is of ${newest.at}, ${number(newest.rows)} rows` : "there is no backup"),
    ...healed.map((name) => pc.yellow(`  Damage was found in ${name} and healed.`)),
    ...removed.map((name) => `  ${name} was removed (past its retention).`),
  ].join("\n");
}

export interface Listed extends Receipt {
  snapshot: string;
  checkedAt: string | undefined;
  restoredAt: string | undefined;
}

export function backupList(
  location: string,
  {
    backups,
    drill: last,
    signedByOthers: others,
  }: { backups: Listed[]; drill?: Drill | undefined; signedByOthers: number },
  now: Date,
): string {
  const age = (at: string) => duration(Math.max(0, (now.getTime() - Date.parse(at)) / 1000));
  const verified = ({ checkedAt, restoredAt }: Listed) =>
    [restoredAt && `restored ${age(restoredAt)} ago`, checkedAt && `read completely ${age(checkedAt)} ago`]
      .filter(Boolean)
      .join(", ") || "not verified yet";
  return [
    pc.bold(location),
    ...(others > 0
      ? [
          pc.yellow(
            `  Not shown: ${number(others)} ${others === 1 ? "backup" : "backups"} signed with another key.`,
          ),
        ]
      : []),
    ...backups.map((backup) =>
      [
        `  ${short(backup.snapshot)}  ${backup.at.slice(0, 19).replace("T", " ")} UTC`,
        `${age(backup.at)} old`,
        `${backup.server}, ${number(backup.rows)} rows, ${bytesText(backup.bytes)}`,
        `DHIS2 ${backup.dhis2 ?? "unknown"}, PostgreSQL ${backup.postgresql}`,
        verified(backup),
        ...(backup.shrunk ? [pc.yellow("lacks what earlier backups have")] : []),
      ].join("  "),
    ),
    ...(last ? [`  Last drill ${age(last.at)} ago: recovered in ${duration(last.rtoSeconds)}`] : []),
  ].join("\n");
}

function filesLines({ added, replaced, present }: FilesRestored, withoutFile?: RowsWithoutFile): string[] {
  const missing = withoutFile && missingFilesText(withoutFile);
  return [
    `  File store: added ${number(added)}, replaced ${number(replaced)}, already there ${number(present)}`,
    ...(missing === undefined ? [] : [pc.yellow(`  ${missing}`)]),
  ];
}

export function filesOnlySummary(result: FilesOnlyResult, target: string): string {
  const { snapshot, at, files, filesLeftOut, withoutFile } = result;
  return [
    `${pc.green("Restored")} files into ${pc.bold(target)} from the backup of ${at} (${short(snapshot)})`,
    ...filesLines(files, withoutFile),
    ...(withoutFile && withoutFile.missing === 0 ? ["  Every row of fileresource has its file."] : []),
    ...(filesLeftOut ? [pc.yellow(`  Not in this backup: ${leftOutText(filesLeftOut)}`)] : []),
    ...(files.added + files.replaced === 0
      ? []
      : [
          `  To undo it:               backup undo-files --files-to ${target}`,
          `  To delete what was kept:  backup confirm-files --files-to ${target}`,
        ]),
  ].join("\n");
}

export function undoneSummary({ added, replaced, undone }: UndoneFiles): string {
  const counts = `${number(added)} added and ${number(replaced)} replaced files`;
  return undone
    ? `Undone: ${counts} are as before the restore. What was restored is kept; undo-files again brings it back.`
    : `The undo is undone: ${counts} are as the restore made them.`;
}

export function confirmedSummary(restores: number): string {
  return restores === 0
    ? "Nothing is kept of any restore of files."
    : `Deleted what was kept to undo ${number(restores)} ${restores === 1 ? "restore" : "restores"} of files.`;
}

export function restoreSummary(result: RestoreResult): string {
  const { database, snapshot, at, rows, tables, files, settings, kept, verified, seconds } = result;
  const { rolesMade, lacking, withoutFile } = result;
  return [
    `${pc.green("Restored")} ${pc.bold(database)} as it was at ${at} (backup ${short(snapshot)}), in ${duration(seconds)}`,
    `  ${number(rows)} rows in ${number(tables)} tables, as many as the manifest says`,
    ...(files ? filesLines(files, withoutFile) : []),
    ...(settings.length === 0 ? [] : [`  Settings: ${settings.join(", ")}`]),
    ...(rolesMade.length === 0
      ? []
      : [
          `  Roles made, which cannot log in yet: ${rolesMade.join(", ")}`,
          "    let one log in:  ALTER ROLE … LOGIN PASSWORD …",
        ]),
    ...lacking.map((what) => pc.yellow(`  Not restored: ${what}`)),
    ...(verified ? [] : [pc.yellow("  No signature was verified: no --public-key was given.")]),
    ...(kept === undefined
      ? []
      : [
          `  The previous database is kept as ${pc.bold(kept)}.`,
          `    back to it:  import rollback --database ${database} …`,
          `    drop it:     import confirm --database ${database} …`,
        ]),
    "  Next: start DHIS2 with the encryption.password of this backup, and let it make its analytics tables",
    "  (POST /api/resourceTables/analytics).",
  ].join("\n");
}

export function drillSummary(figures: Drill): string {
  const { location, snapshot, of, rpoSeconds, rtoSeconds, rows, tables, bytes, files, seconds } = figures;
  return [
    `${pc.green("Intact.")} ${location}, backup ${pc.bold(short(snapshot))} of ${of}`,
    `  ${number(rows)} rows in ${number(tables)} tables, ${number(files)} files, ${bytesText(bytes)}: as the manifest says`,
    `  Would be lost (RPO): ${duration(rpoSeconds)}. Until it runs again (RTO): ${duration(rtoSeconds)}`,
    `    (fetched in ${duration(seconds.fetch)}, loaded in ${duration(seconds.load)}, compared in ${duration(seconds.compare)})`,
  ].join("\n");
}

export function drilledBefore({ location, at, rtoSeconds }: Drill): string {
  return `${location}: no drill is due. The last one, of ${at}, recovered in ${duration(rtoSeconds)}.`;
}
