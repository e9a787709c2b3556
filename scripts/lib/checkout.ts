import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";

/** The checkout's root. */
export const ROOT = path.resolve(__dirname, "../..");

/** Where a checkout keeps what git ignores: state of the rehearsal and of Docker tenants, the local issuer. */
export const LOCAL = path.join(ROOT, ".dhistance");

/** The folder of a project's stack files: the one that its `stackConfigDir` names, else that of Pulumi.yaml. */
export function stackFolder(project: string): string {
  const file = path.join(project, "Pulumi.yaml");
  const { stackConfigDir = "." } = existsSync(file)
    ? (parse(readFileSync(file, "utf8")) as { stackConfigDir?: string })
    : {};
  return path.resolve(project, stackConfigDir);
}

/** A tenant's stack file, relative to the checkout. */
export const stackFileOf = (tenant: string) => `tenants/Pulumi.${tenant}.yaml`;

/** The tenants that have a stack file, sorted. */
export function tenants(project = ROOT): string[] {
  return readdirSync(stackFolder(project))
    .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
    .sort();
}
