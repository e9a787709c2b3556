import { nameOf } from "../../../components/BackupVault/onPremises";
import { isOnDocker, type AwsTenant } from "../../../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../../../tools/toolchain";
import { projectFolderOf } from "../dockerTenant/project";
import { UsageError } from "../errors";
import type { Output } from "../output";
import type { StackState } from "../pulumi/stackState";
import { readTenant, refuseUnknownServer } from "../tenants";
import { restoreOnAws } from "./onAws";
import { restoreOnDocker } from "./onDocker";
import { restoreError, type RestoreOptions } from "./request";
import { serverIn } from "./serverOnAws";

/**
 * Lists the portable backups of a server, or restores one.
 * @returns the exit code
 */
export async function restore(
  tenant: string,
  server: string,
  options: RestoreOptions,
  output: Output,
): Promise<number> {
  const spec = readTenant(tenant, projectFolderOf(tenant, options.cwd));
  refuseUnknownServer(tenant, spec, server);
  const { replace, to, undo, confirm, analytics, passwordFile } = options;
  if ([replace, to, undo, confirm, analytics].filter(Boolean).length > 1)
    throw new UsageError("Give only one of --replace, --to, --undo, --confirm and --analytics.");
  if (to && !passwordFile) throw new UsageError("--to needs --password-file.");
  const request = { ...options, tenant, server, output };
  try {
    if (isOnDocker(spec)) return await restoreOnDocker(spec.target.docker.host, request);
    const found = serverIn(await stateOf(tenant, options.cwd), tenant, server);
    return await restoreOnAws(found, agentHosts(tenant, spec), request);
  } catch (error) {
    throw restoreError("Not restored.", error);
  }
}

/** The hosts of the agents on premises, by the agents' names. */
function agentHosts(tenant: string, { backups }: AwsTenant): Map<string, string> {
  const hosts = new Map<string, string>();
  for (const location of backups.locations) {
    if (!("onPremises" in location)) continue;
    hosts.set(`${tenant}-vault-agent-${nameOf(location.onPremises)}`, location.onPremises.host);
  }
  return hosts;
}

/** Reads the stack of PULUMI_BACKEND_URL, or without it that of the rehearsal. It does not create the stack. */
async function stateOf(tenant: string, cwd: string): Promise<StackState> {
  const backend = process.env["PULUMI_BACKEND_URL"];
  useToolchain(await ensureToolchain(), { providers: backend ? "real" : "rehearsal" });
  const { LocalWorkspace } = await import("@pulumi/pulumi/automation");
  const stack = await LocalWorkspace.selectStack({ stackName: tenant, workDir: cwd }).catch(() => {
    throw new UsageError(
      backend
        ? `there is no stack ${tenant} in ${backend}. Set PULUMI_BACKEND_URL to the backend with the tenant's stack.`
        : `there is no stack ${tenant} in the rehearsal. Set PULUMI_BACKEND_URL to the backend with the tenant's stack.`,
    );
  });
  return (await stack.exportStack()).deployment as StackState;
}
