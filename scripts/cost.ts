import type { AwsTenant, Tenant } from "../stacks/tenant/spec";
import { SIZE_TERMS } from "../components/DataManagementServer/sizes";
import type { Size } from "../plans/plans";
import { NAT } from "../stacks/platform/spec";
import prices from "./prices.json";

/** What a tenant costs on AWS in a month, before anything is made: from its spec and a table of prices. */

/** Hours of a month, as AWS's own calculator counts them. */
const HOURS = 730;
const ZONES = 3;

/**
 * What no spec says, by size, in GiB: what lies in the file store, and what of the database's storage is in use. Our
 * own assumption; replace it by what a customer has.
 */
export const USE: Readonly<Record<Size, { files: number; database: number }>> = {
  small: { files: 5, database: 10 },
  medium: { files: 50, database: 60 },
  large: { files: 200, database: 300 },
};
/** GiB of logs that a server writes in a month, and of tasks' traffic through NAT, of all tenants together. */
const LOGS = 2;
const THROUGH_NAT = 100;
/** Of a database in use, what a compressed export takes of it, and what changes of it in a month. */
const EXPORTED = 0.2;
const CHANGED = 0.5;

export interface Line {
  component: string;
  what: string;
  /** A month, in the currency of the table. */
  amount: number;
}

const perHour = (name: keyof typeof prices.hour, count = 1) => prices.hour[name] * HOURS * count;
const perMonth = (name: keyof typeof prices.month, count = 1) => prices.month[name] * count;

/** The table of prices that estimates are made from. */
export const PRICES = prices;

/** Estimates a tenant's own resources, line by line; what it shares is the platform's. */
export function estimate({ servers, backups }: Pick<AwsTenant, "servers" | "backups">): Line[] {
  const regions = backups.copies.filter((copy) => "region" in copy).length;
  // Portable copies: in the cloud, and on each of the customer's hosts.
  const places = 1 + backups.copies.filter((copy) => "onPremises" in copy).length;
  const used = (what: "files" | "database") => servers.reduce((sum, { size }) => sum + USE[size][what], 0);
  const exported = used("database") * EXPORTED + used("files");
  const vault = "BackupVault";
  return [
    ...servers.flatMap(serverLines),
    ...servers.map(({ name }) => ({
      component: `SslEndpoint ${name}`,
      what: "alarms; the certificate is free",
      amount: perMonth("alarm", 2),
    })),
    {
      component: vault,
      what: "keys, alarms, a secret",
      amount:
        perMonth("key", 1 + regions) +
        perMonth("alarm", 4 + 3 * places * servers.length) +
        perMonth("secret"),
    },
    {
      component: vault,
      what: "snapshots at home",
      amount: snapshots(used("database"), used("files")),
    },
    {
      component: vault,
      what: `snapshots and logs in ${regions} other region${regions === 1 ? "" : "s"}`,
      amount:
        regions *
        (2 * snapshots(used("database"), used("files")) +
          perMonth("transfer to another region GiB", (used("database") + used("files")) * CHANGED)),
    },
    {
      component: vault,
      what: "portable repository",
      amount: perMonth("object GiB", exported * (1 + CHANGED)),
    },
    {
      component: vault,
      what: "daily exports",
      // An hour of a core and 2 GiB each day.
      amount: servers.length * (30 * (prices.hour["fargate core"] + 2 * prices.hour["fargate GiB"])),
    },
    {
      component: vault,
      what: "weekly drills",
      // An hour of two cores and 4 GiB each week, and five minutes of them a day to look at the copies.
      amount:
        servers.length *
        ((30 / 7 + 30 / 12) * (2 * prices.hour["fargate core"] + 4 * prices.hour["fargate GiB"])),
    },
  ];
}

const snapshots = (database: number, files: number) =>
  perMonth("database snapshot GiB", database * (1 + CHANGED)) +
  perMonth("file snapshot GiB", files * (1 + CHANGED));

