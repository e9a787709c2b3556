import { randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pc from "picocolors";
import { parse, parseDocument, stringify } from "yaml";
import { adminPassword } from "../components/DataManagementServer/adminPassword";
import { connect } from "../operations/docker/engine";
import { inspectHost } from "../operations/docker/inspect";
import { listFailing } from "../operations/docker/presence";
import { buildOwnImages, hasImage, OWN_IMAGES, pullImage } from "../images/build";
import { pathText, secretsIn, SpecError } from "../stacks/config";
import { needsOf } from "../stacks/tenant/hostRequirements";
import { readRequest } from "../stacks/tenant/request";
import { undecrypted } from "../stacks/tenant/secrets";
import { isOnDocker, tenantSchema, type DockerTenant } from "../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { ensureDockerHome } from "../tools/toolchain/dockerHome";
import { ask } from "./ask";
import { LOCAL, ROOT, stackFileOf } from "./checkout";
import { containersIn, keptServers, outputsIn, type Deployment } from "./deployment";
import {
  changed,
  destroy,
  forgetDeadLocks,
  openStack,
  showWarnings,
  up,
  valuesOf,
  type Outcome,
} from "./engine";
import { issueExamples } from "./issuer";
import { steps } from "./steps";
import {
  describeAccess,
  describeTenant,
  downCommand,
  startCommand,
  type Access,
  type TenantOutputs,
} from "./summary";

/**
 * `npm start -- --target docker`: an example tenant for real, on a Docker engine. What belongs to it lies beside the
 * rehearsal's in `.dhistance/docker`, for this user's eyes only: state, passphrase, root certificate, password.
 */
export const FOLDER = path.join(LOCAL, "docker");
/** DHIS2's own default administrator. */
const ACCOUNT = "admin";
const PASSPHRASE = path.join(FOLDER, "passphrase");

export interface DockerOptions {
  tenant: string;
  json: boolean;
}

/** The tenants among the stack files that are on Docker. */
export function dockerTenants(all: readonly string[]): string[] {
  return all.filter((tenant) => "docker" in (((readConfig(tenant).tenant ?? {}).target ?? {}) as object));
}

/** @throws Error for a person, before anything is made, if the host cannot take the tenant */
export async function startOnDocker({ tenant, json }: DockerOptions): Promise<void> {
  if (!json) console.log(`${pc.bold("DHIStance on Docker")}: a server for real, on an engine of your own.\n`);
  await issueExamples();
  const spec = writeProject(tenant, await requested(tenant));
  const { host } = spec.target.docker;
  let missing: string[] = [];
  await steps(json, [
    {
      title: `Docker host ${host}`,
      task: async (_, task) => {
        missing = await hostReady(tenant, spec);
        task.title += ": has what is needed";
      },
    },
  ]);
  await useDocker(tenant, json);

  let outcome: Outcome | undefined;
  let access: Access[] = [];
  await steps(json, [
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
        const refresh = await isMissing(tenant, host);
        outcome = await up("docker", tenant, (doing) => (task.output = doing), refresh);
        task.title += `: ${changed(outcome)}`;
      },
    },
    {
      title: "Asking the servers at their addresses",
      task: async (_, task) => {
        access = await reachServers(tenant, spec, valuesOf<Outputs>(outcome));
        task.title += ": each answers";
      },
    },
  ]);
  const { authority: _, ...outputs } = valuesOf<Outputs>(outcome);
  showWarnings(outcome);
  if (json) {
    const { changes, warnings } = outcome ?? {};
    console.log(JSON.stringify({ tenant: outputs, changes, warnings, access }, null, 2));
  } else {
    const page = { page: outputs.monitoring, ...(host.startsWith("ssh:") && { host }) };
    console.log(`\n${describeTenant(outputs)}\n\n${describeAccess(tenant, access, page)}`);
  }
}

/** Where a tenant's stack file is: `npm start` makes a project of its own of that in the checkout. */
export function folderOf(tenant: string, cwd: string): string {
  return cwd === ROOT && isUp(tenant) ? FOLDER : cwd;
}

/** Whether the tenant was brought up so. */
export function isUp(tenant: string): boolean {
  return existsSync(stackFile(tenant));
}

/** What was changed in the stack file of a tenant that is up, made so. */
export async function applyChanges(
  tenant: string,
  quiet: boolean,
  report: (doing: string) => void,
): Promise<Outcome> {
  writeProject(tenant, await requested(tenant));
  await useDocker(tenant, quiet);
  return up("docker", tenant, report);
}

