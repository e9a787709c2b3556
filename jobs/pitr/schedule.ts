import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { BACKUP_TYPES } from "./info";
import { PitrError, parseRepository } from "./repositories";
import { round, type Schedules } from "./round";
import { watch, WATCH_EVERY } from "./watch";

/** @param texts such as `disk=168,24,1`: hours after which a full, a differential and an incremental backup is due */
export function parseSchedules(texts: readonly string[]): Schedules {
  return texts.map((text) => {
    const [, name, full, diff, incr] = /^([^=]*)=(\d+),(\d+),(\d+)$/.exec(text) ?? [];
    if (name === undefined)
      throw new PitrError(
        `"${text}" is not a schedule; use REPOSITORY=HOURS,HOURS,HOURS for ${BACKUP_TYPES.join(", ")}`,
      );
    return [parseRepository(name), { full: Number(full), diff: Number(diff), incr: Number(incr) }];
  });
}

/** Runs for good: a round now and every hour. @throws PitrError when pgBackRest's server ends */
export async function schedule(schedules: Schedules): Promise<never> {
  // Nobody else may read what is written from here on.
  process.umask(0o077);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  // It takes the database's WAL, and has the keys of the repositories, which the database does not know.
  const server = spawn("pgbackrest", ["server"], { stdio: "inherit" });
  const serverEnds = ended(server).then(() => {
    throw new PitrError("pgbackrest server has ended");
  });
  const repositories = schedules.map(([repository]) => repository);
  const watching = (async () => {
    for (; ; await sleep(WATCH_EVERY * 1000)) await watch(repositories);
  })();
  // It goes on as long as we do; what nobody has foreseen ends everything, and the container starts again.
  watching.catch(() => undefined);
  for (;;) {
    const good = await Promise.race([round(schedules), serverEnds, watching]);
    // snooze waits for the next full hour, by a clock that may be set meanwhile. After a failure it tries again soon.
    const pause = good ? spawn("snooze", ["-H*", "-M0"]) : spawn("sleep", ["300"]);
    await Promise.race([ended(pause), serverEnds, watching]);
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
}

/** Everything that was started ends with us: pgBackRest resumes its backup after the next start. */
function stop(): void {
  process.on("SIGTERM", () => undefined);
  process.kill(0, "SIGTERM");
  process.exit(0);
}
