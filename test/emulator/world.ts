import { chmodSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { engineEnvironment, ensureToolchain } from "../../tools/toolchain";
import {
  AWS_VERSION,
  BINARY_VARIABLE,
  BRIDGE,
  ensureAwsPlugin,
} from "../../tools/toolchain/mirror-only/bridge";
import { findTerraformProvider } from "../../tools/toolchain/mirror-only/bridge/terraform";
import { withoutPauses } from "./withoutPauses";
import { ensureMoto, startMoto, type Emulator } from "./moto";
import { SIMULATED } from "./unsupported";

/** The real engine and the real AWS provider before an emulated AWS, for the tests of one file. */
export interface World {
  /** A throwaway folder of this world's. */
  folder: string;
  /** What the engine runs in, and what clients of AWS take their endpoint and credentials from. */
  env: NodeJS.ProcessEnv;
  endpoint: string;
  /** The calls that the emulator had no answer to, by name. */
  lacks(): string[];
  end(): Promise<void>;
}

/**
 * The engine, the provider and the emulator, made if they are not there.
 * @throws Error that says what this machine lacks
 */
export async function prepareWorld({ quiet }: { quiet: boolean }) {
  const toolchain = await ensureToolchain({ quiet });
  const { plugin, way } = await ensureAwsPlugin({ pulumi: toolchain.pulumi, quiet });
  // The pauses are the provider's, which behind the bridge is a program of its own.
  const provider =
    way === BRIDGE
      ? {
          DHISTANCE_AWS_PLUGIN: plugin,
          [BINARY_VARIABLE]: await withoutPauses(findTerraformProvider(process.env).binary),
        }
      : { DHISTANCE_AWS_PLUGIN: await withoutPauses(plugin) };
  return { toolchain, provider, moto: await ensureMoto() };
}

export async function startWorld(): Promise<World> {
  const { toolchain, provider, moto } = await prepareWorld({ quiet: true });
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "emulator-")));
  let emulator: Emulator | undefined;
  const end = async () => {
    await emulator?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const home = await engineHome(path.join(folder, "home"), toolchain.rehearsal as string);
    emulator = await startMoto(moto, folder);
    const state = path.join(folder, "state");
    mkdirSync(state);
    const env = {
      ...withoutAws(engineEnvironment(toolchain, { providers: "rehearsal", state })),
      PULUMI_HOME: home,
      ...provider,
      // Most of the time goes into waiting, not into work: by default there are four at once to a core.
      PULUMI_PARALLEL: "32",
      DHISTANCE_SIMULATED_TYPES: Object.keys(SIMULATED).join(","),
      ...awsEnvironment(emulator.endpoint),
    };
    return { folder, env, endpoint: emulator.endpoint, lacks: emulator.lacks, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Neither the account nor the settings of whoever runs the tests come near them. */
function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("AWS_")));
}

function awsEnvironment(endpoint: string): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: "emulator",
    AWS_SECRET_ACCESS_KEY: "emulator",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    // What the emulator refuses it goes on refusing.
    AWS_MAX_ATTEMPTS: "2",
  };
}

/**
 * A Pulumi home whose AWS plugin is the real one behind `proxy/`. The others are the rehearsal's: of `random` and
 * `tls` these are real, `docker` simulates the customer's own Docker host.
 */
async function engineHome(home: string, rehearsal: string): Promise<string> {
  const plugins = path.join(home, "plugins");
  const aws = `resource-aws-v${AWS_VERSION}`;
  await build({
    entryPoints: [path.join(__dirname, "proxy/main.ts")],
    outfile: path.join(plugins, aws, "pulumi-resource-aws"),
    banner: { js: "#!/usr/bin/env node" },
    bundle: true,
    minify: true,
    platform: "node",
    target: "node20",
    logLevel: "silent",
  });
  chmodSync(path.join(plugins, aws, "pulumi-resource-aws"), 0o755);
  // Folders of their own: the engine takes no notice of links among its plugins.
  for (const other of readdirSync(path.join(rehearsal, "plugins")).filter((name) => name !== aws)) {
    mkdirSync(path.join(plugins, other));
    for (const file of readdirSync(path.join(rehearsal, "plugins", other))) {
      symlinkSync(path.join(rehearsal, "plugins", other, file), path.join(plugins, other, file));
    }
  }
  return home;
}
