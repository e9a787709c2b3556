import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Toolchain } from ".";

const ROOT = path.resolve(__dirname, "..");

export interface EngineSettings {
  /**
   * `rehearsal`: providers that make nothing, with a backend and a Pulumi home of their own, so that neither the
   * user's credentials nor a real stack's state come near them. `real`: whatever the user has set.
   */
  providers: "rehearsal" | "real";
  /** Where the rehearsal's stacks are kept; default is `.dhistance/state` in the checkout. */
  state?: string;
}

/** The passphrase of rehearsal stacks. It guards nothing: no secret of a rehearsal is one. */
const PUBLIC_PASSPHRASE = "rehearsal";
export const REHEARSAL_STATE = path.join(ROOT, ".dhistance", "state");

/** The environment that the engine is to be started in. Pure: folders named by it need not exist. */
export function engineEnvironment(
  toolchain: Toolchain,
  { providers, state = REHEARSAL_STATE }: EngineSettings,
  env: NodeJS.ProcessEnv = process.env,
): NodeJS.ProcessEnv {
  const others = (env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => folder !== toolchain.bin && !folder.startsWith(`${toolchain.cache}${path.sep}`));
  const engine: NodeJS.ProcessEnv = {
    ...env,
    PATH: [toolchain.bin, ...others].join(path.delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // From Node 22 on, programs start with the machine code of their last run; older ones take no notice.
    NODE_COMPILE_CACHE: env["NODE_COMPILE_CACHE"] ?? path.join(toolchain.cache, "compiled"),
  };
  if (providers === "real") return engine;
  if (!toolchain.rehearsal)
    throw new Error("there are no rehearsal providers in this checkout (rehearsal/main.ts)");
  const { PULUMI_CONFIG_PASSPHRASE_FILE: _, ...rest } = engine;
  return {
    ...rest,
    PULUMI_HOME: toolchain.rehearsal,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: PUBLIC_PASSPHRASE,
    // Rehearsal providers or none: neither a real one that happens to be on PATH nor a download.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}

/** Puts this process and what it starts into that environment, and makes the folder of a rehearsal's stacks. */
export function useToolchain(toolchain: Toolchain, settings: EngineSettings): void {
  const env = engineEnvironment(toolchain, settings);
  if (settings.providers === "rehearsal") {
    mkdirSync(settings.state ?? REHEARSAL_STATE, { recursive: true });
    delete process.env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  }
  Object.assign(process.env, env);
}
