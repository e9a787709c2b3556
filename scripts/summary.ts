import pc from "picocolors";
import type { Plan } from "../plans/plans";
import { stackFileOf } from "./checkout";

/** A tenant stack's outputs, as `stacks/tenant` exports them. */
export interface TenantOutputs {
  tenant: {
    id: string;
    displayName: string;
    plan: Plan;
    servers: { used: number; allowed: number };
    entitledUntil: string;
  };
  servers: Record<
    string,
    { url: string; dhis2: string; size: string; database: string; files: string; logs: string }
  >;
  copies: { where: string; kind: string; retentionDays: number }[];
  contacts: Record<string, string>;
}

/** What exists of a tenant, for a person. */
export function describeTenant({ tenant, servers, copies, contacts }: TenantOutputs): string {
  return [
    `${pc.bold(tenant.displayName)} ${pc.dim(`(${tenant.id})`)}`,
    `  ${tenant.plan} plan, ${tenant.servers.used} of ${tenant.servers.allowed} servers, until ${tenant.entitledUntil.slice(0, 10)}`,
    "",
    pc.bold("Servers"),
    ...table(
      Object.entries(servers).map(([name, { url, dhis2, size }]) => [
        name,
        pc.cyan(url),
        `DHIS2 ${dhis2}`,
        size,
      ]),
    ),
    ...Object.entries(servers).flatMap(([name, { database, files, logs }]) => [
      "",
      `  ${name}`,
      ...table([
        ["  database", database],
        ["  files", files],
        ["  logs", logs],
      ]),
    ]),
    "",
    pc.bold("Copies"),
    ...(copies.length === 0 ? ["  none"] : []),
    ...table(copies.map(({ where, kind, retentionDays }) => [where, kind, `kept ${retentionDays} days`])),
    "",
    pc.bold("Contacts"),
    ...table(Object.entries(contacts)),
  ].join("\n");
}

/** What to type next. */
export function describeNext(tenant: string, tenants: string[]): string {
  const other = tenants.find((name) => name !== tenant) ?? tenant;
  return [
    pc.bold("Next"),
    ...table([
      [`npm start -- --tenant ${other}`, "another tenant"],
      [`npm run preview -- ${tenant}`, "what a change to its stack file would do"],
      [`eval "$(npm run --silent env)"`, "then plain pulumi works here:"],
      [`pulumi preview -s ${tenant}`, "the same preview"],
      ["rm -r .dhistance/state", "the way back: forgets what was rehearsed"],
      ["npm start -- --target docker", "a server for real, on this machine's Docker engine"],
      ["docs/operating.md", "a real AWS account instead of the rehearsal"],
    ]),
  ].join("\n");
}

/** How a server on this machine is reached. Paths are as a person in the checkout types them. */
export interface Access {
  /** `https://…`, no slash at the end. */
  address: string;
  /** What it answered with when it was asked. */
  status: number;
  /** The file with the authority that has to be trusted, where it is the tenant's own. */
  authority?: string;
  /** The account, and the file that its password is in. */
  login: { account: string; passwordFile: string };
}

export interface Monitoring {
  /** Of the page that shows how the servers are. */
  page: string;
  /** The host that it is reached on, `ssh://…`, where that is not this machine. */
  host?: string;
}

/** Without the tenant it would be another one, the default. */
export const startCommand = (tenant: string) => `npm start -- --target docker --tenant ${tenant}`;
export const downCommand = (tenant: string) => `${startCommand(tenant)} --down`;

/** How people get in, and how all of it goes away again. */
export function describeAccess(tenant: string, servers: Access[], monitoring: Monitoring): string {
  const [first] = servers;
  const curl = first?.authority && `curl --cacert ${first.authority} ${first.address}/`;
  return [
    pc.bold("Open it"),
    ...servers.flatMap(({ address, authority, login }) => [
      `  ${pc.cyan(address)}  answers: asked just now${authority ? ", trusting the tenant's own authority alone" : ""}`,
      ...table([
        ["  log in", `${login.account}, with the password in ${login.passwordFile}`],
        ...(authority ? [["  certificate", `its root is ${authority}`]] : []),
      ]),
    ]),
    ...(curl
      ? [
          "  A browser warns until it is given the root: in its settings, under certificates, as an authority for websites.",
        ]
      : []),
    "",
    pc.bold("See how it is"),
    ...table([
      [
        pc.cyan(monitoring.page),
        "health, database, copies, days left of the certificate; reached on the host alone",
      ],
      ...(monitoring.host ? [[tunnel(monitoring.page, monitoring.host), "makes it reached here"]] : []),
    ]),
    "",
    pc.bold("Next"),
    ...table([
      ...(curl ? [[curl, "asks it with the root"]] : []),
      [startCommand(tenant), `applies what was changed in ${stackFileOf(tenant)}`],
      [downCommand(tenant), `takes ${tenant} down and deletes its data`],
      ["docs/docker.md", "a server of your own, on this or another host"],
    ]),
  ].join("\n");
}

function tunnel(page: string, host: string): string {
  const { hostname, port } = new URL(page);
  return `ssh -N -L ${port}:${hostname}:${port} ${host}`;
}

function table(rows: string[][]): string[] {
  const plain = (text: string) => text.replace(/\u001b\[\d+m/g, "");
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, plain(cell).length)),
    [],
  );
  return rows.map((row) =>
    `  ${row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - plain(cell).length)).join("  ")}`.trimEnd(),
  );
}
