import { afterAll, beforeAll, expect, it } from "vitest";
import { TestTenants, type Draft } from "./tenants";

/** What only shows before a platform or before AWS: refused in the preview, with where in the spec and the way out. */
let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  await tenants.platform("zz-rehearsal-1", (file) => file.replaceAll("eu-west-1", "zz-rehearsal-1"));
});
afterAll(() => {
  tenants.remove();
});

it.each<[string, (spec: Draft) => void, RegExp]>([
  [
    "a region without a platform",
    (s) => (s.target.aws.region = "eu-north-1"),
    /target\.aws\.platform: "eu-north-1"; there is no such platform stack\. Make it with: pulumi -C stacks\/platform up -s eu-north-1/,
  ],
  [
    "a platform of another region",
    (s) => (s.target.aws = { region: "eu-north-1", platform: "eu-west-1" }),
    /target\.aws\.platform: "eu-west-1"; is the platform of eu-west-1, not of eu-north-1/,
  ],
  [
    "a host name outside the hosted zone",
    (s) => (s.servers[0].hostname = "hmis.elsewhere.org"),
    /servers\[0\]\.hostname: "hmis\.elsewhere\.org"; allowed: a name under moh\.example\.org, the platform's zone/,
  ],
  [
    "a second region that is the first",
    (s) => (s.backups.locations[0].region = "eu-west-1"),
    /backups\.locations\[0\]\.region: "eu-west-1"; the servers run in this region; allowed: another region/,
  ],
  [
    "a database that AWS does not sell there",
    (s) => {
      s.target.aws.region = "zz-rehearsal-1";
      s.servers[0].size = "medium";
    },
    /servers\[0\]\.size: "medium"; it needs a database of class db\.m7g\.large with PostgreSQL 17, which AWS does not sell in zz-rehearsal-1\. Choose another size, or another region/,
  ],
])("refuses %s", async (what, change, message) => {
  const name = `not-${what.replace(/\W+/g, "-").slice(0, 18).replace(/-$/, "")}`.toLowerCase();
  const stack = await tenants.stack(name, { plan: "premium", maxServers: 2 }, change);
  const { code, stdout, stderr } = await stack.run("preview");
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(message);
  expect(stdout + stderr).not.toMatch(/\n\s+at |node:internal|\.ts:\d/);
});

it("brings up what AWS sells in a region that sells less", async () => {
  const stack = await tenants.stack("small-region", { plan: "trial", maxServers: 1 }, (s) => {
    s.target.aws.region = "zz-rehearsal-1";
  });
  const { code, stdout } = await stack.run("preview");
  expect(code, stdout).toBe(0);
});

it("makes nothing before AWS has said what it sells, not even where the preview was left out", async () => {
  const stack = await tenants.stack("unasked", { plan: "premium", maxServers: 2 }, (s) => {
    s.target.aws.region = "zz-rehearsal-1";
    s.servers[0].size = "medium";
  });
  const { code, stdout } = await stack.run("up", "--skip-preview", "--yes");
  expect(code).not.toBe(0);
  expect(stdout).toContain("which AWS does not sell in zz-rehearsal-1");
  const made = (await stack.state()).resources.map(({ type }) => type);
  expect(made.filter((type) => !type.startsWith("pulumi:"))).toEqual([]);
});
