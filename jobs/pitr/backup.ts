import { existsSync } from "node:fs";
import { alarm, attempt } from "./alarms";
import type { BackupType } from "./info";
import { newestMetrics, publish } from "./metrics";
import { damagedOf, PATHS } from "./paths";
import { backupsOf, on, ONLY_WARNINGS, pgbackrest } from "./pgbackrest";
import { run } from "./process";
import type { Repository } from "./repositories";
import { neededByFullBackup, spaceForBackup } from "./space";

/**
 * Whether backups of the repository are damaged, or the newest one is of a database with damaged pages. Retention counts
 * those as well, so that what is past its retention may be the last good one.
 */
async function isSuspect(repository: Repository): Promise<boolean> {
  return existsSync(damagedOf(repository)) || (await backupsOf(repository))[0]?.hasDamagedPages === true;
}

/** @returns whether there is a new backup, of a database without damaged pages */
export async function backUp(repository: Repository, type: BackupType): Promise<boolean> {
  const keepAll = (await isSuspect(repository)) ? ["--no-expire-auto"] : [];
  const made = await attempt(`${repository}: ${type} backup failed`, () =>
    pgbackrest(["backup", on(repository), `--type=${type}`, ...keepAll], { output: "show" }),
  );
  if (!made) {
    // Of a full disk pgBackRest reports whatever its last attempt ran into.
    await hasSpace(repository, "full");
    return false;
  }
  if (!(await databaseIsIntact(repository))) return false;
  const backups = await backupsOf(repository);
  if (backups.length > 0) publish(repository, newestMetrics(repository, backups));
  return true;
}

/** A backup ends with 0 when pages of the live database do not match their checksums, and only takes a note of it. */
export async function databaseIsIntact(repository: Repository): Promise<boolean> {
  if ((await backupsOf(repository))[0]?.hasDamagedPages !== true) return true;
  alarm(
    `${repository}: the live database has damaged pages, as the newest backup shows: restore to a point in time before them`,
  );
  return false;
}

/** Whether a backup of this type may be made: see `spaceForBackup`. The bucket has no limit that we know of. */
export async function hasSpace(repository: Repository, type: BackupType | undefined): Promise<boolean> {
  if (repository !== "disk") return true;
  const needed = neededByFullBackup(await backupsOf(repository));
  // What is past its retention goes with the next backup, or now.
  if ((await available(PATHS.disk)) <= needed && !(await isSuspect(repository)))
    await pgbackrest(["expire", on(repository), ONLY_WARNINGS]);
  const { problem, mayBackUp } = spaceForBackup(type, await available(PATHS.disk), needed);
  if (problem !== undefined) alarm(`${repository}: ${problem}`);
  return mayBackUp;
}

/** Bytes that are left on a directory's disk, as `df` has them: it knows every file system's block size. */
export async function available(directory: string): Promise<number> {
  const { output } = await run("df", ["-B1", "--output=avail", directory], { output: "capture" });
  return Number(output.toString().trim().split("\n").at(-1));
}
