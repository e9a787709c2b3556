import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { cached, cacheFolder, contentHash } from "./cache";
import { onPath } from "./installedEngine";
import { Obstacle } from "./engineSource";

export interface PipInstall {
  /** For a person, and of the folder in the cache. */
  name: string;
  /** The file that pins everything, by checksum. */
  requirements: string;
  options?: readonly string[];
  /** What is done with the folder once the packages are in it. */
  finish?: (folder: string) => Promise<void>;
}

/** As the newest of what is installed asks. */
const PYTHON = [3, 10] as const;

/**
 * Python packages, installed into the cache by the machine's own pip if they are not there.
 * @returns the folder they are in, and the Python they are for
 * @throws Obstacle if there is no Python or no pip, or if pip cannot install them
 */
export async function pipInstalled(
  { name, requirements, options = [], finish }: PipInstall,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ packages: string; python: string }> {
  const python = onPath("python3", env)[0];
  const remedy = `install Python ${PYTHON.join(".")} or later with pip (apt-get install python3-pip)`;
  if (!python) throw new Obstacle("there is no python3 on PATH", remedy);
  const run = (args: string[]) => promisify(execFile)(python, args, { env, maxBuffer: 1 << 26 });
  try {
    const { stdout } = await run(["-c", "import sys, pip; print(sys.version)"]);
    // Compiled now, and not at every start.
    const how = [
      "--quiet",
      "--compile",
      "--disable-pip-version-check",
      "--root-user-action=ignore",
      ...options,
    ];
    const what = ["--only-binary=:all:", "--require-hashes", "--requirement", requirements];
    const hash = contentHash([stdout, ...how], [requirements]);
    const { folder } = await cached(cacheFolder(env), `${name}-${hash}`, {
      make: async (folder) => {
        await run(["-m", "pip", "install", ...how, "--target", folder, ...what]);
        await finish?.(folder);
      },
    });
    return { packages: folder, python };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Obstacle(`${name}: ${(stderr || message).trim().split("\n").at(-1)}`, remedy);
  }
}
