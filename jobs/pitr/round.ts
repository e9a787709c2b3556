/** What the container does every hour: makes the backups that are due, verifies, heals. */
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { alarm, attempt, sayAlarm } from "./alarms";
import { backUp, databaseIsIntact, hasSpace } from "./backup";
import { dueBackup, type Schedule } from "./due";
import { futureProblem } from "./future";
import { heal } from "./heal";
import type { BackupType, Info } from "./info";
import { closingGapOf, gapOf, PATHS } from "./paths";
import { alone, infoOf } from "./pgbackrest";
import type { Ended } from "./process";
import type { Repository } from "./repositories";
import { checkInfoFiles, verify } from "./verify";
import { watch } from "./watch";

export type Schedules = [Repository, Schedule][];

/** @returns whether everything succeeded */
export async function round(schedules: Schedules): Promise<boolean> {
  writeFileSync(PATHS.alarmsNow, "");
  const usable: Schedules = [];
  for (const [repository, schedule] of schedules)
    if (await attempt(`${repository}: cannot be used`, () => create(repository)))
      usable.push([repository, schedule]);
  const created = usable.length === schedules.length;
  if (created) touch(PATHS.created);
  else copyFileSync(PATHS.alarmsNow, PATHS.alarms);
  let good = created;
  for (const [repository, schedule] of usable)
    if (!(await keep(repository, schedule).catch(failed(repository)))) good = false;
  // Ends the alarms of what the round has mended.
  await watch(schedules.map(([repository]) => repository));
  renameSync(PATHS.alarmsNow, PATHS.alarms);
  touch(PATHS.round);
  return good;
}

/** The health check looks at how old the file is. */
function touch(file: string): void {
  writeFileSync(file, `${new Date().toISOString()}\n`);
}

/** What nobody has foreseen at one repository must not keep the other one from its backups. */
function failed(repository: Repository): (error: Error) => boolean {
  return (error) => {
    alarm(`${repository}: ${error.message}`);
    return false;
  };
}

/** Makes a repository, if it does not exist. */
async function create(repository: Repository): Promise<Ended> {
  const look = () => infoOf(repository, { impatient: true });
  try {
    let info = await look();
    if (![GOOD, NO_BACKUP, OTHER].includes(info.status?.code ?? -1) || info.unreadable) {
      // Some of what was there may be left.
      await checkInfoFiles(repository);
      info = await look();
    }
    return await createIfMissing(repository, info);
  } catch (error) {
    return shown(`ERROR: ${(error as Error).message}`);
  }
}

/** pgBackRest's codes of a repository (info's `status.code`). */
const [GOOD, NO_BACKUP, OTHER] = [0, 2, 99];
/** pgBackRest ends with this code while another process of it is at work. */
const LOCKED = 50;

async function createIfMissing(repository: Repository, { status }: Info): Promise<Ended> {
  if (status?.code === GOOD || status?.code === NO_BACKUP) return { code: 0, output: Buffer.alloc(0) };
  // Making the repository would not mend that.
  if (status?.code === OTHER) return shown(`ERROR: ${status.message.split("\n")[0]}`);
  // It is locked while WAL arrives.
  let ended: Ended = { code: LOCKED, output: Buffer.alloc(0) };
  for (let tries = 0; tries < 5 && ended.code === LOCKED; tries++) {
    if (tries > 0) await sleep(2000);
    ended = await alone(repository, ["stanza-create"], { output: "show" });
  }
  return ended;
}

function shown(error: string): Ended {
  process.stdout.write(`${error}\n`);
  return { code: 1, output: Buffer.from(error) };
}

/** One repository's part of a round. @returns whether everything succeeded */
async function keep(repository: Repository, schedule: Schedule): Promise<boolean> {
  await checkInfoFiles(repository);
  let good = await heal(repository);
  const arrives = await attempt(`${repository}: WAL does not arrive`, () =>
    alone(repository, ["check"], { output: "show" }),
  );
  if (!arrives) good = false;
  const future = await infoOf(repository).then(
    ({ backups }) => futureProblem(repository, backups, Date.now() / 1000),
    () => undefined,
  );
  if (future !== undefined) alarm(future);
  const type = beginClosingGap(repository) ? "full" : await due(repository, schedule);
  if (!(await hasSpace(repository, type))) return false;
  if (type === undefined) return (await databaseIsIntact(repository)) && good;
  if (!(await backUp(repository, type))) return false;
  rmSync(closingGapOf(repository), { force: true });
  if (type === "full" && !(await verify(repository)) && !(await heal(repository))) good = false;
  return good;
}

async function due(repository: Repository, schedule: Schedule): Promise<BackupType | undefined> {
  return infoOf(repository).then(
    ({ backups }) => dueBackup(backups, schedule, Date.now() / 1000),
    () => "full",
  );
}

/** After WAL was dropped a full backup is due, for no backup before reaches past the gap. @returns whether it was */
function beginClosingGap(repository: Repository): boolean {
  const [gap, closing] = [gapOf(repository), closingGapOf(repository)];
  if (existsSync(gap)) renameSync(gap, closing);
  if (!existsSync(closing)) return false;
  // Without the history of its timeline no backup leads on: PostgreSQL is to hand it over again.
  for (const name of readdirSync(PATHS.archiveStatus).filter((each) => each.endsWith(".history.done")))
    renameSync(join(PATHS.archiveStatus, name), join(PATHS.archiveStatus, name.replace(/done$/, "ready")));
  sayAlarm(
    `${repository}: WAL was dropped (the queue was full): points in time since then cannot be restored from ${repository} until the full backup that starts now is done`,
  );
  return true;
}
