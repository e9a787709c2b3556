/** What cannot wait for the hourly round: whether the repositories can be reached, and whether the WAL arrives. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ALARM } from "./alarms";
import { futureProblem } from "./future";
import { PATHS } from "./paths";
import { infoOf } from "./pgbackrest";
import { databaseAnswers } from "./postgres";
import type { Repository } from "./repositories";

/** Alarms come within five minutes: a look takes at most a minute, and what reads it half a minute. Seconds. */
export const WATCH_EVERY = 120;
/** A segment of the WAL that waits longer than this has met something. Seconds. */
const WAL_PATIENCE = 210;

/** Looks once, and leaves word for the health check. */
export async function watch(repositories: readonly Repository[]): Promise<void> {
  const problems = await Promise.all([...repositories.map(problemOf), databaseAnswers().then(problemOfWal)]);
  const lines = problems.flatMap((problem) => (problem === undefined ? [] : [`${ALARM}${problem}\n`]));
  // A round looks as well, perhaps at the same time.
  const whole = `${PATHS.watched}.${randomUUID()}`;
  writeFileSync(whole, lines.join(""));
  renameSync(whole, PATHS.watched);
}

async function problemOf(repository: Repository): Promise<string | undefined> {
  try {
    const { status, backups } = await infoOf(repository, { impatient: true });
    // 1 to 3: it does not exist yet, or has no backup. The round makes them, and says what is in its way.
    if (status && status.code > 3) return `${repository}: cannot be used: ${status.message.split("\n")[0]}`;
    return futureProblem(repository, backups, Date.now() / 1000);
  } catch (error) {
    return `${repository}: cannot be used: ${(error as Error).message}`;
  }
}

/** PostgreSQL keeps a file for each segment until every repository has it. While it does not run, none is handed over. */
function problemOfWal(databaseRuns: boolean): string | undefined {
  if (!databaseRuns) return undefined;
  const since = waitingSince(PATHS.archiveStatus);
  const seconds = since === undefined ? 0 : Date.now() / 1000 - since;
  if (seconds < WAL_PATIENCE) return undefined;
  return `WAL of the last ${Math.round(seconds / 60)} minutes has not arrived in every location: if the host is lost, it is lost`;
}

/** Since when the segment has been waiting that waits longest, in seconds. */
export function waitingSince(folder: string): number | undefined {
  // While there is no cluster, its loss is said elsewhere.
  if (!existsSync(folder)) return undefined;
  // Renamed by `round`, a file keeps the time of its content: here counts when it got its name.
  const times = readdirSync(folder)
    .filter((name) => name.endsWith(".ready"))
    .map((name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.ctimeMs ?? Infinity) / 1000);
  return times.length === 0 ? undefined : Math.min(...times);
}
