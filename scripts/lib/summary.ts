import type { Plan } from "../../plans/plans";
import { stackFileOf } from "./checkout";
import { PLAIN, table, type Colors } from "./output";

interface Backup {
  where: string;
  kind: string;
  retentionDays: number;
}

/** The outputs of a tenant's stack, as `stacks/tenant` exports them. */
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
  backups?: Backup[];
  /** The name of `backups` before version 0.2, which a stack has until its next update. */
  copies?: Backup[];
  contacts: Record<string, string>;
}

/** What a tenant has. */
export function describeTenant(outputs: TenantOutputs, colors: Colors = PLAIN): string {
  const { tenant, servers, contacts } = outputs;
  const { bold, cyan, dim } = colors;
  const { used, allowed } = tenant.servers;
  const lines = [
    `${bold(tenant.displayName)} ${dim(`(${tenant.id})`)}`,
    `  ${tenant.plan} plan, ${used} of ${allowed} servers, until ${tenant.entitledUntil.slice(0, 10)}`,
    "",
    bold("Servers"),
    ...table(
      Object.entries(servers).map(([name, { url, dhis2, size }]) => [
        name,
        cyan(url),
        `DHIS2 ${dhis2}`,
        size,
      ]),
    ),
  ];
  for (const [name, { database, files, logs }] of Object.entries(servers)) {
    const rows = [
      ["database", database],
      ["files", files],
      ["logs", logs],
    ];
    lines.push("", `  ${name}`, ...table(rows, { indent: "    " }));
  }
  const backups = (outputs.backups ?? outputs.copies ?? []).map(({ where, kind, retentionDays }) => [
    where,
    kind,
    `kept ${retentionDays} days`,
  ]);
  lines.push("", bold("Backups"), ...(backups.length === 0 ? ["  none"] : table(backups)));
  lines.push("", bold("Contacts"), ...table(Object.entries(contacts)));
  return lines.join("\n");
}

/** What to type next after a rehearsal. */
export function describeNext(tenant: string, tenants: string[], { bold }: Colors = PLAIN): string {
  const other = tenants.find((name) => name !== tenant) ?? tenant;
  return [
    bold("Next"),
    ...table([
      [`npm start -- --tenant ${other}`, "rehearses another tenant"],
      [`npm run preview -- ${tenant}`, "shows what a change to its stack file would do"],
      [`eval "$(npm run --silent env)"`, "sets this shell up for the pulumi command:"],
      [`pulumi preview -s ${tenant}`, "shows the same preview"],
      ["rm -r .dhistance/state", "removes everything that was rehearsed"],
      ["npm start -- --target docker", "starts a real server on this machine's Docker engine"],
      ["docs/operating.md", "explains how to use a real AWS account"],
    ]),
  ].join("\n");
}

/** How to reach a server on Docker. Paths are relative to the checkout. */
export interface Access {
  /** `https://…`, no slash at the end. */
  address: string;
  /** Status of its answer to a request. */
  status: number;
  /** The file with the tenant's root certificate, if it has a private CA. */
  rootCertificate?: string;
  /** The account, and the file with its password. */
  login: { account: string; passwordFile: string };
}

export interface MonitoringPage {
  /** Address of the page. */
  page: string;
  /** The host that publishes it, `ssh://…`, if that is not this machine. */
  host?: string;
}

/** The tenant is named because the default may be another one. */
export const startCommand = (tenant: string) => `npm start -- --target docker --tenant ${tenant}`;
export const downCommand = (tenant: string) => `${startCommand(tenant)} --down`;

/** How to open, monitor, change and remove a tenant on Docker. */
export function describeAccess(
  tenant: string,
  servers: Access[],
  monitoring: MonitoringPage,
  colors: Colors = PLAIN,
): string {
  const { bold, cyan } = colors;
  const [first] = servers;
  const curl = first?.rootCertificate && `curl --cacert ${first.rootCertificate} ${first.address}/`;
  const lines = [bold("Open it")];
  for (const { address, rootCertificate, login } of servers) {
    const trust = rootCertificate ? ", certificate verified with the tenant's root" : "";
    lines.push(`  ${cyan(address)}  answers${trust}`);
    const rows = [["log in", `${login.account}, with the password in ${login.passwordFile}`]];
    if (rootCertificate) rows.push(["certificate", `its root is ${rootCertificate}`]);
    lines.push(...table(rows, { indent: "    " }));
  }
  if (curl) {
    lines.push(
      "  A browser warns until you import the root: in its settings, under certificates, as a CA for websites.",
    );
  }
  const pages = [
    [cyan(monitoring.page), "health, database, backups, expiry of certificates; only reachable on the host"],
  ];
  if (monitoring.host)
    pages.push([tunnel(monitoring.page, monitoring.host), "opens it on this machine (SSH tunnel)"]);
  lines.push("", bold("Monitoring"), ...table(pages));
  const next = [
    [startCommand(tenant), `applies changes in ${stackFileOf(tenant)}`],
    [downCommand(tenant), `removes ${tenant}, including its data`],
    ["docs/docker.md", "explains how to run your own server, on this or another host"],
  ];
  if (curl) next.unshift([curl, "tests it with the root certificate"]);
  lines.push("", bold("Next"), ...table(next));
  return lines.join("\n");
}

function tunnel(page: string, host: string): string {
  const { hostname, port } = new URL(page);
  return `ssh -N -L ${port}:${hostname}:${port} ${host}`;
}