function serverLines({ name, size, instances }: Tenant["servers"][number]): Line[] {
  const { application, database } = SIZE_TERMS[size];
  const component = `DataManagementServer ${name}`;
  const copies = database.standby ? 2 : 1;
  const line = (what: string, amount: number): Line => ({ component, what, amount });
  return [
    line(
      `database ${database.instanceClass}${database.standby ? ", with standby" : ""}`,
      perHour(database.instanceClass as keyof typeof prices.hour, copies),
    ),
    line(
      `database storage, ${database.storageGiB} GiB`,
      perMonth("database GiB", database.storageGiB * copies),
    ),
    line(
      `application, ${application.cpus} core${application.cpus === 1 ? "" : "s"}, ${application.memoryGiB} GiB${instances > 1 ? `, ${instances} times` : ""}`,
      instances *
        (perHour("fargate core", application.cpus) +
          perHour("fargate GiB", application.memoryGiB) +
          perHour("fargate scratch GiB", application.scratchGiB - 20)),
    ),
    ...(instances > 1 ? [line("Redis, two nodes", perHour("cache.t4g.small", 2))] : []),
    line(`files, ${USE[size].files} GiB`, perMonth("file GiB", USE[size].files)),
    line(
      "logs, alarms, secrets",
      perMonth("log GiB", LOGS) + perMonth("alarm", instances > 1 ? 7 : 6) + perMonth("secret", 2),
    ),
  ];
}

/** What a region's tenants share, by how its tasks reach the internet; `tasks` run all day. */
export function platformEstimate(nat: (typeof NAT)[number], tasks: number): Line[] {
  const gateways = { none: 0, one: 1, perZone: ZONES }[nat];
  const component = "platform";
  return [
    {
      component,
      what: "load balancer, one unit",
      amount: perHour("load balancer") + perHour("load balancer unit"),
    },
    { component, what: "its addresses", amount: perHour("public IPv4 address", ZONES) },
    { component, what: "firewall, 3 rules", amount: perMonth("firewall") + perMonth("firewall rule", 3) },
    { component, what: "zone, key", amount: perMonth("hosted zone") + perMonth("key") },
    gateways === 0
      ? {
          component,
          what: `an address for each of ${tasks} tasks`,
          amount: perHour("public IPv4 address", tasks),
        }
      : {
          component,
          what: `${gateways} NAT gateway${gateways === 1 ? "" : "s"}, ${THROUGH_NAT} GiB through them`,
          amount:
            perHour("NAT gateway", gateways) +
            perHour("public IPv4 address", gateways) +
            perMonth("NAT GiB", THROUGH_NAT),
        },
  ];
}

export const total = (lines: readonly Line[]): number => lines.reduce((sum, { amount }) => sum + amount, 0);

/** Sums by component, in order. */
export function byComponent(lines: readonly Line[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { component, amount } of lines) sums.set(component, (sums.get(component) ?? 0) + amount);
  return sums;
}

/** Small sums with their cents. */
export const money = (amount: number): string => amount.toFixed(amount < 10 ? 2 : 0);

const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;

/** A tenant's table in docs/cost.md. */
export function costTable(tenant: Pick<AwsTenant, "servers" | "backups">): string {
  const lines = estimate(tenant);
  return [
    row("component", `${PRICES.currency} a month`),
    row("---", "--:"),
    ...[...byComponent(lines)].map(([component, amount]) => row(component, money(amount))),
    row("**all**", `**${money(total(lines))}**`),
  ].join("\n");
}

/** The platform's. */
export function natTable(): string {
  return [
    row("nat", "with 10 tasks", "with 50 tasks"),
    row("---", "--:", "--:"),
    ...NAT.map((nat) => row(nat, ...[10, 50].map((tasks) => money(total(platformEstimate(nat, tasks)))))),
  ].join("\n");
}
