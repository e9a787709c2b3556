import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nameOf } from "../../components/BackupVault/onPremises";
import { PLAN_TERMS, type Plan } from "../../plans/plans";
import type { State } from "./pulumi";
import { ROOT, TestTenants, type Draft, type TenantStack } from "./tenants";

/** A tenant's backups on AWS over the years, on the real engine: plans and on-premises hosts come, go and move. */
const TENANT = "moh-years";
const host = (name: string) => `ssh://backup@${name}.moh.example.org`;
const entry = (name: string, more: object = {}) => ({
  onPremises: { host: host(name), path: "/srv/dhis2", ...more },
});
const [OFFICE, REGIONAL, NEW] = ["office", "regional", "newoffice"].map((each) =>
  nameOf({ host: host(each) }),
) as [string, string, string];

type Resource = State["resources"][number];

let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  stack = await tenants.stack(TENANT, { plan: "trial", maxServers: 1 }, (spec) => {
    spec.backups.locations = [{ region: "eu-central-1" }, entry("office"), entry("regional")];
  });
  await up();
});
afterAll(() => tenants?.remove());

const up = () => stack.succeed("up", "--yes", "--skip-preview");

function onPremises(...entries: object[]): void {
  stack.change((spec) => (spec.backups.locations = [{ region: "eu-central-1" }, ...entries]));
}

async function bought(plan: Plan): Promise<void> {
  const maxServers = Math.min(PLAN_TERMS[plan].servers.max, 3);
  const entitlement = await tenants.entitlement({ tenant: TENANT, plan, maxServers });
  let spec: Draft;
  stack.change((draft) => (spec = draft));
  stack.configure(entitlement, spec);
}

/** The engine refuses it, in the preview and without one, in these words, and changes no agent. */
async function refused(message: RegExp): Promise<void> {
  const before = await agents();
  for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
    const { code, stdout, stderr } = await stack.run(...args);
    expect(code, stdout).not.toBe(0);
    // The engine breaks lines.
    expect((stdout + stderr).replace(/\s+/g, " ")).toMatch(message);
  }
  expect(await agents()).toEqual(before);
}

const named = ({ urn }: Resource) => urn.slice(urn.lastIndexOf("::") + 2);

/** By name: type, id and provider of all that belongs to an agent. */
async function agents(): Promise<Record<string, Record<string, string>>> {
  const found: Record<string, Record<string, string>> = {};
  for (const resource of (await stack.state()).resources) {
    const [, agent, rest] =
      new RegExp(`^${TENANT}-vault-agent-(\\w+-[0-9a-f]{6}|\\d)(.*)$`).exec(named(resource)) ?? [];
    if (agent === undefined) continue;
    const provider = resource.type.startsWith("docker:") ? (resource.provider?.split("::").at(-2) ?? "") : "";
    (found[agent] ??= {})[`${resource.type}${rest}`] = `${resource.id} ${provider}`;
  }
  return found;
}

/** The passwords of on-premises backups, by the name of their resource. */
async function passwords(): Promise<Record<string, string>> {
  const { stdout } = await stack.succeed("stack", "export", "--show-secrets");
  const { resources } = (JSON.parse(stdout) as { deployment: State }).deployment;
  return Object.fromEntries(
    resources
      .filter((each) => /-vault-agent-.*-password$/.test(named(each)))
      .map((each) => [
        named(each)
          .replace(`${TENANT}-vault-agent-`, "")
          .replace(/-password$/, ""),
        JSON.parse((each.outputs as { result: { plaintext: string } }).result.plaintext) as string,
      ]),
  );
}

/** The password of an agent's backups, as `docs/operating/on-premises.md` says to read it. */
async function readPassword(agent: string): Promise<string> {
  const page = readFileSync(path.join(ROOT, "docs/operating/on-premises.md"), "utf8");
  const [, command = "exit 1"] = /```bash\n(pulumi stack export --show-secrets.*?)```/s.exec(page) ?? [];
  const line = command.replaceAll("TENANT", TENANT).replaceAll("NAME", agent);
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", line], {
    cwd: stack.cwd,
    env: stack.env,
  });
  return stdout.trim();
}

