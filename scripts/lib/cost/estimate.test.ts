import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { SIZE_TERMS } from "../../../plans/sizes";
import { registered } from "../../../components/testing/mocks";
import { makeServer, makeVault } from "../../../components/testing/tenant";
import { NAT } from "../../../stacks/platform/spec";
import { requirementsOf } from "../../../stacks/tenant/hostRequirements";
import { isOnDocker, parseTenant, type AwsTenant, type DockerTenant } from "../../../stacks/tenant/spec";
import { readTenant } from "../tenants";
import { byComponent, estimate, money, platformEstimate, PRICES, QUANTITIES, total } from "./estimate";
import { describeTenantCost } from "./show";

const EXAMPLES = ["moh-trial", "moh-premium", "moh-enterprise"];
const examples = Object.fromEntries(EXAMPLES.map((name) => [name, onAws(name)]));
function onAws(name: string): AwsTenant {
  const tenant = readTenant(name);
  if (isOnDocker(tenant)) throw new Error(`${name} is not on AWS`);
  return tenant;
}
const page = readFileSync(path.resolve(__dirname, "../../../docs/cost.md"), "utf8");

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

describe("a tenant on a Docker host", () => {
  const { servers, contacts, displayName } = examples["moh-premium"] as AwsTenant;
  const docker = { host: "ssh://ops@office.example.org" };
  const s3 = {
    endpoint: "https://s3.example.org",
    region: "eu-west-1",
    bucket: "backups",
    accessKeyId: "key",
    secretAccessKey: "secret",
  };
  const tenant = (locations: object[]) =>
    parseTenant({
      displayName,
      contacts,
      servers,
      target: { docker },
      backups: { locations },
    }) as DockerTenant;

  it("costs nothing on AWS, and has the memory printed that the preview asks of its host", () => {
    const text = describeTenantCost("moh-office", tenant([]));
    expect(text).toContain("No AWS cost. Memory needed on the host ssh://ops@office.example.org");
    expect(text).toMatch(
      /hmis +16 GiB\n +training +8 GiB\n +gateway +0.5 GiB\n +monitoring +0.5 GiB\n +total +25 GiB/,
    );
    expect(requirementsOf("moh-office", tenant([])).memoryGiB).toBe(25);
    expect(text).not.toMatch(/USD|RDS|db\.|SslEndpoint|BackupVault/);
  });

  it("needs memory for its backups as well", () => {
    const spec = tenant([{ disk: {} }, { s3 }]);
    const text = describeTenantCost("moh-office", spec);
    expect(text).toMatch(/backups of hmis +3 GiB/);
    expect(text).toMatch(/backups of training +3 GiB/);
    expect(text).toMatch(/total +31 GiB/);
    expect(requirementsOf("moh-office", spec).memoryGiB).toBe(31);
  });
});

it("counts the alarms, secrets and keys that the components make", async () => {
  const all = await registered(() =>
    makeVault("premium", [makeServer(), makeServer({ server: "training", instances: 2 })]),
  );
  const count = (type: string, name: RegExp) =>
    all.filter((made) => made.type === `aws:${type}` && name.test(made.name)).length;
  const alarms = (name: RegExp) => count("cloudwatch/metricAlarm:MetricAlarm", name);
  const secrets = (name: RegExp) => count("secretsmanager/secret:Secret", name);
  const counted = {
    server: { alarms: alarms(/^moh-hmis-(?!endpoint)/), secrets: secrets(/^moh-hmis-/) },
    cluster: { alarms: alarms(/^moh-training-(?!endpoint)/), secrets: secrets(/^moh-training-/) },
    endpoint: { alarms: alarms(/^moh-hmis-endpoint/) },
    vault: { alarms: alarms(/^moh-vault-(?!drill|agent)/), secrets: secrets(/^moh-vault-/) },
    portableBackup: { alarms: alarms(/^moh-vault-(drill|agent-office-\w+)-/) / 4 },
    region: { keys: count("kms/key:Key", /^moh-vault-/) },
    // The tenant's own key is of its stack, not of a component.
    tenant: { keys: 1 },
  };
  expect(counted).toEqual(QUANTITIES);
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
  const text = describeTenantCost("moh-trial", examples["moh-trial"] as (typeof examples)[string]);
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
  expect(() => readTenant("nobody")).toThrow(/tenant "nobody" has no stack file; tenants: .*moh-trial/);
});

const row = (...cells: string[]) => `| ${cells.join(" | ")} |`;

/** A tenant's table in docs/cost.md. */
function costTable(tenant: Pick<AwsTenant, "servers" | "backups">): string {
  const lines = estimate(tenant);
  return [
    row("component", `${PRICES.currency} a month`),
    row("---", "--:"),
    ...[...byComponent(lines)].map(([component, amount]) => row(component, money(amount))),
    row("**all**", `**${money(total(lines))}**`),
  ].join("\n");
}

/** The platform's table there. */
function natTable(): string {
  return [
    row("nat", "with 10 tasks", "with 50 tasks"),
    row("---", "--:", "--:"),
    ...NAT.map((nat) => row(nat, ...[10, 50].map((tasks) => money(total(platformEstimate(nat, tasks)))))),
  ].join("\n");
}
