import { existsSync, readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { EngineError, openStack, type Project } from "./stacks";

/**
 * Removes the lock of an interrupted run on this machine, because the engine refuses to run while a lock exists.
 * @param state the folder of the stacks' state
 * @throws EngineError if the process that holds the lock still runs
 */
export async function removeStaleLocks(project: Project, name: string, state: string): Promise<void> {
  const folder = path.join(state, ".pulumi/locks/organization/dhistance", name);
  const locks = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];
  const holders = locks.map((file) => JSON.parse(readFileSync(path.join(folder, file), "utf8")) as Holder);
  if (holders.length === 0) return;
  const living = holders.find(({ pid, hostname: host }) => host !== hostname() || alive(pid));
  if (living) {
    throw new EngineError([
      `another run is in progress on ${name} (${living.username}@${living.hostname}, process ${living.pid}); wait until it ends`,
    ]);
  }
  await (await openStack(project, name)).cancel();
}

interface Holder {
  pid: number;
  username: string;
  hostname: string;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
