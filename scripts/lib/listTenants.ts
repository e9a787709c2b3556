import { targetKindOf } from "../../stacks/tenant/spec";
import { ROOT, tenants } from "./checkout";
import { CommandError } from "./errors";
import { table, type Output } from "./output";
import { readTenant } from "./tenants";

interface Listed {
  tenant: string;
  target?: string;
  servers: string[];
  problem?: string;
}

/**
 * Prints each tenant that has a stack file, with its target and its servers.
 * @param project the folder with Pulumi.yaml
 */
export function listTenants(output: Output, project = ROOT): void {
  const listed = tenants(project).map((name) => describe(name, project));
  const rows = listed.map(({ tenant, target = "not valid", servers }) => [
    tenant,
    target,
    servers.join(", "),
  ]);
  output.result({ tenants: listed }, table(rows, { indent: "" }).join("\n") || "No tenant has a stack file.");
  for (const { problem } of listed) if (problem) output.warn(problem);
}

/** One file with a mistake does not hide the other tenants. */
function describe(tenant: string, project: string): Listed {
  try {
    const spec = readTenant(tenant, project);
    return { tenant, target: targetKindOf(spec), servers: spec.servers.map(({ name }) => name) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { tenant, servers: [], problem: error.message };
  }
}
