import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { serverOn, whileStopped, type ServerOnHost } from "../../../operations/docker/server";
import { isOnDocker } from "../../../stacks/tenant/spec";
import { ROOT, tenants } from "../checkout";
import { confirm, type Confirmable } from "../confirm";
import { projectFolderOf } from "../dockerTenant/project";
import { UsageError } from "../errors";
import type { Output } from "../output";
import { readTenant, refuseUnknownServer, refuseUnknownTenant } from "../tenants";
import { runPitr, type Streams } from "./backupContainers";
import { requireSecureAdmin, startSecured } from "./securedStart";

/** Point-in-time recovery of the database of a server on Docker. */

export interface PitrOptions extends Confirmable {
  host?: string;
  json?: boolean;
}

export interface PitrRestoreOptions extends PitrOptions {
  /** Point in time. @default the newest */
  to?: string;
  from: string;
}

export async function listPitr(
  tenant: string,
  name: string,
  options: PitrOptions,
  output: Output,
): Promise<void> {
  const server = find(tenant, name, options);
  if (!output.json) return runPitr(server, ["list"], { mayEnd: true });
  const out = new PassThrough();
  const printed = text(out);
  const streams: Streams = [out, process.stderr];
  // What can be read is printed, also if one of them cannot be.
  await runPitr(server, ["list", "--json"], { streams, mayEnd: true }).finally(async () => {
    out.end();
    const listed = await printed;
    if (listed) output.result({ event: "listed", locations: JSON.parse(listed) as unknown }, "");
  });
}

/** Restores beside the live database, then exchanges the two. */
export async function restorePitr(
  tenant: string,
  name: string,
  options: PitrRestoreOptions,
  output: Output,
): Promise<void> {
  const server = find(tenant, name, options);
  const streams = streamsFor(output);
  const command = ["restore", options.from, ...(options.to ? [options.to] : [])];
  await runPitr(server, command, { streams, mayEnd: true });
  await confirm(
    `Stop ${server.application} and replace its database with the restored one?`,
    options,
    "Cancelled. The live database was not changed.",
  );
  await whileDown(server, output, () => runPitr(server, ["swap"], { streams }));
  output.result(
    { event: "restored", tenant, server: name, from: options.from, to: options.to ?? "newest" },
    [
      "Next: log in and look at the newest data. Then one of these:",
      `  ${pitrCommand("confirm", tenant, name, options)}  deletes the previous database`,
      `  ${pitrCommand("undo", tenant, name, options)}  puts it back`,
    ].join("\n"),
  );
}

/** Puts the previous database back. */
export async function undoPitr(
  tenant: string,
  name: string,
  options: PitrOptions,
  output: Output,
): Promise<void> {
  const server = find(tenant, name, options);
  // Fails before anything is stopped if there is no previous database.
  const streams = streamsFor(output);
  await runPitr(server, ["previous"], { streams });
  await confirm(`Stop ${server.application} and put its previous database back?`, options);
  await whileDown(server, output, () => runPitr(server, ["undo"], { streams }));
  if (output.json) output.result({ event: "undone", tenant, server: name }, "");
}

/** Deletes the previous database. */
export async function confirmPitr(
  tenant: string,
  name: string,
  options: PitrOptions,
  output: Output,
): Promise<void> {
  const server = find(tenant, name, options);
  const streams = streamsFor(output);
  // Shows what is kept; fails before anybody is asked if that is nothing.
  await runPitr(server, ["kept"], { streams });
  await confirm(`Delete this from ${server.database}? This cannot be undone.`, options);
  await runPitr(server, ["confirm"], { streams });
  if (output.json) output.result({ event: "confirmed", tenant, server: name }, "");
}

/** What the container prints is for people: with `--json` it goes to standard error. */
function streamsFor({ json }: Output): Streams {
  return [json ? process.stderr : process.stdout, process.stderr];
}

/** What to type next about the same server. */
export function pitrCommand(verb: string, tenant: string, name: string, { host }: PitrOptions): string {
  return `npm run pitr -- ${verb} ${tenant} ${name}${host ? ` --host ${host}` : ""}`;
}

/** Works on the database while nobody uses it, and starts DHIS2 again in any case. */
async function whileDown(server: ServerOnHost, output: Output, work: () => Promise<void>): Promise<void> {
  const show = (line: string) => Promise.resolve(output.progress(line));
  await requireSecureAdmin(server);
  await whileStopped(server, show, work).finally(() => startSecured(server, show));
}

function find(tenant: string, name: string, { host }: PitrOptions): ServerOnHost {
  return serverOn(host ?? hostOf(tenant, name), tenant, name);
}

/** The host of the tenant's stack file; without a stack file that of DOCKER_HOST. */
function hostOf(tenant: string, name: string): string {
  const folder = projectFolderOf(tenant, ROOT);
  const known = tenants(folder);
  const fromEnvironment = process.env["DOCKER_HOST"];
  if (!known.includes(tenant) && fromEnvironment) return fromEnvironment;
  refuseUnknownTenant(tenant, known);
  const spec = readTenant(tenant, folder);
  refuseUnknownServer(tenant, spec, name);
  if (!isOnDocker(spec)) {
    throw new UsageError(`${tenant} is on AWS, where RDS does point-in-time recovery; see docs/recovery.md.`);
  }
  return spec.target.docker.host;
}
