import { HOST_GIB } from "../../../operations/docker/inspect";
import { memoryOf, totalMemoryGiB } from "../../../stacks/tenant/hostRequirements";
import {
  isOnDocker,
  warningsOf,
  type AwsTenant,
  type DockerTenant,
  type Tenant,
} from "../../../stacks/tenant/spec";
import { PLAIN, table, type Colors, type Output } from "../output";
import { readTenant } from "../tenants";
import { estimate, money, PRICES, total } from "./estimate";

/** Prints a tenant's monthly cost on AWS, or the memory that it needs on its Docker host. */
export function showTenant(name: string, output: Output): void {
  const tenant = readTenant(name);
  const warnings = warningsOf(tenant);
  for (const warning of warnings) output.warn(warning);
  output.result({ ...tenantData(name, tenant), warnings }, describeTenantCost(name, tenant, output.colors));
}

export function describeTenantCost(name: string, tenant: Tenant, colors: Colors = PLAIN): string {
  const { bold, dim } = colors;
  const title = `${bold(tenant.displayName)} ${dim(`(${name})`)}`;
  const lines = isOnDocker(tenant) ? describeHost(tenant, colors) : describeCost(tenant, colors);
  return [title, ...lines].join("\n");
}

function describeHost(tenant: DockerTenant, { bold }: Colors): string[] {
  const rows = memoryOf(tenant).map(({ what, memoryGiB }) => [what, `${memoryGiB} GiB`]);
  rows.push([bold("total"), bold(`${totalMemoryGiB(tenant)} GiB`)]);
  return [
    `No AWS cost. Memory needed on the host ${tenant.target.docker.host}, besides ${HOST_GIB} GiB for the host itself:`,
    "",
    ...table(rows, { right: [1] }),
  ];
}

function describeCost(tenant: AwsTenant, { bold, dim }: Colors): string[] {
  const lines = estimate(tenant);
  const rows: string[][] = [];
  for (const component of new Set(lines.map((line) => line.component))) {
    const own = lines.filter((line) => line.component === component);
    rows.push([bold(component), bold(money(total(own)))]);
    for (const { what, amount } of own) rows.push([dim(`  ${what}`), dim(money(amount))]);
  }
  rows.push(["", ""], [bold(`${PRICES.currency} a month`), bold(money(total(lines)))]);
  const { region, date, unchecked } = PRICES;
  return [
    "",
    ...table(rows, { right: [1] }),
    dim(
      `An estimate with prices of ${region}, ${date}; ${unchecked.length} of them are not checked. Assumptions: docs/cost.md`,
    ),
  ];
}

function tenantData(name: string, tenant: Tenant): object {
  if (isOnDocker(tenant)) {
    const { host } = tenant.target.docker;
    const memory = { hostGiB: HOST_GIB, totalGiB: totalMemoryGiB(tenant), parts: memoryOf(tenant) };
    return { tenant: name, docker: { host, memory } };
  }
  const { region, date, currency, unchecked } = PRICES;
  const lines = estimate(tenant);
  return { tenant: name, prices: { region, date, currency, unchecked }, lines, total: total(lines) };
}
