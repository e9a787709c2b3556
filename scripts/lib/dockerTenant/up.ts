import { connect } from "../../../operations/docker/engine";
import { issueExamples } from "../localIssuer";
import type { Output } from "../output";
import { steps } from "../progress";
import { changesText, outputsOf, printWarnings, up, type Outcome } from "../pulumi/stacks";
import { containersIn } from "../pulumi/stackState";
import { describeAccess, describeTenant, type Access } from "../summary";
import { reachServers, type DockerOutputs } from "./access";
import { checkHost, fetchImages } from "./host";
import { stateOf, useDockerProject, writeProject } from "./project";

/**
 * Brings an example tenant up on a real Docker engine.
 * @throws CommandError, before anything is changed, if the host cannot take the tenant
 */
export async function startOnDocker(tenant: string, output: Output): Promise<void> {
  output.print(`${output.colors.bold("DHIStance on Docker")}: a real server on your own Docker engine.\n`);
  await issueExamples();
  const spec = await writeProject(tenant);
  const { host } = spec.target.docker;
  let missing: string[] = [];
  await steps(output, [
    {
      title: `Docker host ${host}`,
      task: async (_, task) => {
        missing = await checkHost(tenant, spec);
        task.title += ": meets the requirements";
      },
    },
  ]);
  await useDockerProject(tenant, output.json);

  let outcome: Outcome | undefined;
  let access: Access[] = [];
  await steps(output, [
    {
      title: "Images",
      task: async (_, task) => {
        const fetched = await fetchImages(tenant, spec, missing, (line) => (task.output = line));
        task.title += fetched.length > 0 ? `: ${fetched.join(", ")}` : ": all on the host";
      },
    },
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        const refresh = await isContainerMissing(tenant, host);
        outcome = await up("docker", tenant, (doing) => (task.output = doing), refresh);
        task.title += `: ${changesText(outcome)}`;
      },
    },
    {
      title: "Requests to the servers at their addresses",
      task: async (_, task) => {
        access = await reachServers(tenant, spec, outputsOf<DockerOutputs>(outcome));
        task.title += ": each answers";
      },
    },
  ]);
  const { authority: _, ...outputs } = outputsOf<DockerOutputs>(outcome);
  printWarnings(outcome, output);
  const { changes, warnings } = outcome ?? {};
  const monitoring = { page: outputs.monitoring, ...(host.startsWith("ssh:") && { host }) };
  output.result(
    { tenant: outputs, changes, warnings, access },
    `\n${describeTenant(outputs, output.colors)}\n\n${describeAccess(tenant, access, monitoring, output.colors)}`,
  );
}

/** Applies what was changed in the stack file of a tenant that is up. */
export async function applyChanges(
  tenant: string,
  quiet: boolean,
  report: (doing: string) => void,
): Promise<Outcome> {
  await writeProject(tenant);
  await useDockerProject(tenant, quiet);
  return up("docker", tenant, report);
}

/** Whether a container of the state was removed by hand. */
async function isContainerMissing(tenant: string, host: string): Promise<boolean> {
  const there = await connect(host).listContainers({ all: true });
  const ids = new Set(there.map(({ Id }) => Id));
  return containersIn(await stateOf(tenant)).some((id) => !ids.has(id));
}
