import { spawn, type ChildProcess } from "node:child_process";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../jobs/testing/postgres";
import { pipInstalled } from "../../tools/toolchain/pip";

/** moto's server: an emulator of AWS. Pinned with everything that it needs, by checksum. */
const REQUIREMENTS = path.join(__dirname, "requirements.txt");
export interface Moto {
  /** The folder that its Python packages are in. */
  packages: string;
  python: string;
}

/**
 * moto, installed into the cache if it is not there.
 * @throws Obstacle if there is no Python or no pip, or if pip cannot install it
 */
export function ensureMoto(env: NodeJS.ProcessEnv = process.env): Promise<Moto> {
  return pipInstalled({ name: "moto", requirements: REQUIREMENTS }, env);
}

/** Of the account that everything in the emulator is in: the one that components take for a rehearsal. */
export const ACCOUNT = "000000000000";

export interface Emulator {
  endpoint: string;
  /** The calls that it had no answer to, by name. */
  lacks(): string[];
  stop(): Promise<void>;
}

/** Starts the emulator on a free port; what it says goes into `folder`. */
export async function startMoto({ packages, python }: Moto, folder: string): Promise<Emulator> {
  const log = path.join(folder, "moto.log");
  const lacks = path.join(folder, "moto.lacks");
  writeFileSync(lacks, "");
  const port = await freePort();
  const output = openSync(log, "w");
  const server = spawn(python, [path.join(__dirname, "emulator.py"), "-H", "127.0.0.1", "-p", String(port)], {
    env: {
      ...process.env,
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: "1",
      MOTO_ACCOUNT_ID: ACCOUNT,
      DHISTANCE_LACKS: lacks,
      // Seconds until a certificate is issued.
      MOTO_ACM_VALIDATION_WAIT: "0",
      MOTO_IAM_LOAD_MANAGED_POLICIES: "true",
    },
    stdio: ["ignore", output, output],
  });
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answering(`${endpoint}/moto-api/data.json`, server, log);
  } catch (error) {
    server.kill();
    throw error;
  }
  return {
    endpoint,
    lacks: () => readFileSync(lacks, "utf8").split("\n").filter(Boolean),
    stop: () => stopped(server),
  };
}

async function answering(url: string, server: ChildProcess, log: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (server.exitCode !== null) break;
    const there = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (there) return;
    await sleep(200);
  }
  throw new Error(`moto does not answer:\n${readFileSync(log, "utf8").slice(-2000)}`);
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise((resolve) => server.once("exit", resolve));
  server.kill();
  await gone;
}
