import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestTenants, type Draft, type TenantStack } from "./tenants";

/** The tenant program, its platform and the policy pack on the real engine, with rehearsal providers. */
let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
});
afterAll(() => {
  tenants.remove();
});

const BOOKKEEPING = /^pulumi:(pulumi:Stack|pulumi:StackReference|providers:)/;

/** The resources of a stack but for the engine's own. */
async function made(stack: TenantStack): Promise<string[]> {
  return (await stack.state()).resources
    .filter(({ type }) => !BOOKKEEPING.test(type))
    .map(({ urn }) => urn)
    .sort();
}

async function database(stack: TenantStack, server: string) {
  const found = (await stack.state()).resources.find(
    ({ urn, type }) => type === "aws:rds/instance:Instance" && urn.includes(server),
  );
  if (!found) throw new Error(`no database of ${server}`);
  return found;
}

describe("a premium tenant with two servers", () => {
  let stack: TenantStack;
  beforeAll(async () => {
    stack = await tenants.stack("moh-two", { maxServers: 2, plan: "premium" }, (spec) => {
      spec.servers.push({
        name: "tracker",
        dhis2: "43.1.0",
        size: "medium",
        hostname: "tracker.moh.example.org",
      });
    });
  });

  it("is previewed before anything is there, and nothing is made by it", async () => {
    const { code, stdout } = await stack.checked("preview");
    expect(code, stdout).toBe(0);
    expect(stdout).toContain("aws:rds:Instance");
    expect(await made(stack)).toEqual([]);
  });

  it("comes up, with a database, a file store, an endpoint and backups for each server", async () => {
    const { code, stdout, stderr } = await stack.checked("up");
    expect(code, stdout + stderr).toBe(0);
    const types = (await stack.state()).resources.map(({ type }) => type);
    const count = (type: string) => types.filter((other) => other === type).length;
    expect(count("dhistance:index:Tenant")).toBe(1);
    expect(count("dhistance:index:DataManagementServer")).toBe(2);
    expect(count("dhistance:index:SslEndpoint")).toBe(2);
    expect(count("aws:rds/instance:Instance")).toBe(2);
    expect(count("aws:efs/fileSystem:FileSystem")).toBe(2);
    expect(count("aws:acm/certificateValidation:CertificateValidation")).toBe(2);
    expect(count("aws:backup/vault:Vault")).toBeGreaterThanOrEqual(2);
    expect(count("docker:index/container:Container")).toBeGreaterThanOrEqual(1);

    const outputs = JSON.parse((await stack.run("stack", "output", "--json")).stdout);
    expect(outputs.tenant).toMatchObject({
      id: "moh-two",
      plan: "premium",
      servers: { used: 2, allowed: 2 },
    });
    expect(outputs.servers.hmis.url).toBe("https://moh-two.moh.example.org");
    expect(outputs.contacts).toEqual({
      operations: "ops@moh.example.org",
      billing: "finance@moh.example.org",
    });
    expect(outputs.backups.length).toBeGreaterThanOrEqual(2);
  });

  it("does not lose its host name to another tenant, which is refused in the preview and makes nothing", async () => {
    const records = async () =>
      (await stack.state()).resources.filter(({ type }) => type === "aws:route53/record:Record");
    const before = await records();
    const other = await tenants.stack("moh-thief", { maxServers: 1, plan: "trial" }, (spec) => {
      spec.servers[0].hostname = "tracker.moh.example.org";
    });
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await other.run(...command);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(
        /servers\[0\]\.hostname: "tracker\.moh\.example\.org"; is in use by another tenant or by the platform; allowed/,
      );
    }
    // Of its own it has at most what it remembers: the zone can only be asked once the region is known.
    expect((await made(other)).filter((urn) => !urn.includes("::pulumi:index:Stash::"))).toEqual([]);
    expect(before.map(({ urn }) => urn.split("::").at(-1))).toContain("moh-two-tracker-endpoint-claim");
    expect(await records()).toEqual(before);
  });

  it("has no secret in plain in its state, its outputs or what the engine prints", async () => {
    const secrets = await stack.secrets();
    expect(secrets.length).toBeGreaterThanOrEqual(4);
    const { stdout: outputs } = await stack.run("stack", "output", "--json");
    const { stdout: shown, stderr } = await stack.run("preview", "--diff", "--show-sames");
    for (const secret of secrets) {
      for (const text of [stack.stateFile(), outputs, shown, stderr])
        expect(text.includes(secret)).toBe(false);
    }
  });

  it("does not change at a second up, nor at a refresh", async () => {
    for (const args of [
      ["up", "--yes", "--skip-preview", "--expect-no-changes"],
      ["refresh", "--yes", "--skip-preview", "--expect-no-changes"],
    ]) {
      const { code, stdout } = await stack.run(...args);
      expect(code, stdout).toBe(0);
    }
  });

  it("keeps its database when it grows", async () => {
    const before = await database(stack, "hmis");
    stack.change((spec) => (spec.servers[0].size = "medium"));
    await stack.succeed("up", "--yes", "--skip-preview");
    const after = await database(stack, "hmis");
    expect(after.id).toBe(before.id);
    expect(after.inputs?.["instanceClass"]).not.toBe(before.inputs?.["instanceClass"]);
  });

  it("does not delete a server that was only taken out of the file, nor touch anything of it", async () => {
    const before = await made(stack);
    let tracker: Draft;
    stack.change((spec) => (tracker = spec.servers.pop()));
    for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await stack.run(...args);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(/server "tracker" is no longer in the stack file.*retire: true/);
    }
    expect(await made(stack)).toEqual(before);
    stack.change((spec) => spec.servers.push(tracker));
  });

  it("refuses an older entitlement that was put back, which a smaller one has replaced", async () => {
    const [larger, smaller] = [
      await tenants.entitlement({ tenant: "moh-two", plan: "enterprise", maxServers: 9 }),
      await tenants.entitlement({ tenant: "moh-two", plan: "premium", maxServers: 2 }),
    ];
    stack.entitle(smaller);
    await stack.succeed("up", "--yes", "--skip-preview");
    const before = await made(stack);
    stack.entitle(larger);
    for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await stack.run(...args);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(/was refused: 1 problem; nothing was changed\.\n.*has replaced it/);
    }
    expect(await made(stack)).toEqual(before);
  });

  it("grows no more under an entitlement that has expired, which the preview says", async () => {
    const dates = { activatedAt: "2024-01-01T00:00:00Z", expiresAt: "2025-01-01T00:00:00Z" };
    stack.entitle(await tenants.entitlement({ tenant: "moh-two", plan: "premium", maxServers: 2, ...dates }));
    const before = await made(stack);
    const name = (is: string) => stack.change((spec) => (spec.servers[1].name = is));
    name("training");
    const { code, stdout, stderr } = await stack.checked("up");
    name("tracker");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(
      /was refused: 1 problem; nothing was changed\.\n.*expired at 2025.*Refused: server "training" is new\./,
    );
    expect(await made(stack)).toEqual(before);
  });

  it("lets a server go that has retired, and goes without a trace when all have, under that entitlement, too", async () => {
    const withPack = async () => {
      const { code, stdout, stderr } = await stack.checked("up");
      expect(code, stdout + stderr).toBe(0);
      expect(stdout + stderr).toMatch(/expired at 2025.*what there is goes on, but nothing can be added/);
    };
    stack.change((spec) => (spec.servers[1].retire = true));
    await withPack();
    stack.change((spec) => {
      spec.servers.pop();
      spec.servers[0].retire = true;
    });
    await withPack();
    expect((await made(stack)).filter((urn) => urn.includes("tracker"))).toEqual([]);
    await stack.succeed("destroy", "--yes", "--skip-preview");
    expect((await stack.state()).resources).toEqual([]);
  });
});

