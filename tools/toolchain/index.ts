import { mkdirSync } from "node:fs";
import path from "node:path";
import { rehearsalHome, withOwnHost } from "./bundle";
import { cacheFolder } from "./cache";
import { findEngine, ENGINE_SOURCES } from "./engine";
import { hostBeside, type EngineSource } from "./engineSource";
import { isExecutable } from "./installedEngine";
import { ENGINE_VERSION } from "./pins";
import { progressOn, silent } from "./progress";

export { engineEnvironment, useToolchain, type EngineSettings } from "./env";

export interface Toolchain {
  /** The engine's version, such as `3.248.0`. */
  version: string;
  /** How the engine was come by. */
  way: string;
  /** The engine's command line. */
  pulumi: string;
  /** The folder to have in front on PATH: `pulumi` and its language host. */
  bin: string;
  /** A Pulumi home whose plugins are the rehearsal providers; absent from a checkout that has none. */
  rehearsal?: string;
  /** Where all of it is kept. */
  cache: string;
}

export interface ToolchainOptions {
  /** No progress on standard error. Default false. */
  quiet?: boolean;
  env?: NodeJS.ProcessEnv;
  ways?: readonly EngineSource[];
}

/**
 * A working engine of the pinned version, language host and rehearsal providers; what is missing is made, which
 * can take minutes once. A further call finds all of it and does nothing.
 * @throws NoEngine naming what stood in each way
 */
export async function ensureToolchain({
  quiet = false,
  env = process.env,
  ways = ENGINE_SOURCES,
}: ToolchainOptions = {}): Promise<Toolchain> {
  const cache = cacheFolder(env);
  const progress = quiet ? silent : progressOn();
  try {
    mkdirSync(cache, { recursive: true });
  } catch (error) {
    throw new Error(
      `there is no place to keep tools: ${(error as Error).message}. Set DHISTANCE_CACHE to a folder.`,
    );
  }
  try {
    const engine = await findEngine({ cache, env, progress }, ways);
    const pulumi = isExecutable(hostBeside(engine.pulumi))
      ? engine.pulumi
      : await withOwnHost(engine.pulumi, { cache, progress });
    const rehearsal = await rehearsalHome({ cache, progress });
    if (engine.made) progress.done(`Pulumi ${ENGINE_VERSION}, ${engine.way}`);
    return {
      version: ENGINE_VERSION,
      way: engine.way,
      pulumi,
      bin: path.dirname(pulumi),
      ...(rehearsal && { rehearsal }),
      cache,
    };
  } finally {
    progress.clear();
  }
}
