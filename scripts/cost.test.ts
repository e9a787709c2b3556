import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { SIZE_TERMS } from "../components/DataManagementServer/sizes";
import { byComponent, costTable, estimate, natTable, platformEstimate, PRICES, total } from "./cost";
import { isOnDocker, parseTenant, type AwsTenant } from "../stacks/tenant/spec";
import { describeTenant, readTenant } from "./tenant";

const EXAMPLES = ["moh-trial", "moh-premium", "moh-enterprise"];
const examples = Object.fromEntries(EXAMPLES.map((name) => [name, onAws(name)]));
function onAws(name: string): AwsTenant {
  const tenant = readTenant(name);
  if (isOnDocker(tenant)) throw new Error(`${name} is not on AWS`);
  return tenant;
}
const page = readFileSync(path.resolve(__dirname, "../docs/cost.md"), "utf8");

it("has a price for every class of database that a size stands for", () => {
  for (const { database } of Object.values(SIZE_TERMS)) {
    expect(PRICES.hour).toHaveProperty([database.instanceClass]);
  }
});

it("says in the docs what the table of prices gives, and whose prices they are", () => {
  const squeeze = (text: string) => text.replace(/ +/g, " ").replace(/-{2,}/g, "--");
  for (const [name, tenant] of Object.entries(examples))
    expect(squeeze(page)).toContain(squeeze(`### ${name}\n\n${costTable(tenant)}`));
  expect(squeeze(page)).toContain(squeeze(natTable()));
  expect(page).toContain(`${PRICES.region}, ${PRICES.date}`);
});

it("says of every price whether it was compared with anything, and in the docs which were not", () => {
  const all = [...Object.keys(PRICES.hour), ...Object.keys(PRICES.month)].sort();
  expect([...Object.keys(PRICES.compared), ...PRICES.unchecked].sort()).toEqual(all);
  const plain = page.replace(/\s+/g, " ").replaceAll("`", "");
  expect(plain).toContain(`compared with nothing: ${PRICES.unchecked.join(", ")}. Check them`);
});

it("asks nothing of AWS for a tenant on a Docker host, and says what it takes of the host", () => {
  const { servers, contacts, displayName } = examples["moh-premium"] as AwsTenant;
  const docker = { host: "ssh://ops@office.example.org" };
  const tenant = parseTenant({ displayName, contacts, servers, target: { docker }, backups: { copies: [] } });
  const text = describeTenant("moh-office", tenant);
  expect(text).toContain("ssh://ops@office.example.org");
  expect(text).toMatch(/hmis +16 GiB of memory\ntraining +8 GiB/);
  expect(text).toMatch(/all +24 GiB/);
  expect(text).not.toMatch(/USD|RDS|db\.|SslEndpoint|BackupVault/);
});

it("adds up: components to the whole, a standby to twice its database", () => {
  for (const tenant of Object.values(examples)) {
    const lines = estimate(tenant);
    expect([...byComponent(lines).values()].reduce((a, b) => a + b)).toBeCloseTo(total(lines));
    expect(lines.every(({ amount }) => amount > 0)).toBe(true);
  }
  const [database] = estimate(examples["moh-premium"] as (typeof examples)[string]);
  expect(database?.amount).toBeCloseTo(0.168 * 2 * 730);
});

it("counts a cluster's instances and its Redis", () => {
  const tenant = examples["moh-enterprise"] as (typeof examples)[string];
  const single = { ...tenant, servers: tenant.servers.map((server) => ({ ...server, instances: 1 })) };
  const { cpus, memoryGiB, scratchGiB } = SIZE_TERMS.large.application;
  const instance = 730 * (cpus * 0.04048 + memoryGiB * 0.004445 + (scratchGiB - 20) * 0.000111);
  expect(total(estimate(tenant)) - total(estimate(single))).toBeCloseTo(instance + 730 * 2 * 0.032 + 0.1);
});

it("shows what each choice of NAT costs", () => {
  const [none, one, perZone] = (["none", "one", "perZone"] as const).map((nat) =>
    total(platformEstimate(nat, 10)),
  );
  expect(none).toBeLessThan(one as number);
  expect((perZone as number) - (one as number)).toBeCloseTo(2 * 730 * (0.045 + 0.005));
});

it("is printed for a person with every component and the whole", () => {
  const text = describeTenant("moh-trial", examples["moh-trial"] as (typeof examples)[string]);
  for (const part of [
    "DataManagementServer hmis",
    "SslEndpoint hmis",
    "BackupVault",
    "USD a month",
    "docs/cost.md",
  ])
    expect(text).toContain(part);
});

it("names the tenants there are for one that is not", () => {
  expect(() => readTenant("nobody")).toThrow(/tenant "nobody" has no stack file; there are .*moh-trial/);
});
