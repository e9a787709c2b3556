import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { lastWords } from "../lastWords";
import { RunFailed } from "../runFailed";
import { connect } from "./engine";

/** A health check that begins so has seen a start that failed, and waits for nothing more (images/jobs/start). */
const FAILED_START = "DHIS2 failed to start";
/** So often may it end and be started again before it is given up. */
const RESTARTS = 3;
/** Of the log so much is read for them. */
const TAIL = 1000;

/**
 * Waits until a container's health check passes.
 * @param patience seconds
 * @throws RunFailed if it keeps ending, if its check fails for good, or if patience ran out
 */
export async function waitUntilHealthy(
  host: string,
  name: string,
  patience: number,
  show: (line: string) => Promise<void>,
  docker: Docker = connect(host),
): Promise<void> {
  const container = docker.getContainer(name);
  const { RestartCount: before, State: found } = await container.inspect();
  // Whoever waits for it now wants it tried again.
  if (failedStart(found)) await container.restart();
  const deadline = Date.now() + patience * 1000;
  let shown = Date.now();
  for (;;) {
    const { State, RestartCount } = await container.inspect();
    const { Health, Status, ExitCode } = State;
    if (Health?.Status === "healthy") return;
    const ended = RestartCount - before;
    const why =
      failedStart(State) ??
      // While it runs again it has no exit code.
      (ended >= RESTARTS && Status !== "running"
        ? `it ended ${ended} times, the last time with exit code ${ExitCode}`
        : Status === "exited" || Status === "dead"
          ? `it ended with exit code ${ExitCode}`
          : Status === "running" && Health?.Status === "unhealthy"
            ? `its health check fails: ${Health.Log.at(-1)?.Output.trim() ?? ""}`
            : Date.now() > deadline
              ? `it still starts after ${patience} s; if it only needs longer, run pulumi up again: it will wait on`
              : undefined);
    if (why !== undefined)
      throw new RunFailed([`${name} did not start: ${why}`, ...(await lastLines(container))].join("\n"));
    if (Date.now() - shown > 30_000) {
      shown = Date.now();
      await show((await lastLines(container)).at(-1) ?? "waiting");
    }
    await sleep(500);
  }
}

/** Whether DHIS2 has given up in a container that runs: it waits for a restart, and nothing else. */
export function gaveUp(state: Docker.ContainerInspectInfo["State"]): boolean {
  return /^DHIS2 failed to start \d+ times/.test(failedStart(state) ?? "");
}

/** The provider knows no such limit; the engine takes one for a container that runs, and keeps it. */
export async function limitProcesses(host: string, name: string, pids: number): Promise<void> {
  await connect(host).getContainer(name).update({ PidsLimit: pids });
}

/** What the health check says of a start that has failed; of an earlier run of the container it is not asked. */
function failedStart({
  Running,
  StartedAt,
  Health,
}: Docker.ContainerInspectInfo["State"]): string | undefined {
  const last = Health?.Log?.at(-1);
  if (!Running || !last || new Date(last.Start) < new Date(StartedAt)) return undefined;
  return last.Output.startsWith(FAILED_START) ? last.Output.trim() : undefined;
}

async function lastLines(container: Docker.Container): Promise<string[]> {
  const output = await container.logs({ stdout: true, stderr: true, tail: TAIL });
  return lastWords(frames(output).split(/\r?\n/));
}

/** The text in the engine's frames: eight bytes of header; the last four are the length. */
function frames(output: Buffer): string {
  const texts: string[] = [];
  for (let at = 0; at + 8 <= output.length;) {
    const length = output.readUInt32BE(at + 4);
    texts.push(output.toString("utf8", at + 8, at + 8 + length));
    at += 8 + length;
  }
  return texts.join("");
}
