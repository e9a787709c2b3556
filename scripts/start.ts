import { Command, Option } from "commander";
import pc from "picocolors";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { tenants } from "./checkout";
import { changed, EngineError, preview, showWarnings, up, valuesOf, type Outcome } from "./engine";
import { dockerTenants, startOnDocker, takeDown } from "./onDocker";
import { PLATFORM, preparePlatform, prepareTenants } from "./rehearsal";
import { steps } from "./steps";
import { describeTenant, describeNext, type TenantOutputs } from "./summary";

const OVER_QUOTA = "over-quota";

interface Options {
  target: "rehearsal" | "docker";
  tenant?: string;
  down: boolean;
  yes: boolean;
  json: boolean;
}

const choices = tenants().filter((tenant) => tenant !== OVER_QUOTA);
const onDocker = dockerTenants(choices);
export const program = new Command("npm start --")
  .description(
    "Brings up an example tenant. On the target rehearsal it is the real Pulumi engine with providers that make " +
      "nothing, and a tenant over its quota is refused as well; on the target docker it is a server for real, on " +
      "this machine's Docker engine, or on that of DOCKER_HOST.",
  )
  .addOption(
    new Option("--target <target>", "where it is brought up")
      .choices(["rehearsal", "docker"])
      .default("rehearsal"),
  )
  .addOption(
    new Option(
      "--tenant <name>",
      "the tenant to bring up (default: moh-premium; on docker moh-docker)",
    ).choices(choices),
  )
  .option("--down", "with docker: take the tenant down instead, its data with it", false)
  .option("--yes", "with --down: do not ask", false)
  .option("--json", "print the outcome as JSON and nothing else on standard output", false)
  .action(async ({ target, tenant, down, yes, json }: Options) => {
    if (target === "rehearsal") {
      if (down || yes) program.error("error: --down and --yes go with --target docker");
      return start({ tenant: tenant ?? "moh-premium", json });
    }
    const chosen = tenant ?? "moh-docker";
    if (!onDocker.includes(chosen))
      program.error(`error: tenant ${chosen} is not on Docker; allowed: ${onDocker.join(", ")}`);
    if (yes && !down) program.error("error: --yes goes with --down");
    return down ? takeDown({ tenant: chosen, json, yes }) : startOnDocker({ tenant: chosen, json });
  });

async function start({ tenant, json }: { tenant: string; json: boolean }): Promise<void> {
  if (!json)
    console.log(`${pc.bold("DHIStance rehearsal")}: nothing real is made, no cloud account is used.\n`);
  const toolchain = await ensureToolchain({ quiet: json });
  useToolchain(toolchain, { providers: "rehearsal" });

  const outcome: { platform?: Outcome; tenant?: Outcome; refusal?: string[] } = {};
  await steps(json, [
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
  ]);

  const outputs = valuesOf<TenantOutputs>(outcome.tenant);
  showWarnings(outcome.tenant);
  if (json) {
    const { changes, warnings } = outcome.tenant ?? {};
    console.log(JSON.stringify({ tenant: outputs, changes, warnings, refusal: outcome.refusal }, null, 2));
  } else {
    console.log(`\n${describeTenant(outputs)}`);
    console.log(
      `\n${pc.bold("A tenant over its quota is refused")}  ${pc.dim(`npm run preview -- ${OVER_QUOTA}`)}`,
    );
    for (const line of outcome.refusal?.join("\n").split("\n") ?? []) console.log(`  ${pc.red(line)}`);
    console.log(
      `\n${describeNext(
        tenant,
        choices.filter((name) => !onDocker.includes(name)),
      )}`,
    );
  }
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

if (require.main === module) {
  program.parseAsync().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`${pc.red("error:")} ${message}`);
    if (process.env["DHISTANCE_DEBUG"]) console.error(error);
    process.exitCode = 1;
  });
}
