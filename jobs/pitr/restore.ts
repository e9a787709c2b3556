/** Restores beside the live cluster. */
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { available } from "./backup";
import { futureBackups } from "./future";
import { lockFile } from "./lock";
import { PATHS } from "./paths";
import { backupsOf, infoOf, on, pgbackrest } from "./pgbackrest";
import { controlData, databaseAnswers, sql } from "./postgres";
import { run } from "./process";
import { killLeftover, linesOfLog, recover, UNCHANGED } from "./recover";
import { PitrError, type Repository } from "./repositories";
import { noSpaceToRestore } from "./space";
import { refusePrevious } from "./swap";
import { workFolder } from "./workFolder";

/** @param moment such as `2026-11-25 10:00:00+00`. @default the newest there is */
export async function restore(repository: Repository, moment = ""): Promise<void> {
  // Of the newest state the backups may be of the future: the clock was ahead when they were made.
  const seconds = moment === "" ? Infinity : await secondsOf(moment);
  refusePrevious();
  const lock = await lockFile("/tmp/restore", 60);
  if (lock === undefined)
    throw new PitrError("Another restore of this server is under way in its container. Wait for it to end.");
  await killLeftover(PATHS.restored);
  rmSync(PATHS.restored, { recursive: true, force: true });
  const live = await liveEnd(repository);
  mkdirSync(PATHS.restored, { mode: 0o700 });
  await restoreFiles({ repository, moment, seconds, timeline: live?.timeline, lock });
  await recover(PATHS.restored);
  for (const line of linesOfLog(/last completed transaction|recovery stopping before/))
    process.stdout.write(line.replace(/.*?(?=last completed transaction|recovery stopping before)/, ""));
  if (moment === "" && live?.end !== undefined) await refuseGap(repository, live.end);
  console.log("Restored beside the live database.");
}

/** GNU date knows the forms that people write. */
async function secondsOf(moment: string): Promise<number> {
  const { code, output } = await run("date", ["-d", moment, "+%s"], { output: "capture" });
  if (code === 0) return Number(output.toString());
  throw new PitrError(`"${moment}" is not a point in time; use, for example, '2026-11-25 10:00:00+00'`);
}

interface LiveEnd {
  timeline: string | undefined;
  /** Where its WAL ends; nothing if not all of it has arrived in the repository. */
  end: string | undefined;
}

/** Of the live database; undefined if it does not answer, or is another one than the backups are of after a loss. */
async function liveEnd(repository: Repository): Promise<LiveEnd | undefined> {
  if (!(await databaseAnswers())) return undefined;
  const system = await sql("select system_identifier from pg_control_system()");
  const info = await infoOf(repository).catch(() => undefined);
  if (system === undefined || !info?.systems.includes(system)) return undefined;
  const end = await closeWal(repository);
  return { end, timeline: await sql("select timeline_id from pg_control_checkpoint()") };
}

/**
 * Recovery finds a point in time by a commit after it, and the newest WAL has to have arrived.
 * @returns where it ends, if it has
 */
async function closeWal(repository: Repository): Promise<string | undefined> {
  if ((await sql("select pg_current_xact_id()")) === undefined) return undefined;
  const newest = await sql("select pg_walfile_name(lsn), lsn from pg_switch_wal() lsn");
  const [segment, end] = newest?.split("|") ?? [];
  if (segment === undefined || end === undefined) return undefined;
  const file = join(workFolder(), "segment");
  const args = [
    "--no-archive-async",
    on(repository),
    "--log-level-console=off",
    "archive-get",
    segment,
    file,
  ];
  for (let tries = 0; tries < 300; tries++) {
    if (tries === 2) console.log(`Waiting for the newest WAL to arrive in ${repository}, at most 5 minutes.`);
    if ((await pgbackrest(args)).code === 0) return end;
    await sleep(1000);
  }
  process.stderr.write(
    "The newest WAL has not arrived there. Points in time before it can be restored all the same.\n",
  );
  return undefined;
}

/** pgBackRest's code for a backup that does not lead to the timeline. */
const NOT_ON_TIMELINE = 58;

/** @throws PitrError if no backup can be restored */
async function restoreFiles({
  repository,
  moment,
  seconds,
  timeline,
  lock,
}: {
  repository: Repository;
  moment: string;
  seconds: number;
  timeline: string | undefined;
  lock: number;
}): Promise<void> {
  const target =
    moment === "" ? ["--type=default"] : ["--type=time", `--target=${moment}`, "--target-action=promote"];
  const backups = await backupsOf(repository);
  if (moment !== "" && futureBackups(backups, Date.now() / 1000).length > 0)
    console.log(
      "The clock of this server was ahead. A restore to a point in time ends before the first transaction with a later time: check what is missing, or restore without --to.",
    );
  const candidates = backups.filter(({ stop }) => stop <= seconds);
  let why = `no backup in ${repository} is that old`;
  for (const { label, size } of candidates) {
    const noSpace = noSpaceToRestore(size, await available(PATHS.data));
    if (noSpace !== undefined) throw new PitrError(`${noSpace} ${UNCHANGED}`);
    const args = ["restore", on(repository), `--pg1-path=${PATHS.restored}`, `--set=${label}`, ...target];
    const onTimeline = timeline ? [`--target-timeline=${timeline}`] : [];
    // pgBackRest holds the lock to its end: it may outlive us.
    const { code } = await pgbackrest([...args, ...onTimeline], { holds: lock, output: "show" });
    if (code === 0) return;
    why = "see above";
    // The backup is of a timeline that a swap or an undo has ended. One before may lead to the present one.
    if (code !== NOT_ON_TIMELINE) break;
  }
  throw new PitrError(`Nothing was restored: ${why}. ${UNCHANGED}`);
}

/** PostgreSQL takes a gap in the WAL for its end. */
async function refuseGap(repository: Repository, end: string): Promise<void> {
  const reached = await controlData(PATHS.restored, "Latest checkpoint location");
  if ((await sql(`select '${reached}'::pg_lsn < '${end}'::pg_lsn`)) === "t")
    throw new PitrError(
      `The WAL in ${repository} has a gap there: nothing newer can be restored from it. Use the other repository, or name a point in time before the gap. ${UNCHANGED}`,
    );
}

/** Puts the cluster that is kept before an upgrade on a timeline of its own: that of the migrated one goes on elsewhere. */
export async function branch(): Promise<void> {
  const kept = PATHS.beforeUpgrade;
  if (!existsSync(join(kept, "before-upgrade"))) return;
  // One that was interrupted may still be at work.
  await lockFile("/tmp/branch");
  closeSync(openSync(join(kept, "recovery.signal"), "a"));
  // The last restore to a point in time may have left its target in the cluster. PostgreSQL takes it back only before
  // another one.
  const settings = [
    "recovery_target_time=",
    "recovery_target=immediate",
    "recovery_target_action=promote",
    "recovery_target_timeline=current",
    `restore_command='pgbackrest --no-archive-async --pg1-path=${kept} archive-get %f %p'`,
  ];
  await recover(kept, settings.map((setting) => `-c ${setting}`).join(" "));
}
