import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT, TestTenants, type TenantStack } from "./tenants";

/** A platform on the real engine: first the zone alone, then the rest; and what guards it afterwards. */
let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: false });
  stack = await tenants.newPlatform("eu-west-1");
});
afterAll(() => {
  tenants.remove();
});

const FILE = readFileSync(path.join(ROOT, "stacks/platform/Pulumi.eu-west-1.yaml"), "utf8");

const zonesOfSubnets = async () =>
  new Set(
    (await stack.state()).resources
      .filter(({ type }) => type === "aws:ec2/subnet:Subnet")
      .map(({ inputs }) => inputs?.["availabilityZone"]),
  );

it("makes the zone alone first, and says the name servers that its parent has to delegate to", async () => {
  stack.write(FILE.replace(/( +)nat: none/, "$1nat: none\n$1delegated: false"));
  await stack.succeed("up", "--yes", "--skip-preview");
  const made = (await stack.state()).resources.filter(
    ({ custom, type }) => custom && type.startsWith("aws:"),
  );
  expect(made.map(({ type }) => type)).toEqual(["aws:route53/zone:Zone"]);
  const { stdout } = await stack.succeed("stack", "output", "--json");
  expect((JSON.parse(stdout) as { nameServers: string[] }).nameServers.length).toBeGreaterThan(1);
});

it("makes the rest, in zones of the region alone, and stays in them", async () => {
  stack.write(FILE);
  await stack.succeed("up", "--yes", "--skip-preview");
  expect(await zonesOfSubnets()).toEqual(new Set(["eu-west-1a", "eu-west-1b", "eu-west-1c"]));
  const impaired = stack.with({ DHISTANCE_REHEARSAL_IMPAIRED: "eu-west-1a" });
  await impaired.succeed("preview", "--expect-no-changes");
});

it.each([
  ["region", /region: eu-west-1/, "region: eu-west-3", /region: "eu-west-3"; this platform has "eu-west-1"/],
  [
    "zone",
    /zone: moh.example.org/,
    "zone: other.example.org",
    /zone: "other.example.org"; this platform has/,
  ],
  ["delegation", /nat: none/, "delegated: false", /delegated: false; this platform has true/],
] as const)("refuses another %s in the preview", async (_, from, to, message) => {
  stack.write(FILE.replace(from, to));
  const { code, stdout, stderr } = await stack.run("preview");
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(message);
  stack.write(FILE);
});

it("is not destroyed before it retires", async () => {
  const refused = await stack.run("destroy", "--yes", "--skip-preview");
  expect(refused.code).not.toBe(0);
  expect(refused.stdout + refused.stderr).toMatch(/protected/);
  stack.write(FILE.replace(/( +)nat: none/, "$1nat: none\n$1retire: true"));
  await stack.succeed("up", "--yes", "--skip-preview");
  await stack.succeed("destroy", "--yes", "--skip-preview");
  expect((await stack.state()).resources).toEqual([]);
});
