import { execFile, spawn, type ChildProcess } from "node:child_process";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../jobs/testing/postgres";
import { cached, cacheFolder, contentHash } from "../../toolchain/cache";
import { Obstacle } from "../../toolchain/engine";
import { onPath } from "../../toolchain/machine";

/** moto's server: an emulator of AWS. Pinned with everything that it needs, by checksum. */
const REQUIREMENTS = path.join(__dirname, "requirements.txt");
/** As moto itself asks. */
const PYTHON = [3, 10] as const;

export interface Moto {
  /** The folder that its Python packages are in. */
  packages: string;
  python: string;
}

/**
 * moto, installed into the cache by the machine's own pip if it is not there.
 * @throws Obstacle if there is no Python or no pip, or if pip cannot install it
 */
export async function ensureMoto(env: NodeJS.ProcessEnv = process.env): Promise<Moto> {
  const python = onPath("python3", env)[0];
  const remedy = `install Python ${PYTHON.join(".")} or later with pip (apt-get install python3-pip)`;
  if (!python) throw new Obstacle("there is no python3 on PATH", remedy);
  const run = (args: string[]) => promisify(execFile)(python, args, { env, maxBuffer: 1 << 26 });
  try {
    const { stdout } = await run(["-c", "import sys, pip; print(sys.version)"]);
    // Compiled now, and not at every start.
    const options = ["--quiet", "--compile", "--disable-pip-version-check", "--root-user-action=ignore"];
    const what = ["--only-binary=:all:", "--require-hashes", "--requirement", REQUIREMENTS];
    const hash = contentHash([stdout, ...options], [REQUIREMENTS]);
    const { folder } = await cached(cacheFolder(env), `moto-${hash}`, {
      make: async (folder) => {
        await run(["-m", "pip", "install", ...options, "--target", folder, ...what]);
      },
    });
    return { packages: folder, python };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Obstacle(`moto: ${(stderr || message).trim().split("\n").at(-1)}`, remedy);
  }
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
