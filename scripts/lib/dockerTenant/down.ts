import { rmSync } from "node:fs";
import { stackFileOf } from "../checkout";
import { confirmName, type Confirmable } from "../confirm";
import { CommandError, UsageError } from "../errors";
import type { Output } from "../output";
import { steps } from "../progress";
import { changesText, destroy, type Outcome } from "../pulumi/stacks";
import { protectedServers } from "../pulumi/stackState";
import { downCommand, startCommand } from "../summary";
import { isUp, passwordFolder, rootCertificateFile, stackFile, stateOf, useDockerProject } from "./project";

/** Removes a tenant, including its data. */
export async function takeDown(tenant: string, options: Confirmable, output: Output): Promise<void> {
  if (!isUp(tenant)) throw new UsageError(`${tenant} is not up on Docker; nothing was changed.`);
  await useDockerProject(tenant, output.json);
  const refusal = refuseProtected(tenant, protectedServers(await stateOf(tenant), tenant));
  if (refusal) throw new CommandError(refusal);
  await confirmName(`This removes ${tenant} and deletes all its data.`, tenant, options);
  let outcome: Outcome | undefined;
  await steps(output, [
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        outcome = await destroy("docker", tenant, (doing) => (task.output = doing)).catch((error: Error) => {
          throw new CommandError(
            `${error.message}\n${tenant} is partly removed. To continue: ${downCommand(tenant)}`,
            1,
            { cause: error },
          );
        });
        task.title += `: ${changesText(outcome)}`;
      },
    },
  ]);
  // The passphrase stays: the state of other tenants needs it.
  for (const file of [stackFile(tenant), rootCertificateFile(tenant)]) rmSync(file, { force: true });
  rmSync(passwordFolder(tenant), { recursive: true, force: true });
  if (output.json) output.result({ changes: outcome?.changes }, "");
}

/**
 * Why a tenant is not removed. The engine itself would refuse to delete the protected data, but only after it has
 * deleted everything else.
 * @param servers those with protected data
 */
export function refuseProtected(tenant: string, servers: string[]): string | undefined {
  if (servers.length === 0) return undefined;
  return [
    `${tenant} is on a paid plan, which protects the data of ${servers.join(", ")}. Nothing was changed.`,
    `To delete the data: set retire: true on each of these servers in ${stackFileOf(tenant)}, then run`,
    `  ${startCommand(tenant)}`,
    `  ${downCommand(tenant)}`,
  ].join("\n");
}
