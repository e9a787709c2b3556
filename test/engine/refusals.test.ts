import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestTenants, type Bought, type Draft, type TenantStack } from "./tenants";

/** Wrong input on the real engine: refused before anything is made, with a message for a person. */
let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: false });
});
afterAll(() => {
  tenants.remove();
});

/** What the engine prints of a refused `up`; nothing may have been made, and no stack trace shown. */
async function refusalOf(stack: TenantStack): Promise<string> {
  const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview");
  const said = stdout + stderr;
  expect(code, said).not.toBe(0);
  expect(said).not.toMatch(/\n\s+at |node:internal|\.ts:\d/);
  // Of what is no resource, the stack and a question to the engine itself leave an entry.
  const left = (await stack.state()).resources.filter(
    ({ type }) => !["pulumi:pulumi:Stack", "pulumi:providers:pulumi"].includes(type),
  );
  expect(left).toEqual([]);
  return said;
}

const premium = { plan: "premium", maxServers: 2 } as const;
const second = (name: string) => ({
  name,
  dhis2: "42.5.2",
  size: "small",
  hostname: `${name}.moh.example.org`,
});

describe("a spec that is wrong", () => {
  it.each<[string, (spec: Draft) => void, RegExp]>([
    [
      "an unknown key",
      (s) => (s.servers[0].ram = 4),
      /servers\[0\]\.ram: unknown key; allowed keys: name, dhis2, size/,
    ],
    [
      "more servers than the plan has",
      (s) => s.servers.push(second("b"), second("c")),
      /has 3 servers \(hmis, b, c\); its premium plan allows 2/,
    ],
    [
      "two servers with one hostname",
      (s) => s.servers.push({ ...second("b"), hostname: s.servers[0].hostname }),
      /servers\[1\]\.hostname: "bad-two-servers-with-o\.moh\.example\.org"; already used by/,
    ],
    [
      "an unsupported DHIS2 version",
      (s) => (s.servers[0].dhis2 = "2.38.1"),
      /servers\[0\]\.dhis2: "2\.38\.1"; not a supported DHIS2 version; allowed: majors 41, 42, 43/,
    ],
    [
      "no backup outside the cloud",
      (s) => s.backups.locations.pop(),
      /backups\.locations: no backup on premises/,
    ],
    [
      "a size over the plan",
      (s) => (s.servers[0].size = "large"),
      /"hmis" has size "large"; the premium plan allows small, medium/,
    ],
  ])("is refused for %s", async (what, change, message) => {
    const stack = await tenants.stack(
      `bad-${what
        .replace(/[^a-z]+/gi, "-")
        .toLowerCase()
        .slice(0, 18)
        .replace(/-$/, "")}`,
      premium,
      change,
    );
    expect(await refusalOf(stack)).toMatch(message);
  });

  it("is refused for everything at once, each problem on a line of its own", async () => {
    const stack = await tenants.stack("bad-all", { plan: "trial", maxServers: 1 }, (s) => {
      s.colour = "red";
      s.servers[0].size = "huge";
      s.servers[0].hostname = "HMIS";
      s.backups.locations = [];
    });
    const said = await refusalOf(stack);
    for (const line of [
      /colour: unknown key/,
      /servers\[0\]\.size: "huge"; allowed: small/,
      /servers\[0\]\.hostname: "HMIS"/,
    ]) {
      expect(said).toMatch(line);
    }
  });
});

it("P13: the policy pack is not shown as passed beside a refusal of the program", async () => {
  const stack = await tenants.stack("bad-tick", premium, (s) => (s.colour = "red"));
  const { code, stdout } = await stack.checked("preview");
  expect(code).not.toBe(0);
  expect(stdout).toMatch(/❌ dhistance@[\s\S]*program-accepts[\s\S]*the program refused this stack/);
  expect(stdout).toMatch(/colour: unknown key/);
  expect((await stack.state()).resources).toEqual([]);
});

describe("an entitlement that does not hold", () => {
  it("is refused when it was edited", async () => {
    const token = await tenants.entitlement({ tenant: "bad-edited", ...premium });
    const [header, claims, signature] = token.split(".") as [string, string, string];
    const more = Buffer.from(claims, "base64url")
      .toString()
      .replace('"premium"', '"enterprise"')
      .replace(":2", ":9");
    const stack = await tenants.stack(
      "bad-edited",
      [header, Buffer.from(more).toString("base64url"), signature].join("."),
    );
    expect(await refusalOf(stack)).toMatch(/was changed after it was signed/);
  });

  it("is refused when it has expired", async () => {
    const dates = { activatedAt: "2024-01-01T00:00:00Z", expiresAt: "2025-01-01T00:00:00Z" };
    const stack = await tenants.stack("bad-expired", { ...premium, ...dates });
    expect(await refusalOf(stack)).toMatch(/"bad-expired" expired at 2025-01-01T00:00:00Z/);
  });

  it("is refused when a foreign issuer signed it", async () => {
    const stack = await tenants.stack(
      "bad-foreign",
      await tenants.foreignEntitlement({ tenant: "bad-foreign", ...premium }),
    );
    expect(await refusalOf(stack)).toMatch(/not among the trusted issuers/);
  });

  it("is refused when it is another tenant's, which is also a stack whose name is not the tenant", async () => {
    const stack = await tenants.stack(
      "bad-other",
      await tenants.entitlement({ tenant: "moh-rich", ...premium }),
    );
    expect(await refusalOf(stack)).toMatch(/stack "bad-other" carries the entitlement of tenant "moh-rich"/);
  });

  it("is refused when there is none", async () => {
    expect(await refusalOf(await tenants.stack("bad-none", undefined))).toMatch(/dhistance:entitlement/);
  });
});

