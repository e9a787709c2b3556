/** Brings a cluster that is not live to the end of its recovery. */
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { controlData, postmaster } from "./postgres";
import { run, succeeds } from "./process";
import { PitrError } from "./repositories";

export const UNCHANGED = "The live database is unchanged.";
const FOLDER = "/tmp/restored";
const LOG = `${FOLDER}/log`;

/**
 * It goes through the WAL here, on a socket of its own, and only then is it fit to be swapped in.
 * @param settings more of them, as postgres takes them
 * @throws PitrError if it does not get there
 */
export async function recover(cluster: string, settings = ""): Promise<void> {
  await killLeftover(cluster);
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  writeFileSync(LOG, "");
  const options =
    `-c listen_addresses= -c hot_standby=off -c unix_socket_directories=${FOLDER} ` +
    // What is to be archived it keeps: once it is live, and not before, that belongs to the repositories.
    `-c archive_mode=on ${settings}`;
  await run("pg_ctl", ["start", "-D", cluster, "-W", "-l", LOG, "-o", options], {
    output: "discard",
    env: {
      // With locks of its own: the live database goes on handing over its WAL.
      PGBACKREST_LOCK_PATH: `${FOLDER}/lock`,
      PGBACKREST_LOG_LEVEL_CONSOLE: "warn",
    },
  });
  await sleep(2000);
  // `pg_ctl -w` would be content when recovery has begun.
  while (postmaster(cluster, 8) !== "ready") {
    if (!(await succeeds("pg_ctl", ["status", "-D", cluster]))) {
      process.stderr.write(linesOfLog(/FATAL|ERROR/).join(""));
      throw new PitrError(`The WAL does not lead there. ${UNCHANGED}`);
    }
    await sleep(500);
  }
  await run("pg_ctl", ["stop", "-D", cluster, "-w", "-t", "3600", "-m", "fast"], { output: "discard" });
  if ((await controlData(cluster, "Database cluster state")) !== "shut down")
    throw new PitrError(
      `The restored cluster did not reach the end of its recovery: ${linesOfLog(/./).at(-1)?.trim() ?? ""}`,
    );
}

/** Lines of what PostgreSQL wrote while it recovered. */
export function linesOfLog(matching: RegExp): string[] {
  return readFileSync(LOG, "utf8")
    .split("\n")
    .filter((line) => matching.test(line))
    .map((line) => `${line}\n`);
}

/** A command that was killed may have left a PostgreSQL at work on a cluster that nobody uses. */
export async function killLeftover(cluster: string): Promise<void> {
  const pid = Number(postmaster(cluster, 1) ?? 0);
  while (pid > 0 && worksIn(pid) === cluster) {
    try {
      process.kill(pid, "SIGQUIT");
    } catch {
      // It has ended.
    }
    await sleep(500);
  }
}

function worksIn(pid: number): string | undefined {
  try {
    return existsSync(`/proc/${pid}`) ? readlinkSync(`/proc/${pid}/cwd`) : undefined;
  } catch {
    return undefined;
  }
}
