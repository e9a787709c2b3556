import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { hostBeside, Obstacle, type Engine, type SourceContext } from "./engineSource";
import { ENGINE_VERSION } from "./pins";

const run = promisify(execFile);

/** A `pulumi` that is on PATH already, if it is the pinned one and has its language host. */
export async function findInstalledEngine({ cache, env }: SourceContext): Promise<Omit<Engine, "way">> {
  const remedy = `install Pulumi ${ENGINE_VERSION}: https://www.pulumi.com/docs/iac/download-install/versions/`;
  // What this project put on PATH itself is not the machine's own.
  const own = existsSync(cache) ? realpathSync(cache) + path.sep : undefined;
  const pulumi = onPath("pulumi", env).find((file) => !own || !realpathSync(file).startsWith(own));
  if (!pulumi) throw new Obstacle("there is no `pulumi` on PATH", remedy);
  const version = await pulumiVersion(pulumi, env);
  if (version !== ENGINE_VERSION) {
    throw new Obstacle(`${pulumi} is ${version}, not ${ENGINE_VERSION}`, remedy);
  }
  const host = hostBeside(realpathSync(pulumi));
  if (!isExecutable(host)) throw new Obstacle(`${pulumi} lacks its language host ${host}`, remedy);
  return { pulumi, made: false };
}

/** What `pulumi version` says, without its `v`; a sentence about it if it cannot be run. */
export async function pulumiVersion(pulumi: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  try {
    const { stdout } = await run(pulumi, ["version"], {
      env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeout: 30_000,
    });
    return stdout.trim().replace(/^v/, "");
  } catch (error) {
    return `not to be run (${(error as Error).message.split("\n")[0]})`;
  }
}

/** Every executable of that name on PATH, in its order. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string[] {
  return (env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .filter(isExecutable);
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