describe("the policy pack, for a program that asks nothing itself", () => {
  it("lets a stack within its plan pass", async () => {
    const stack = await tenants.careless("free-good", { ...premium }, [
      ["hmis", "small"],
      ["tracker", "medium"],
    ]);
    const { code, stdout, stderr } = await stack.checked("up");
    expect(code, stdout + stderr).toBe(0);
  });

  it.each<[string, Bought, [string, string][], RegExp]>([
    [
      "free-many",
      premium,
      [
        ["a", "small"],
        ["b", "small"],
        ["c", "small"],
      ],
      /servers-within-plan[\s\S]*has 3 servers \(a, b, c\); its premium plan allows 2/,
    ],
    ["free-big", premium, [["a", "large"]], /size-within-plan[\s\S]*"a" has size "large"/],
    [
      "free-name",
      { ...premium, tenant: "moh-rich" },
      [["a", "small"]],
      /stack-is-tenant[\s\S]*carries the entitlement of tenant "moh-rich"/,
    ],
    [
      "free-old",
      { ...premium, activatedAt: "2024-01-01T00:00:00Z", expiresAt: "2025-01-01T00:00:00Z" },
      [["a", "small"]],
      /entitlement-valid[\s\S]*expired at 2025/,
    ],
    ["free-none", undefined, [["a", "small"]], /entitlement-valid[\s\S]*exactly one/],
  ])("refuses %s in its preview", async (name, entitlement, servers, message) => {
    const stack = await tenants.careless(name, entitlement, servers);
    const { code, stdout, stderr } = await stack.checked("preview");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(message);
  });

  const database = (name: string, parent: string, instanceClass = "db.t4g.medium") => `
    const aws = require("@pulumi/aws");
    const provider = new aws.Provider("aws", { region: "eu-west-1" });
    const properties = {
      engine: "postgres", instanceClass: "${instanceClass}", allocatedStorage: 20,
      username: "dhis", password: "of-a-test", dbName: "dhis2", skipFinalSnapshot: true, storageEncrypted: true,
      kmsKeyId: "arn:aws:kms:eu-west-1:000000000000:key/27404f2a-8636-48db-81df-3039b0b3fc19",
    };
    new aws.rds.Instance("${name}", properties, { parent: ${parent}, provider, dependsOn: made });`;
  it.each<[string, [string, string][], string, RegExp]>([
    [
      "free-third",
      [
        ["a", "small"],
        ["b", "small"],
        ["c", "small"],
      ],
      "",
      /has 3 servers \(a, b, c\)/,
    ],
    [
      "free-smuggled",
      [
        ["a", "small"],
        ["b", "small"],
      ],
      database("smuggled", "tenant"),
      /has 3 servers \(a, b, smuggled\)/,
    ],
    [
      "free-lying",
      [["a", "small"]],
      database("a-db", "made[0]", "db.m7g.16xlarge"),
      /server "a" has size "small", and a-db has instance class db\.m7g\.16xlarge; allowed: db\.t4g\.medium/,
    ],
  ])(
    "makes nothing of %s that exceeds its plan, without a preview either",
    async (name, servers, more, message) => {
      const stack = await tenants.careless(name, premium, servers, more);
      const { code, stdout, stderr } = await stack.checked("up", "--skip-preview");
      expect(code).not.toBe(0);
      expect((stdout + stderr).replace(/\s+/g, " ")).toMatch(message);
      const counted = (await stack.state()).resources.filter(({ type }) =>
        /DataManagementServer|rds/.test(type),
      );
      // Which of three comes last is the engine's to say; the databases wait for the others.
      expect(counted.length).toBeLessThanOrEqual(2);
      expect(counted.map(({ urn }) => urn).join()).not.toMatch(/::(smuggled|a-db)$/);
    },
  );

  it("refuses an entitlement that a preview does not know yet", async () => {
    const token = await tenants.entitlement({ tenant: "free-later", ...premium });
    const more = `
      const { RandomId } = require("@pulumi/random");
      const later = new RandomId("r", { byteLength: 2 }).hex.apply(() => "${token}");
      new Component("Tenant", "later", { entitlement: later });`;
    const stack = await tenants.careless("free-later", undefined, [], more);
    const { code, stdout, stderr } = await stack.checked("preview");
    expect(code).not.toBe(0);
    expect((stdout + stderr).replace(/\s+/g, " ")).toMatch(/entitlement of later is not known in a preview/);
  });

  it("counts containers that serve under names of their own", async () => {
    const containers = await tenants.careless(
      "free-docker",
      premium,
      [],
      `
      const docker = require("@pulumi/docker");
      const limits = { memory: 512, logOpts: { "max-size": "10m" } };
      for (const n of ["a", "b", "c", "d"]) {
        new docker.Container(n + "-application", { image: "dhis2/core:42.5.2", ...limits }, { parent: tenant });
        new docker.Container(n + "-database", { image: "postgres:17", ...limits }, { parent: tenant });
      }`,
    );
    const { code, stdout, stderr } = await containers.checked("up", "--skip-preview");
    expect(code).not.toBe(0);
    expect((stdout + stderr).replace(/\s+/g, " ")).toMatch(/has 3 servers/);
    const made = (await containers.state()).resources.filter(({ type }) => type.startsWith("docker:"));
    expect(made.length).toBeLessThanOrEqual(2);
  });
});
