import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestTenants, type TenantStack } from "./tenants";

/** Sizes and instances that change on AWS: storage stays or grows, and what AWS refuses is refused in the preview. */
let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  stack = await tenants.stack("moh-grows", { plan: "enterprise", maxServers: 3 });
  await stack.succeed("up", "--yes", "--skip-preview");
});
afterAll(() => {
  tenants.remove();
});

const resize = (size: string, instances = 1) =>
  stack.change((spec) => Object.assign(spec.servers[0], { size, instances }));

async function stateOfType(type: string) {
  const { resources } = await stack.state();
  return resources.filter((resource) => resource.type === type);
}

async function database(): Promise<Record<string, unknown>> {
  const [found] = await stateOfType("aws:rds/instance:Instance");
  return found?.outputs ?? {};
}

/** What RDS does by itself when the storage is nearly full. */
async function growByItself(allocatedStorage: number): Promise<void> {
  const { stdout } = await stack.succeed("stack", "export");
  const state = JSON.parse(stdout) as {
    deployment: { resources: { type: string; outputs?: Record<string, unknown> }[] };
  };
  for (const { type, outputs } of state.deployment.resources)
    if (type === "aws:rds/instance:Instance" && outputs) outputs["allocatedStorage"] = allocatedStorage;
  const file = path.join(stack.cwd, "grown.json");
  writeFileSync(file, JSON.stringify(state));
  await stack.succeed("stack", "import", "--file", file);
}

it("goes from small to medium to large, with the rate that gp3 has from 400 GiB on", async () => {
  resize("medium");
  const { stdout } = await stack.succeed("up", "--yes", "--skip-preview");
  expect(stdout).toMatch(
    /"hmis": its database's storage grows from 20 to 100 GiB\. RDS changes storage once in/,
  );
  expect(await database()).toMatchObject({ allocatedStorage: 100, iops: 3000, storageThroughput: 125 });
  resize("large");
  await stack.succeed("up", "--yes", "--skip-preview");
  expect(await database()).toMatchObject({ allocatedStorage: 400, iops: 12_000, storageThroughput: 500 });
});

it("takes more instances without a parameter that would need a restart of PostgreSQL", async () => {
  const before = await stateOfType("aws:rds/parameterGroup:ParameterGroup");
  resize("large", 3);
  await stack.succeed("up", "--yes", "--skip-preview");
  expect(await stateOfType("aws:rds/parameterGroup:ParameterGroup")).toEqual(before);
  resize("large");
  await stack.succeed("up", "--yes", "--skip-preview");
});

it("goes from large to medium with the storage that it has, and the next preview has no change", async () => {
  resize("medium");
  const { stdout } = await stack.succeed("up", "--yes", "--skip-preview");
  expect(stdout).toContain('"hmis": its database keeps its 400 GiB of storage');
  expect(await database()).toMatchObject({ instanceClass: "db.m7g.large", allocatedStorage: 400 });
  await stack.succeed("preview", "--expect-no-changes");
});

it("is refused in the preview where the smaller size's limit is below the storage that there is", async () => {
  resize("small");
  const { code, stdout, stderr } = await stack.run("preview");
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain(
    'servers[0].size: "small"; its database has 400 GiB of storage, which RDS cannot make smaller; allowed with size ' +
      "small: up to 90 GiB. Keep a larger size, or move",
  );
});

it("leaves storage alone that has grown beyond the larger size's", async () => {
  resize("medium");
  await growByItself(450);
  resize("large");
  await stack.succeed("up", "--yes", "--skip-preview");
  expect(await database()).toMatchObject({ allocatedStorage: 450, iops: 12_000 });
  await stack.succeed("preview", "--expect-no-changes");
});
