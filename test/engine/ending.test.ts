import { afterAll, beforeAll, expect, it } from "vitest";
import { TestTenants, type TenantStack } from "./tenants";

/** The end of a region and of a tenant on AWS, a night after the first backups: the rehearsal's vaults hold some. */
let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  stack = await tenants.stack("moh-ends", { plan: "premium", maxServers: 2 });
  await stack.succeed("up", "--yes", "--skip-preview");
});
afterAll(() => {
  tenants.remove();
});

interface Outputs {
  regionsGivenUp?: { region: string; until: string }[];
  afterDestroy: { what: string; where: string; key: string; secrets: string[] }[];
}
async function outputs(): Promise<Outputs> {
  const { stdout } = await stack.succeed("stack", "output", "--json");
  return JSON.parse(stdout) as Outputs;
}

async function kept(): Promise<string[]> {
  const { stdout } = await stack.succeed("stack", "export");
  const { deployment } = JSON.parse(stdout) as {
    deployment: { resources: { urn: string; retainOnDelete?: boolean }[] };
  };
  return deployment.resources
    .filter(({ retainOnDelete }) => retainOnDelete)
    .map(({ urn }) => urn.split("::").at(-1) ?? "");
}

it("leaves what locked backups and final snapshots need, and names it", async () => {
  const names = await kept();
  for (const name of [
    "moh-ends-key",
    "moh-ends-vault-home",
    "moh-ends-vault-eu-central-1",
    "moh-ends-vault-eu-central-1-key",
    "moh-ends-vault-repository",
    "moh-ends-vault-repository-private",
    "moh-ends-vault-repository-password",
    "moh-ends-vault-repository-password-value",
    "moh-ends-vault-backup",
    "moh-ends-hmis-configuration",
    "moh-ends-hmis-configuration-value",
  ])
    expect(names).toContain(name);
  // A new tenant of the same name needs them.
  expect(names).not.toContain("moh-ends-key-alias");
  const { afterDestroy } = await outputs();
  expect(afterDestroy.map(({ where }) => where)).toEqual([
    "AWS Backup vault dhistance-moh-ends",
    "AWS Backup vault dhistance-moh-ends",
    expect.stringMatching(/^S3 bucket moh-ends-vault-repository-/),
    expect.stringMatching(/^RDS snapshot moh-ends-hmis-[0-9a-f]{8}-final$/),
  ]);
  expect(afterDestroy.map(({ key }) => key)).toEqual(Array(4).fill(expect.stringMatching(/^arn:aws:kms:/)));
  expect(afterDestroy[3]?.secrets).toEqual([
    expect.stringMatching(/^arn:aws:secretsmanager:.*configuration/),
  ]);
});

it("takes another second region, and names the one that it leaves behind", async () => {
  stack.change((spec) => (spec.backups.locations[0].region = "eu-west-3"));
  const { stdout } = await stack.succeed("up", "--yes", "--skip-preview");
  expect(stdout).toMatch(/backups\.locations: eu-central-1 is given up\. Its vault dhistance-moh-ends/);
  expect((await outputs()).regionsGivenUp).toEqual([
    {
      region: "eu-central-1",
      vault: "dhistance-moh-ends",
      until: expect.stringMatching(/^20\d\d-\d\d-\d\d$/),
    },
  ]);
  await stack.succeed("preview", "--expect-no-changes");
  stack.change((spec) => (spec.backups.locations[0].region = "eu-central-1"));
  const refused = await stack.run("preview");
  expect(refused.stdout + refused.stderr).toMatch(
    /the vault dhistance-moh-ends of an earlier location is still there/,
  );
  stack.change((spec) => (spec.backups.locations[0].region = "eu-west-3"));
});

it("ends at any time once its servers have retired", async () => {
  stack.change((spec) => (spec.servers[0].retire = true));
  await stack.succeed("up", "--yes", "--skip-preview");
  await stack.succeed("destroy", "--yes", "--skip-preview");
  expect((await stack.state()).resources).toEqual([]);
});