/** Takes a tenant down, its data with it. */
export async function takeDown({ tenant, json, yes }: DockerOptions & { yes: boolean }): Promise<void> {
  if (!isUp(tenant)) throw new Error(`${tenant} is not up: there is nothing to take down`);
  await useDocker(tenant, json);
  const why = kept(tenant, keptServers(await deploymentOf(tenant), tenant));
  if (why) throw new Error(why);
  if (!yes) await confirm(`This takes ${tenant} down and deletes all that was saved in it.`, tenant);
  let outcome: Outcome | undefined;
  await steps(json, [
    {
      title: `Tenant ${tenant}`,
      task: async (_, task) => {
        outcome = await destroy("docker", tenant, (doing) => (task.output = doing)).catch((error: Error) => {
          throw new Error(
            `${error.message}\n${tenant} is taken down in part. To go on: ${downCommand(tenant)}`,
            { cause: error },
          );
        });
        task.title += `: ${changed(outcome)}`;
      },
    },
  ]);
  // A person's passphrase stays: other tenants' state needs it.
  for (const file of [stackFile(tenant), rootFile(tenant)]) rmSync(file, { force: true });
  rmSync(passwordFolder(tenant), { recursive: true, force: true });
  if (json) console.log(JSON.stringify({ changes: outcome?.changes }, null, 2));
}

const stackFile = (tenant: string) => path.join(FOLDER, `Pulumi.${tenant}.yaml`);
const rootFile = (tenant: string) => path.join(FOLDER, `${tenant}-root.pem`);
const passwordFolder = (tenant: string) => path.join(FOLDER, `${tenant}-passwords`);
/** As a person in the checkout types it. */
const shown = (file: string) => path.relative(ROOT, file);

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a file of a person's, not judged yet
function readConfig(tenant: string): { tenant: any; entitlement: unknown; keys: string[] } {
  const text = readFileSync(path.join(ROOT, stackFileOf(tenant)), "utf8");
  const { config = {} } = parse(text) as { config?: Record<string, unknown> };
  const [spec, entitlement] = [config["dhistance:tenant"], config["dhistance:entitlement"]];
  return { tenant: spec, entitlement, keys: Object.keys(config) };
}

/** The stack file's configuration, found to be in order. Where it names no host, DOCKER_HOST counts. */
async function requested(tenant: string): Promise<{ config: object; spec: DockerTenant }> {
  const { keys, ...config } = readConfig(tenant);
  const host = process.env["DOCKER_HOST"];
  if (host && /^(unix|ssh):/.test(host)) config.tenant.target.docker.host ??= host;
  const command = (at: string) => `npm run tenant -- secret ${tenant} '${at}'`;
  prepareFolder();
  try {
    const { spec } = await readRequest({
      stack: tenant,
      keys,
      entitlement: config.entitlement,
      // Nothing is decrypted here: the engine does that, once it has the folder's passphrase.
      tenant: undecrypted(config.tenant),
      file: { value: config.tenant, holdsSecret: true, setSecret: command },
      project: FOLDER,
    });
    if (!isOnDocker(spec)) throw new Error(`tenant ${tenant} is not on Docker`);
    return { config, spec };
  } catch (error) {
    throw error instanceof SpecError ? refusal(tenant, error.problems) : error;
  }
}

function refusal(tenant: string, problems: string[]): Error {
  return new Error(
    [
      `${stackFileOf(tenant)} cannot be brought up; nothing was made.`,
      ...problems.map((it) => `- ${it}`),
    ].join("\n"),
  );
}

/** What the project in the folder needs besides stack files. */
function prepareFolder(): void {
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
  // The tenants' files are the checkout's.
  const files = path.join(FOLDER, "tenants");
  if (!existsSync(files)) symlinkSync(path.join(ROOT, "tenants"), files);
}

/** Holds the salt of the folder's secrets; no tenant can have its name. */
const SECRETS_STACK = "Secrets";

/**
 * Encrypts a secret under the folder's passphrase and puts it into the tenant's stack file.
 * @param at its path in the spec, such as `backups.copies[1].s3.secretAccessKey`
 * @param read gives the secret, asked for once its path is known to be good
 */
