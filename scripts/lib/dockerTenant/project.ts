import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse, stringify } from "yaml";
import { SpecError } from "../../../stacks/config";
import { readRequest } from "../../../stacks/tenant/request";
import { undecrypted } from "../../../stacks/tenant/secrets";
import { isOnDocker, type DockerTenant } from "../../../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../../../tools/toolchain";
import { ensureDockerHome } from "../../../tools/toolchain/dockerHome";
import { LOCAL, ROOT, stackFileOf } from "../checkout";
import { CommandError } from "../errors";
import { trustLocalIssuer } from "../localIssuer";
import { removeStaleLocks } from "../pulumi/locks";
import { openStack } from "../pulumi/stacks";
import type { StackState } from "../pulumi/stackState";

/**
 * The project of `npm start -- --target docker`: an example tenant on a real Docker engine. Everything of it is in
 * `.dhistance/docker`, readable by this user only: state, passphrase, root certificates, passwords.
 */
export const FOLDER = path.join(LOCAL, "docker");
const PASSPHRASE = path.join(FOLDER, "passphrase");

/** This stack's file holds the salt of the folder's secrets. No tenant can have its name. */
export const SECRETS_STACK = "Secrets";

export const stackFile = (tenant: string) => path.join(FOLDER, `Pulumi.${tenant}.yaml`);
export const rootCertificateFile = (tenant: string) => path.join(FOLDER, `${tenant}-root.pem`);
export const passwordFolder = (tenant: string) => path.join(FOLDER, `${tenant}-passwords`);

/** The folder of the project that a tenant's stack belongs to. */
export function projectFolderOf(tenant: string, cwd: string): string {
  return cwd === ROOT && isUp(tenant) ? FOLDER : cwd;
}

/** Whether `npm start` has brought the tenant up on Docker. */
export function isUp(tenant: string): boolean {
  return existsSync(stackFile(tenant));
}

/** The tenants with a Docker target among those with a stack file. */
export function dockerTenants(all: readonly string[]): string[] {
  return all.filter((tenant) => "docker" in (((readConfig(tenant).tenant ?? {}).target ?? {}) as object));
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- not validated yet
function readConfig(tenant: string): { tenant: any; entitlement: unknown; keys: string[] } {
  const text = readFileSync(path.join(ROOT, stackFileOf(tenant)), "utf8");
  const { config = {} } = parse(text) as { config?: Record<string, unknown> };
  const [spec, entitlement] = [config["dhistance:tenant"], config["dhistance:entitlement"]];
  return { tenant: spec, entitlement, keys: Object.keys(config) };
}

/**
 * Copies the configuration of a tenant's stack file into the project's own stack file: the engine writes the salt of
 * this machine's passphrase there, which does not belong into a file under version control.
 * @throws CommandError with every problem of the configuration
 */
export async function writeProject(tenant: string): Promise<DockerTenant> {
  const { config, spec } = await readValidConfig(tenant);
  const keys = Object.entries(config).map(([key, value]) => [`dhistance:${key}`, value as unknown]);
  const encryptionsalt = saltOf(SECRETS_STACK) ?? saltOf(tenant);
  writeFileSync(
    stackFile(tenant),
    stringify({ config: Object.fromEntries(keys) as object, ...(encryptionsalt && { encryptionsalt }) }),
  );
  return spec;
}

/** The stack file's configuration. If it names no host, DOCKER_HOST counts. */
async function readValidConfig(tenant: string): Promise<{ config: object; spec: DockerTenant }> {
  const { keys, ...config } = readConfig(tenant);
  const host = process.env["DOCKER_HOST"];
  if (host && /^(unix|ssh):/.test(host)) config.tenant.target.docker.host ??= host;
  const setSecret = (at: string) => `npm run tenant -- secret ${tenant} '${at}'`;
  prepareFolder();
  // The stack file is judged here before the engine runs, so before the toolchain sets this.
  trustLocalIssuer();
  try {
    const { spec } = await readRequest({
      stack: tenant,
      keys,
      entitlement: config.entitlement,
      // The engine decrypts later, with the folder's passphrase.
      tenant: undecrypted(config.tenant),
      file: { value: config.tenant, holdsSecret: true, setSecret },
      project: FOLDER,
    });
    if (!isOnDocker(spec)) throw new CommandError(`tenant ${tenant} is not on Docker`);
    return { config, spec };
  } catch (error) {
    throw error instanceof SpecError ? notPossible(tenant, error.problems) : error;
  }
}

/** Why a tenant cannot be brought up. */
export function notPossible(tenant: string, problems: string[]): CommandError {
  const lines = problems.map((problem) => `- ${problem}`);
  return new CommandError(
    [`${stackFileOf(tenant)} cannot be brought up; nothing was changed.`, ...lines].join("\n"),
  );
}

/** Writes the project's files, except the tenants' stack files. */
export function prepareFolder(): void {
  mkdirSync(FOLDER, { recursive: true, mode: 0o700 });
  chmodSync(FOLDER, 0o700);
  if (!existsSync(PASSPHRASE))
    writeFileSync(PASSPHRASE, randomBytes(32).toString("base64url"), { mode: 0o600 });
  const project = {
    name: "dhistance",
    runtime: { name: "nodejs", options: { typescript: false } },
    main: path.join(ROOT, "stacks/tenant"),
  };
  writeFileSync(path.join(FOLDER, "Pulumi.yaml"), stringify(project));
  // The files that a stack file names are in the checkout.
  const files = path.join(FOLDER, "tenants");
  if (!existsSync(files)) symlinkSync(path.join(ROOT, "tenants"), files);
}

/** The salt that the engine has derived for a stack from the folder's passphrase. */
function saltOf(stack: string): string | undefined {
  if (!existsSync(stackFile(stack))) return undefined;
  return (parse(readFileSync(stackFile(stack), "utf8")) as { encryptionsalt?: string }).encryptionsalt;
}

/** Has the engine use this project's state, passphrase and the real Docker provider. */
export async function useDockerProject(tenant: string, quiet: boolean): Promise<void> {
  const toolchain = await ensureToolchain({ quiet });
  const home = await ensureDockerHome(toolchain, { quiet });
  const state = path.join(FOLDER, "state");
  useToolchain(toolchain, { providers: "docker", home, state, passphraseFile: PASSPHRASE });
  await removeStaleLocks("docker", tenant, state);
}

export async function stateOf(tenant: string): Promise<StackState> {
  return (await (await openStack("docker", tenant)).exportStack()).deployment as StackState;
}
