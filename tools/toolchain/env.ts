import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Toolchain } from "./";

const ROOT = path.resolve(__dirname, "../..");

export type EngineSettings =
  | {
      /**
       * Providers that make nothing, with a backend and a Pulumi home of their own, so that neither the user's
       * credentials nor a real stack's state come near them.
       */
      providers: "rehearsal";
      /** Where the rehearsal's stacks are kept; default is `.dhistance/state` in the checkout. */
      state?: string;
    }
  | {
      /** The real Docker provider (`dockerHome.ts`), with a backend and a passphrase that the user's have no part in. */
      providers: "docker";
      /** The Pulumi home with that provider. */
      home: string;
      state: string;
      passphraseFile: string;
    }
  /** Whatever the user has set. */
  | { providers: "real" };

/** The passphrase of rehearsal stacks. It guards nothing: no secret of a rehearsal is one. */
const PUBLIC_PASSPHRASE = "rehearsal";
export const REHEARSAL_STATE = path.join(ROOT, ".dhistance", "state");

/** The environment that the engine is to be started in. Pure: folders named by it need not exist. */
export function engineEnvironment(
  toolchain: Toolchain,
  settings: EngineSettings,
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
  if (settings.providers === "real") return engine;
  const { PULUMI_CONFIG_PASSPHRASE_FILE: _, PULUMI_CONFIG_PASSPHRASE: __, ...rest } = engine;
  const apart = {
    ...rest,
    PULUMI_BACKEND_URL: stacksIn(stateOf(settings)),
    // The home's providers or none: neither another one that happens to be on PATH nor a download.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Examples' entitlements come from the checkout's own issuer. Nothing else trusts it.
    DHISTANCE_ISSUERS: env["DHISTANCE_ISSUERS"] || path.join(ROOT, ".dhistance", "issuers.json"),
  };
  if (settings.providers === "docker")
    return { ...apart, PULUMI_HOME: settings.home, PULUMI_CONFIG_PASSPHRASE_FILE: settings.passphraseFile };
  if (!toolchain.rehearsal)
    throw new Error("there are no rehearsal providers in this checkout (tools/rehearsal/main.ts)");
  return { ...apart, PULUMI_HOME: toolchain.rehearsal, PULUMI_CONFIG_PASSPHRASE: PUBLIC_PASSPHRASE };
}

/**
 * The address of a folder of stacks, for the engine. Of itself it would keep attributes beside each file, that nothing
 * reads, and write them in place: killed in between, it could not open the stack again (`failed to load checkpoint: EOF`).
 */
export function stacksIn(folder: string): string {
  return `file://${folder}?metadata=skip`;
}

function stateOf({ state }: Exclude<EngineSettings, { providers: "real" }>): string {
  return state ?? REHEARSAL_STATE;
}

/** Puts this process and what it starts into that environment, and makes the folder of stacks of our own. */
export function useToolchain(toolchain: Toolchain, settings: EngineSettings): void {
  const env = engineEnvironment(toolchain, settings);
  if (settings.providers !== "real") {
    mkdirSync(stateOf(settings), { recursive: true, mode: 0o700 });
    delete process.env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    delete process.env["PULUMI_CONFIG_PASSPHRASE"];
  }
  Object.assign(process.env, env);
}
