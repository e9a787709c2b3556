import { readdirSync, rmSync, watch } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { aws } from "./aws";
import { docker } from "./docker";
import { random } from "./random";
import type { Provider } from "./resource";
import { serve } from "./serve";
import { tls } from "./tls";

/**
 * Serves the providers that one engine asks for, each on a port of its own: `providers DESK ENGINE`. Every preview asks
 * for five of them one after another, and to start a process for each took a fifth of it.
 *
 * A plugin (`tools/toolchain/plugin.sh`) lays a named pipe `NAME.…` into the folder DESK and reads its port from it. This
 * ends, and with it the pipes and the plugins at their other ends, once the process ENGINE is gone.
 *
 * Without arguments it serves one of each and says so in the form of `PULUMI_DEBUG_PROVIDERS`, for a debugger.
 */
const PROVIDERS: Record<string, Provider> = { aws, docker, random, tls };

const [desk, engine] = process.argv.slice(2);

/** By pipe. Kept from the garbage collector, which would close the handles. */
const answered = new Map<string, Promise<FileHandle>>();

async function answer(desk: string, pipe: string): Promise<void> {
  const provider = PROVIDERS[path.parse(pipe).name];
  if (!provider || answered.has(pipe)) return;
  // Claimed before the first await: another pipe may come meanwhile, and a second line in this one would end its plugin.
  const opened = open(path.join(desk, pipe), "r+");
  answered.set(pipe, opened);
  const port = await serve(provider);
  await (await opened).write(`${port}\n`);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  if (!desk) {
    const served = Object.entries(PROVIDERS).map(
      async ([name, provider]) => `${name}:${await serve(provider)}`,
    );
    console.log((await Promise.all(served)).join(","));
    return;
  }
  const answerAll = (): void => {
    for (const pipe of readdirSync(desk)) void answer(desk, pipe);
  };
  watch(desk, answerAll);
  answerAll();
  setInterval(() => {
    if (isRunning(Number(engine))) return;
    rmSync(desk, { recursive: true, force: true });
    process.exit();
  }, 500);
}

void main();