export async function setSecret(tenant: string, at: string, read: () => Promise<string>): Promise<void> {
  const file = path.join(ROOT, stackFileOf(tenant));
  if (!existsSync(file))
    throw new Error(`tenant "${tenant}" has no stack file; write ${stackFileOf(tenant)} first`);
  const document = parseDocument(readFileSync(file, "utf8"));
  const steps = ["config", "dhistance:tenant", ...stepsOf(at)];
  if (!document.hasIn(steps.slice(0, -1)))
    throw new Error(
      `${stackFileOf(tenant)} has nothing yet that ${at} belongs to; write the rest of it first`,
    );
  document.setIn(steps, { secure: "" });
  const { config } = document.toJS() as { config: Record<string, unknown> };
  const secrets = secretsIn(tenantSchema, config["dhistance:tenant"]).map(pathText);
  if (!secrets.includes(at)) {
    throw new Error(
      `"${at}" is not a secret of a tenant's spec; allowed: a path such as servers[0].import.encryptionPassword or ` +
        "backups.copies[1].s3.secretAccessKey",
    );
  }
  const value = await read();
  if (!value) throw new Error(`nothing was given for ${at}; type or pipe its value`);
  prepareFolder();
  await useDocker(tenant, false);
  document.setIn(steps, document.createNode({ secure: await encrypt(value) }));
  writeFileSync(file, String(document));
}

