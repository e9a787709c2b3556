import { mkdirSync, writeFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { adminPassword } from "../../../components/DataManagementServer/adminPassword";
import { listFailing } from "../../../operations/docker/presence";
import type { DockerTenant } from "../../../stacks/tenant/spec";
import { ROOT } from "../checkout";
import { CommandError } from "../errors";
import { outputsIn } from "../pulumi/stackState";
import type { Access, TenantOutputs } from "../summary";
import { passwordFolder, rootCertificateFile, stateOf } from "./project";

/** DHIS2's own default administrator. */
const ACCOUNT = "admin";
/** In seconds: the gateway may still be obtaining its certificate. */
const PATIENCE = 60;

export type DockerOutputs = TenantOutputs & { authority?: string; monitoring: string };

/** A path as a person in the checkout types it. */
const fromRoot = (file: string) => path.relative(ROOT, file);

/**
 * Sends a request to every server at its address, as a browser would, and writes the files that a person needs to log
 * in.
 */
export async function reachServers(
  tenant: string,
  spec: DockerTenant,
  outputs: DockerOutputs,
): Promise<Access[]> {
  const { authority } = outputs;
  if (authority) writeFileSync(rootCertificateFile(tenant), authority);
  mkdirSync(passwordFolder(tenant), { recursive: true, mode: 0o700 });
  const passwords = await adminPasswords(tenant);
  const all: Access[] = [];
  for (const [server, { url }] of Object.entries(outputs.servers)) {
    const passwordFile = path.join(passwordFolder(tenant), server);
    writeFileSync(passwordFile, passwords(server), { mode: 0o600 });
    all.push({
      address: url,
      status: await firstAnswer(url, spec, authority).catch((error: Error) =>
        explain(error, tenant, server, spec),
      ),
      ...(authority && { rootCertificate: fromRoot(rootCertificateFile(tenant)) }),
      login: { account: ACCOUNT, passwordFile: fromRoot(passwordFile) },
    });
  }
  return all;
}

/** @throws CommandError that also names the server's containers that do not run */
async function explain(error: Error, tenant: string, server: string, spec: DockerTenant): Promise<never> {
  const containers = [`${tenant}-gateway`, `${tenant}-${server}-application`, `${tenant}-${server}-database`];
  const failing = await listFailing(spec.target.docker.host, containers);
  throw new CommandError([error.message, ...failing].join("\n- "), 1, { cause: error });
}

async function adminPasswords(tenant: string): Promise<(server: string) => string> {
  const state = await stateOf(tenant);
  return (server) => {
    const name = `${tenant}-${server}-admin-password`;
    const made = outputsIn(state, "random:index/randomPassword:RandomPassword", name);
    if (made?.["result"] === undefined)
      throw new CommandError(`the state of ${tenant} has no administrator password of server ${server}`);
    return adminPassword(made["result"] as string);
  };
}

/** @returns the status of the first page */
async function firstAnswer(url: string, { target }: DockerTenant, ca: string | undefined): Promise<number> {
  const { host, published } = target.docker;
  const everywhere = ["0.0.0.0", "::"].includes(published.address);
  // Not by the name in the URL: browsers resolve names under localhost, not every other resolver does.
  const at = host.startsWith("ssh:") ? new URL(host).hostname : everywhere ? "127.0.0.1" : published.address;
  const deadline = Date.now() + PATIENCE * 1000;
  for (;;) {
    const last = await firstPage(url, at, ca).catch((error: Error) => error.message);
    if (typeof last === "number" && last < 400) return last;
    if (Date.now() > deadline) throw new Error(`${url} does not answer as expected: ${last}`);
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