describe("a trial tenant", () => {
  it("goes without a trace when it is destroyed", async () => {
    const stack = await tenants.stack("moh-try", { plan: "trial", maxServers: 1 });
    const up = await stack.run("up", "--yes", "--skip-preview");
    expect(up.code, up.stdout + up.stderr).toBe(0);
    const { code, stdout, stderr } = await stack.run("destroy", "--yes", "--skip-preview");
    expect(code, stdout + stderr).toBe(0);
    expect((await stack.state()).resources).toEqual([]);
  });

  it("converges when an up was killed in its middle and is run again", async () => {
    const stack = await tenants.stack("moh-kill", { plan: "trial", maxServers: 1 });
    await stack.killedWhen(/aws:rds:Instance/, "up", "--yes", "--skip-preview");
    const partly = await made(stack);
    expect(partly.length).toBeGreaterThan(0);
    // What the engine writes in place, and so may leave half-written, it cannot open again.
    expect(stack.stateFiles().filter((file) => file.endsWith(".attrs"))).toEqual([]);
    await stack.run("cancel", "--yes");
    const again = await stack.run("up", "--yes", "--skip-preview", "--refresh");
    expect(again.code, again.stdout + again.stderr).toBe(0);
    expect((await made(stack)).length).toBeGreaterThan(partly.length);
    const { code, stdout } = await stack.run("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(code, stdout).toBe(0);
  });
});