function stepsOf(at: string): (string | number)[] {
  return at
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

async function encrypt(value: string): Promise<string> {
  await openStack("docker", SECRETS_STACK);
  const key = "dhistance:value";
  // On standard input: what stands on a command line, every process of the machine can read.
  execFileSync("pulumi", ["config", "set", "--secret", key, "--stack", SECRETS_STACK, "--non-interactive"], {
    cwd: FOLDER,
    input: value,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const { config } = parse(readFileSync(stackFile(SECRETS_STACK), "utf8")) as {
    config: Record<string, { secure: string }>;
  };
  return config[key]?.secure ?? "";
}

/**
 * A project of its own, so that what the engine writes into a stack's file, the salt of this machine's passphrase, is
 * not written into a file that git has.
 */
function writeProject(
  tenant: string,
  { config, spec }: { config: object; spec: DockerTenant },
): DockerTenant {
  const file = stackFile(tenant);
  const named = Object.entries(config).map(([key, value]) => [`dhistance:${key}`, value as unknown]);
  const encryptionsalt = saltOf(SECRETS_STACK) ?? saltOf(tenant);
  writeFileSync(
    file,
    stringify({ config: Object.fromEntries(named) as object, ...(encryptionsalt && { encryptionsalt }) }),
  );
  return spec;
}

/** What the engine has made of the folder's passphrase for a stack. */
function saltOf(stack: string): string | undefined {
  if (!existsSync(stackFile(stack))) return undefined;
  return (parse(readFileSync(stackFile(stack), "utf8")) as { encryptionsalt?: string }).encryptionsalt;
}

/** @returns the images that are not there */
async function hostReady(tenant: string, spec: DockerTenant): Promise<string[]> {
  const { host } = spec.target.docker;
  const needs = needsOf(tenant, spec);
  const docker = connect(host);
  const there = await Promise.all(needs.images.map((image) => hasImage(docker, image)));
  const missing = needs.images.filter((_, index) => !there[index]);
  // Our own that are missing can be pulled from nowhere: they are built.
  const images = needs.images.filter((image) => !(missing.includes(image) && OWN_IMAGES.includes(image)));
  const problems = await inspectHost(host, { ...needs, images });
  if (problems.length > 0) throw refusal(tenant, problems);
  return missing;
}

/** @returns the images that were built or pulled now */
async function fetchImages(
  tenant: string,
  spec: DockerTenant,
  missing: string[],
  report: (line: string) => void,
): Promise<string[]> {
  const docker = connect(spec.target.docker.host);
  const told = paced(report);
  const own = needsOf(tenant, spec).images.filter((image) => OWN_IMAGES.includes(image));
  const built = await buildOwnImages(docker, {
    images: own,
    report: (line) => told(`building: ${line}`),
  });
  const others = missing.filter((image) => !own.includes(image));
  for (const image of others) await pullImage(docker, image, (line) => told(`pulling ${image}: ${line}`));
  return [...built, ...others];
}

/** On a terminal what is going on; elsewhere a line now and then. */
function paced(report: (line: string) => void): (line: string) => void {
  const interval = process.stdout.isTTY ? 100 : 3000;
  let reported = 0;
  return (line) => {
    if (Date.now() - reported < interval) return;
    reported = Date.now();
    report(line);
  };
}

async function useDocker(tenant: string, quiet: boolean): Promise<void> {
  const toolchain = await ensureToolchain({ quiet });
  const home = await ensureDockerHome(toolchain, { quiet });
  const state = path.join(FOLDER, "state");
  useToolchain(toolchain, { providers: "docker", home, state, passphraseFile: PASSPHRASE });
  await forgetDeadLocks("docker", tenant, state);
}

type Outputs = TenantOutputs & { authority?: string; monitoring: string };

/** Asks every server at its address, as a browser would, and lays out what a person needs to get in. */
async function reachServers(tenant: string, spec: DockerTenant, outputs: Outputs): Promise<Access[]> {
  const { authority } = outputs;
  if (authority) writeFileSync(rootFile(tenant), authority);
  mkdirSync(passwordFolder(tenant), { recursive: true, mode: 0o700 });
  const passwords = await adminPasswords(tenant);
  const all: Access[] = [];
  for (const [server, { url }] of Object.entries(outputs.servers)) {
    const passwordFile = path.join(passwordFolder(tenant), server);
    writeFileSync(passwordFile, passwords(server), { mode: 0o600 });
    all.push({
      address: url,
      status: await answer(url, spec, authority).catch(async (error: Error) => {
        const names = [
          `${tenant}-gateway`,
          `${tenant}-${server}-application`,
          `${tenant}-${server}-database`,
        ];
        throw new Error(
          [error.message, ...(await listFailing(spec.target.docker.host, names))].join("\n- "),
          {
            cause: error,
          },
        );
      }),
      ...(authority && { authority: shown(rootFile(tenant)) }),
      login: { account: ACCOUNT, passwordFile: shown(passwordFile) },
    });
  }
  return all;
}

async function adminPasswords(tenant: string): Promise<(server: string) => string> {
  const deployment = await deploymentOf(tenant);
  return (server) => {
    const name = `${tenant}-${server}-admin-password`;
    const made = outputsIn(deployment, "random:index/randomPassword:RandomPassword", name);
    if (made?.["result"] === undefined)
      throw new Error(`the state has no password of ${server}'s administrator`);
    return adminPassword(made["result"] as string);
  };
}

async function deploymentOf(tenant: string): Promise<Deployment> {
  return (await (await openStack("docker", tenant)).exportStack()).deployment as Deployment;
}

/**
 * Why a tenant is not taken down: the engine would take everything else of its servers before it stops at their data.
 * @param servers those that keep their data
 */
export function kept(tenant: string, servers: string[]): string | undefined {
  if (servers.length === 0) return undefined;
  return [
    `${tenant} is on a paid plan, which keeps the data of ${servers.join(", ")}. Nothing was taken down.`,
    `To delete them for good: set retire: true on each of these servers in ${stackFileOf(tenant)}, then run`,
    `  ${startCommand(tenant)}`,
    `  ${downCommand(tenant)}`,
  ].join("\n");
}

/** Whether somebody removed a container that the state has. */
async function isMissing(tenant: string, host: string): Promise<boolean> {
  const there = await connect(host).listContainers({ all: true });
  const ids = new Set(there.map(({ Id }) => Id));
  return containersIn(await deploymentOf(tenant)).some((id) => !ids.has(id));
}

/** In seconds: the gateway may still be getting its certificate. */
const PATIENCE = 60;

/** @returns the status of the first page */
async function answer(url: string, { target }: DockerTenant, ca: string | undefined): Promise<number> {
  const { host, published } = target.docker;
  const everywhere = ["0.0.0.0", "::"].includes(published.address);
  // Where it is published: not every resolver knows names under localhost, which browsers do.
  const at = host.startsWith("ssh:") ? new URL(host).hostname : everywhere ? "127.0.0.1" : published.address;
  const deadline = Date.now() + PATIENCE * 1000;
  for (;;) {
    const last = await firstPage(url, at, ca).catch((error: Error) => error.message);
    if (typeof last === "number" && last < 400) return last;
    if (Date.now() > deadline) throw new Error(`${url} does not answer as it should: ${last}`);
    await sleep(500);
  }
}

function firstPage(url: string, at: string, ca: string | undefined): Promise<number> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { host: at, port: port || 443, servername: hostname, headers: { host }, agent: false };
    const request = https.get({ ...options, path: "/", timeout: 10_000, ...(ca && { ca }) }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 10 s")));
    request.on("error", reject);
  });
}

async function confirm(what: string, name: string): Promise<void> {
  const said = await ask(
    `${what} Type ${pc.bold(name)} to go on: `,
    new Error(`${what} Cannot ask for confirmation here. Pass --yes to confirm.`),
  );
  if (said !== name) throw new Error("Cancelled. Nothing was changed.");
}
