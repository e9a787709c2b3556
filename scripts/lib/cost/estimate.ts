import type { AwsTenant, Tenant } from "../../../stacks/tenant/spec";
import { SIZE_TERMS } from "../../../plans/sizes";
import type { Size } from "../../../plans/plans";
import { NAT } from "../../../stacks/platform/spec";
import prices from "./prices.json";

/** Estimates what a tenant costs on AWS in a month, from its spec and a table of prices. */

/** Hours of a month, as AWS's own calculator counts them. */
const HOURS = 730;
const ZONES = 3;

/** Used storage by size, in GiB, which no spec states: an assumption, to be replaced by what a customer uses. */
export const USE: Readonly<Record<Size, { files: number; database: number }>> = {
  small: { files: 5, database: 10 },
  medium: { files: 50, database: 60 },
  large: { files: 200, database: 300 },
};
/** In GiB a month: logs of a server, and traffic of all tenants' tasks through NAT. */
const LOGS = 2;
const THROUGH_NAT = 100;
/** A compressed export's part of the database's used storage, and the part of it that changes in a month. */
const EXPORTED = 0.2;
const CHANGED = 0.5;

/** How many priced resources the components make. A test compares this with the components. */
export const QUANTITIES = {
  server: { alarms: 6, secrets: 2 },
  /** With more than one instance. */
  cluster: { alarms: 7, secrets: 2 },
  endpoint: { alarms: 2 },
  vault: { alarms: 4, secrets: 2 },
  /** For each server in each repository of portable backups. */
  portableBackup: { alarms: 4 },
  /** For each other region. */
  region: { keys: 1 },
  /** Of the tenant as a whole. */
  tenant: { keys: 1 },
} as const;

export interface Line {
  component: string;
  what: string;
  /** For a month, in the currency of the table. */
  amount: number;
}

const perHour = (name: keyof typeof prices.hour, count = 1) => prices.hour[name] * HOURS * count;
const perMonth = (name: keyof typeof prices.month, count = 1) => prices.month[name] * count;

/** The table of prices. */
export const PRICES = prices;

/** Estimates a tenant's own resources, line by line. Shared resources belong to the platform. */
export function estimate({ servers, backups }: Pick<AwsTenant, "servers" | "backups">): Line[] {
  const regions = backups.locations.filter((location) => "region" in location).length;
  // Portable backups are in the cloud and on each of the customer's hosts.
  const repositories = 1 + backups.locations.filter((location) => "onPremises" in location).length;
  const used = (what: "files" | "database") => servers.reduce((sum, { size }) => sum + USE[size][what], 0);
  const exported = used("database") * EXPORTED + used("files");
  const vault = "BackupVault";
  const portable = repositories * servers.length;
  return [
    ...servers.flatMap(serverLines),
    ...servers.map(({ name }) => ({
      component: `SslEndpoint ${name}`,
      what: "alarms; the certificate is free",
      amount: perMonth("alarm", QUANTITIES.endpoint.alarms),
    })),
    {
      component: vault,
      what: "keys, alarms, secrets",
      amount:
        perMonth("key", QUANTITIES.tenant.keys + regions * QUANTITIES.region.keys) +
        perMonth("alarm", QUANTITIES.vault.alarms + portable * QUANTITIES.portableBackup.alarms) +
        perMonth("secret", QUANTITIES.vault.secrets),
    },
    {
      component: vault,
      what: "snapshots in the same region",
      amount: snapshots(used("database"), used("files")),
    },
    {
      component: vault,
      what: `snapshots and WAL in ${regions} other region${regions === 1 ? "" : "s"}`,
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
      // An hour of two cores and 4 GiB each week, and five minutes of them a day to check the backups.
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
  const instanceCount = database.standby ? 2 : 1;
  const { alarms, secrets } = instances > 1 ? QUANTITIES.cluster : QUANTITIES.server;
  const line = (what: string, amount: number): Line => ({ component, what, amount });
  return [
    line(
      `database ${database.instanceClass}${database.standby ? ", with standby" : ""}`,
      perHour(database.instanceClass as keyof typeof prices.hour, instanceCount),
    ),
    line(
      `database storage, ${database.storageGiB} GiB`,
      perMonth("database GiB", database.storageGiB * instanceCount),
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
      perMonth("log GiB", LOGS) + perMonth("alarm", alarms) + perMonth("secret", secrets),
    ),
  ];
}

/** Estimates what a region's tenants share, by how tasks reach the internet. @param tasks running all day */
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

/** The sum of each component, in order. */
export function byComponent(lines: readonly Line[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { component, amount } of lines) sums.set(component, (sums.get(component) ?? 0) + amount);
  return sums;
}

/** Small amounts with their cents. */
export const money = (amount: number): string => amount.toFixed(amount < 10 ? 2 : 0);
