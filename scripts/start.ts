import { Command, Option } from "commander";
import { Listr } from "listr2";
import pc from "picocolors";
import { ensureToolchain, useToolchain } from "../toolchain";
import { tenants } from "./checkout";
import { EngineError, preview, up, type Outcome } from "./engine";
import { PLATFORM, preparePlatform, prepareTenants } from "./rehearsal";
import { describeTenant, describeNext, type TenantOutputs } from "./summary";

const OVER_QUOTA = "over-quota";

interface Options {
  tenant: string;
  json: boolean;
}

const choices = tenants().filter((tenant) => tenant !== OVER_QUOTA);
const command = new Command("npm start --")
  .description(
    "Brings up an example tenant on the rehearsal target (the real Pulumi engine, with providers that make " +
      "nothing), then shows a tenant over its quota being refused.",
  )
  .addOption(new Option("--tenant <name>", "the tenant to bring up").choices(choices).default("moh-premium"))
  .option("--json", "print the outcome as JSON and nothing else on standard output", false)
  .action(start);

async function start({ tenant, json }: Options): Promise<void> {
  if (!json)
    console.log(`${pc.bold("DHIStance rehearsal")}: nothing real is made, no cloud account is used.\n`);
  const toolchain = await ensureToolchain({ quiet: json });
  useToolchain(toolchain, { providers: "rehearsal" });

  const outcome: { platform?: Outcome; tenant?: Outcome; refusal?: string[] } = {};
  const tasks = new Listr(
    [
      {
        title: "Local issuer and entitlements of the example tenants",
        task: async (_, task) => {
          const issued = await prepareTenants();
          task.title += issued.length ? `: issued ${issued.join(", ")}` : ": in force";
        },
      },
      {
        title: `Platform ${PLATFORM}`,
        task: async (_, task) => {
          outcome.platform = await preparePlatform((doing) => (task.output = doing));
          task.title += `: ${changed(outcome.platform)}`;
        },
      },
      {
        title: `Tenant ${tenant}`,
        task: async (_, task) => {
          outcome.tenant = await up("tenant", tenant, (doing) => (task.output = doing));
          task.title += `: ${changed(outcome.tenant)}`;
        },
      },
      {
        title: `Tenant ${OVER_QUOTA} is refused`,
        task: async (_, task) => {
          outcome.refusal = await refusal(OVER_QUOTA, (doing) => (task.output = doing));
        },
      },
    ],
    { renderer: json ? "silent" : "default", fallbackRenderer: json ? "silent" : "simple" },
  );
  await tasks.run();

  const outputs = Object.fromEntries(
    Object.entries(outcome.tenant?.outputs ?? {}).map(([name, { value }]) => [name, value as unknown]),
  ) as unknown as TenantOutputs;
  if (json) {
    console.log(
      JSON.stringify(
        { tenant: outputs, changes: outcome.tenant?.changes, refusal: outcome.refusal },
        null,
        2,
      ),
    );
  } else {
    console.log(`\n${describeTenant(outputs)}`);
    console.log(
      `\n${pc.bold("A tenant over its quota is refused")}  ${pc.dim(`npm run preview -- ${OVER_QUOTA}`)}`,
    );
    for (const line of outcome.refusal?.join("\n").split("\n") ?? []) console.log(`  ${pc.red(line)}`);
    console.log(`\n${describeNext(tenant, choices)}`);
  }
}

function changed({ changes, seconds }: Outcome): string {
  const counts = (["create", "update", "replace", "delete"] as const)
    .filter((op) => changes[op])
    .map((op) => `${changes[op]} ${op}d`);
  return `${counts.join(", ") || "no change"} in ${seconds.toFixed(0)} s`;
}

/** Previews a tenant that has to be refused. */
async function refusal(tenant: string, report: (doing: string) => void): Promise<string[]> {
  try {
    await preview("tenant", tenant, report);
  } catch (error) {
    if (error instanceof EngineError) return error.complaints;
    throw error;
  }
  throw new EngineError([`tenant ${tenant} was not refused although it is over its quota`]);
}

command.parseAsync().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`${pc.red("error:")} ${message}`);
  if (process.env["DHISTANCE_DEBUG"]) console.error(error);
  process.exitCode = 1;
});
