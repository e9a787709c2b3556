import { mkdirSync } from "node:fs";
import path from "node:path";
import { ensureToolchain } from "./";
import { engineEnvironment, REHEARSAL_STATE, stacksIn } from "./env";

/**
 * `eval "$(npm run --silent env)"`: what has to be in a shell for plain `pulumi` to work in this checkout. On
 * standard output are `export` lines alone; what a person should know goes to standard error.
 */
async function main(): Promise<void> {
  const env = process.env;
  const toolchain = await ensureToolchain();
  const backend = env["PULUMI_BACKEND_URL"];
  // A backend of the user's own holds real stacks. Providers that make nothing have no business with their state.
  const real = backend !== undefined && backend !== stacksIn(REHEARSAL_STATE);
  const wanted = engineEnvironment(toolchain, { providers: real ? "real" : "rehearsal" });
  if (real) {
    console.error(`PULUMI_BACKEND_URL is ${backend}: real providers. Unset it for the rehearsal.`);
  } else {
    mkdirSync(REHEARSAL_STATE, { recursive: true });
    if (env["PULUMI_CONFIG_PASSPHRASE"] ?? env["PULUMI_CONFIG_PASSPHRASE_FILE"]) {
      delete wanted["PULUMI_CONFIG_PASSPHRASE"];
      if (env["PULUMI_CONFIG_PASSPHRASE"] !== "rehearsal") {
        console.error("The passphrase you have set stays. The example stacks' is `rehearsal`.");
      }
    }
  }
  for (const line of exports(toolchain.bin, env, wanted)) console.log(line);
}

/** `export` lines for what differs. PATH is put in front of the shell's own: the one here has npm's additions. */
export function exports(bin: string, present: NodeJS.ProcessEnv, wanted: NodeJS.ProcessEnv): string[] {
  const onPath = present["PATH"]?.split(path.delimiter).includes(bin);
  return [
    ...(onPath ? [] : [`export PATH=${quote(bin)}:"$PATH"`]),
    ...Object.entries(wanted)
      .filter(([name, value]) => name !== "PATH" && value !== undefined && value !== present[name])
      .map(([name, value]) => `export ${name}=${quote(String(value))}`),
  ];
}

function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(`error: ${(error as Error).message}`);
    process.exitCode = 1;
  });
}
