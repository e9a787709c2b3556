import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { SpecError } from "../../stacks/config";
import { undecrypted } from "../../stacks/tenant/secrets";
import { parseTenant, type Tenant } from "../../stacks/tenant/spec";
import { ROOT, stackFileOf, stackFolder, tenants } from "./checkout";
import { CommandError, UsageError } from "./errors";

/** @throws UsageError if no stack file has that name */
export function refuseUnknownTenant(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  throw new UsageError(
    `tenant "${name}" has no stack file; tenants: ${known.join(", ") || "none"}. ` +
      `Use one of them, or write ${stackFileOf(name)} first.`,
  );
}

/** @throws UsageError if the tenant has no server of that name */
export function refuseUnknownServer(
  tenant: string,
  { servers }: Pick<Tenant, "servers">,
  name: string,
): void {
  if (servers.some((server) => server.name === name)) return;
  const names = servers.map((server) => server.name);
  throw new UsageError(`tenant ${tenant} has no server "${name}"; servers: ${names.join(", ")}.`);
}

/**
 * A tenant's spec, read from its stack file; an encrypted value is not decrypted.
 * @param project the folder with Pulumi.yaml
 * @throws UsageError if there is no such file
 * @throws CommandError if something in it is wrong
 */
export function readTenant(name: string, project = ROOT): Tenant {
  const file = path.join(stackFolder(project), `Pulumi.${name}.yaml`);
  if (!existsSync(file)) refuseUnknownTenant(name, tenants(project));
  const { config } = parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> };
  try {
    return parseTenant(undecrypted(config?.["dhistance:tenant"] ?? {}));
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    const problems = error.problems.map((problem) => `- ${problem}`);
    throw new CommandError([`${stackFileOf(name)} is not valid:`, ...problems].join("\n"), 1, {
      cause: error,
    });
  }
}