const CONTAINER = "docker:index/container:Container";

describe("another plan", () => {
  it("does not take the lock off the vaults, nor end the replication of the databases", async () => {
    for (const [plan, days] of [
      ["premium", 35],
      ["enterprise", 90],
    ] as const) {
      await bought(plan);
      // The rehearsal refuses what on AWS would take the lock off.
      await up();
      const locks = (await stack.state()).resources.filter(({ type }) =>
        /VaultLockConfiguration$/.test(type),
      );
      expect(locks.map(({ inputs }) => inputs?.["minRetentionDays"])).toEqual([days, days]);
    }
    await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("is refused in the preview where AWS would refuse a shorter lock half-way", async () => {
    await bought("premium");
    await refused(/plan premium: .* have a compliance lock of 90 days .* which AWS lets nobody change/);
    await bought("enterprise");
  });
});

describe("a state that names agents by their position", () => {
  let before: Record<string, string>;

  it("is not taken over while nobody knows whose password is whose", async () => {
    before = await passwords();
    expect(Object.keys(before).sort()).toEqual([OFFICE, REGIONAL].sort());
    await renameAgents({ [OFFICE]: "1", [REGIONAL]: "2" });
    expect(Object.keys(await passwords()).sort()).toEqual(["1", "2"]);
    onPremises(entry("regional"));
    await refused(
      /passwords only if the entries are those of the last update.*office.*regional.*Put them back/,
    );
    onPremises(entry("regional"), entry("office"));
    await refused(/Put them back, run pulumi up/);
  });

  it("keeps the password of every host's backups", async () => {
    onPremises(entry("office"), entry("regional"));
    await up();
    expect(await passwords()).toEqual(before);
  });
});

/** The state as it was before agents were named by their hosts. */
async function renameAgents(names: Record<string, string>): Promise<void> {
  const { stdout } = await stack.succeed("stack", "export");
  const checkpoint = JSON.parse(stdout) as { deployment: State };
  checkpoint.deployment.resources = checkpoint.deployment.resources
    .filter((each) => named(each) !== `${TENANT}-vault-on-premises`)
    .map((each) => {
      const { dependencies = [], propertyDependencies = {} } = each as Resource & {
        dependencies?: string[];
        propertyDependencies?: Record<string, string[]>;
      };
      const known = (urn: string) => !urn.endsWith(`::${TENANT}-vault-on-premises`);
      return {
        ...each,
        protect: false,
        dependencies: dependencies.filter(known),
        propertyDependencies: Object.fromEntries(
          Object.entries(propertyDependencies).map(([key, urns]) => [key, urns.filter(known)]),
        ),
      };
    });
  const text = Object.entries(names).reduce(
    (all, [from, to]) => all.replaceAll(`-vault-agent-${from}`, `-vault-agent-${to}`),
    JSON.stringify(checkpoint),
  );
  const file = path.join(stack.cwd, "state.json");
  writeFileSync(file, text);
  await stack.succeed("stack", "import", "--file", file);
}

describe("on-premises hosts", () => {
  it("that are put in front of others or change places leave the others' agents and passwords alone", async () => {
    const [was, keys] = [await agents(), await passwords()];
    onPremises(entry("newoffice"), entry("regional"), entry("office"));
    await up();
    const now = await agents();
    expect(now).toEqual({ ...was, [NEW]: expect.anything() });
    expect(now[NEW]?.[CONTAINER]).toMatch(/ ssh:\/\/backup@newoffice\.moh\.example\.org$/);
    expect(await passwords()).toMatchObject(keys);
  });

  it("are not taken out, nor moved, at the cost of the password of their backups", async () => {
    onPremises(entry("newoffice"), entry("regional"));
    await refused(
      new RegExp(
        `backup at ${host("office")} is no longer in the stack file\\..*add name: ${OFFICE} .*retire: true and run pulumi up`,
      ),
    );
    onPremises(entry("newoffice"), entry("regional"), entry("other"));
    await refused(/backup at ssh:\/\/backup@office\.moh\.example\.org is no longer in the stack file/);
  });

  it("that are given up lose their agent and their access, keep their password, and touch no other", async () => {
    const [was, keys] = [await agents(), await passwords()];
    onPremises(entry("newoffice"), entry("regional"), entry("office", { retire: true }));
    await up();
    const { [OFFICE]: gone, ...others } = await agents();
    expect(Object.keys(gone ?? {})).toEqual(["random:index/randomPassword:RandomPassword-password"]);
    expect(others).toEqual({ [NEW]: was[NEW], [REGIONAL]: was[REGIONAL] });
    expect(await passwords()).toEqual(keys);
    expect(await readPassword(OFFICE)).toBe(keys[OFFICE]);
    const { backups } = JSON.parse((await stack.succeed("stack", "output", "--json")).stdout) as {
      backups: { where: string }[];
    };
    expect(backups.map(({ where }) => where)).not.toContain(`${host("office")}:/srv/dhis2`);

    onPremises(entry("newoffice"), entry("regional"));
    await up();
    expect(Object.keys(await passwords()).sort()).toEqual([NEW, REGIONAL].sort());
    expect(await agents()).toEqual(others);
  });

  it("whose address changes get their agent there, with the password of their backups", async () => {
    const [was, keys] = [await agents(), await passwords()];
    onPremises(entry("newoffice"), entry("moved", { name: REGIONAL }));
    await up();
    const now = await agents();
    expect(await passwords()).toEqual(keys);
    expect(now[NEW]).toEqual(was[NEW]);
    expect(now[REGIONAL]?.[CONTAINER]).toMatch(/ ssh:\/\/backup@moved\.moh\.example\.org$/);
    expect(now[REGIONAL]?.[CONTAINER]?.split(" ")[0]).not.toBe(was[REGIONAL]?.[CONTAINER]?.split(" ")[0]);
    await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("are protected in the state, as are the password and the signing key of the backups in the cloud", async () => {
    const guarded = (await stack.state()).resources.filter(({ protect }) => protect).map(named);
    for (const what of [
      ...[`agent-${NEW}-password`, `agent-${REGIONAL}-password`],
      ...["repository-password", "signing-key", "repository"],
    ])
      expect(guarded).toContain(`${TENANT}-vault-${what}`);
  });
});

it("a tenant whose data may not leave its country has backups in its own region and on a host there", async () => {
  const inCountry = await tenants.stack("moh-country", { plan: "premium", maxServers: 2 }, (spec) => {
    spec.residency = ["IE"];
    spec.backups.locations = [entry("office", { country: "IE" })];
  });
  await inCountry.succeed("up", "--yes", "--skip-preview");
  const { resources } = await inCountry.state();
  const regions = resources
    .filter(({ type }) => type === "pulumi:providers:aws")
    .map(({ inputs }) => inputs?.["region"]);
  expect(regions).toEqual(["eu-west-1"]);
  const of = (type: string) => resources.filter((each) => each.type === type).length;
  expect(of("aws:backup/vault:Vault")).toBe(1);
  expect(of("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication")).toBe(0);
  const { stdout } = await inCountry.succeed("stack", "output", "--json");
  const { backups } = JSON.parse(stdout) as { backups: { kind: string; where: string }[] };
  expect(backups.map(({ kind, where }) => `${kind} ${where}`).sort()).toEqual([
    "pointInTime eu-west-1",
    "portable eu-west-1",
    `portable ${host("office")}:/srv/dhis2`,
    "snapshot eu-west-1",
  ]);
  await inCountry.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
  inCountry.change((spec) => spec.backups.locations.push({ region: "eu-central-1" }));
  const { code, stdout: out, stderr } = await inCountry.run("preview");
  expect(code).not.toBe(0);
  expect(out + stderr).toMatch(/is in DE, outside the residency; allowed: IE/);
});
