import { ensureToolchain, useToolchain } from "../../tools/toolchain";
import { tenants } from "./checkout";
import { dockerTenants } from "./dockerTenant/project";
import { issueExamples } from "./localIssuer";
import type { Output } from "./output";
import { steps } from "./progress";
import {
  changesText,
  EngineError,
  openStack,
  outputsOf,
  preview,
  printWarnings,
  up,
  type Outcome,
} from "./pulumi/stacks";
import { describeNext, describeTenant, type TenantOutputs } from "./summary";

/** The platform of the example tenants. */
export const PLATFORM = "eu-west-1";
/** The example tenant that asks for more servers than its plan allows. */
export const OVER_QUOTA = "over-quota";

/**
 * Prepares a rehearsal: the local issuer, the example entitlements, and a stack for each stack file, so that the
 * `pulumi` command finds them.
 * @returns the tenants that got a new entitlement
 */
export async function prepareTenants(): Promise<string[]> {
  const issued = await issueExamples();
  for (const tenant of tenants()) await openStack("tenant", tenant);
  return issued;
}

/** Brings the platform up to date. */
export function preparePlatform(report: (doing: string) => void): Promise<Outcome> {
  return up("platform", PLATFORM, report);
}

/** Brings a tenant up with the real engine and rehearsal providers, and shows that a tenant over its quota is refused. */
export async function startRehearsal(tenant: string, output: Output): Promise<void> {
  const { bold, dim, red } = output.colors;
  output.print(`${bold("DHIStance rehearsal")}: creates nothing real, uses no cloud account.\n`);
  useToolchain(await ensureToolchain({ quiet: output.json }), { providers: "rehearsal" });

  let outcome: Outcome | undefined;
  let refusal: string[] = [];
  await steps(output, [
    {
      title: "Local issuer and entitlements of the example tenants",
      task: async (_, task) => {
        const issued = await prepareTenants();
        task.title += issued.length > 0 ? `: issued ${issued.join(", ")}` : ": in force";
      },
    },
    {
      title: `Platform ${PLATFORM}`,
      task: async (_, task) => {
        task.title += `: ${changesText(await preparePlatform((doing) => (task.output = doing)))}`;
      },
    },
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        outcome = await up("tenant", tenant, (doing) => (task.output = doing));
        task.title += `: ${changesText(outcome)}`;
      },
    },
    {
      title: `Tenant ${OVER_QUOTA} is refused`,
      task: async (_, task) => {
        refusal = await refusalOf(OVER_QUOTA, (doing) => (task.output = doing));
      },
    },
  ]);

  const outputs = outputsOf<TenantOutputs>(outcome);
  printWarnings(outcome, output);
  const { changes, warnings } = outcome ?? {};
  const all = tenants();
  const others = all.filter((name) => name !== OVER_QUOTA && !dockerTenants(all).includes(name));
  const lines = [
    `\n${describeTenant(outputs, output.colors)}`,
    `\n${bold("A tenant over its quota is refused")}  ${dim(`npm run preview -- ${OVER_QUOTA}`)}`,
    ...refusal.flatMap((complaint) => complaint.split("\n")).map((line) => `  ${red(line)}`),
    `\n${describeNext(tenant, others, output.colors)}`,
  ];
  output.result({ tenant: outputs, changes, warnings, refusal }, lines.join("\n"));
}

/** Previews a tenant that must be refused. */
async function refusalOf(tenant: string, report: (doing: string) => void): Promise<string[]> {
  try {
    await preview("tenant", tenant, report);
  } catch (error) {
    if (error instanceof EngineError) return error.complaints;
    throw error;
  }
  throw new EngineError([`tenant ${tenant} is over its quota but was not refused`]);
}
