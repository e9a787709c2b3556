import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { State } from "./pulumi";
import { TestTenants, type TenantStack } from "./tenants";

/** DHIS2 as a cluster on the real engine: what its instances share, and that it stays as it is. */
let tenants: TestTenants;
let stack: TenantStack;
let made: State["resources"];
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  stack = await tenants.stack("moh-many", { plan: "enterprise", maxServers: 3 }, (spec) => {
    Object.assign(spec.servers[0], { size: "large", instances: 2 });
  });
});
afterAll(() => {
  tenants.remove();
});

const inputs = (type: string) =>
  made.filter((resource) => resource.type === type).map((resource) => resource.inputs ?? {});

describe("a server of size large with two instances", () => {
  it("shows its Redis in the plan, and nothing is made by it", async () => {
    const { code, stdout } = await stack.checked("preview");
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/\+ +aws:elasticache:ReplicationGroup +moh-many-hmis-redis +create/);
    made = (await stack.state()).resources;
    expect(inputs("aws:elasticache/replicationGroup:ReplicationGroup")).toEqual([]);
  });

  it("comes up with sessions in Redis, files in common, and users kept on one instance each", async () => {
    const { code, stdout, stderr } = await stack.checked("up");
    expect(code, stdout + stderr).toBe(0);
    made = (await stack.state()).resources;

    expect(inputs("aws:elasticache/replicationGroup:ReplicationGroup")).toEqual([
      expect.objectContaining({
        numCacheClusters: 2,
        automaticFailoverEnabled: true,
        multiAzEnabled: true,
        transitEncryptionEnabled: true,
        atRestEncryptionEnabled: true,
      }),
    ]);
    expect(inputs("aws:ecs/service:Service")).toEqual([expect.objectContaining({ desiredCount: 2 })]);
    expect(inputs("aws:lb/targetGroup:TargetGroup")).toEqual([
      expect.objectContaining({ stickiness: expect.objectContaining({ enabled: true, type: "lb_cookie" }) }),
    ]);
    const files = made.find(({ type }) => type === "aws:efs/fileSystem:FileSystem");
    const application = inputs("aws:ecs/taskDefinition:TaskDefinition").find(({ family }) =>
      String(family).includes("application"),
    );
    expect(application?.["volumes"]).toContainEqual(
      expect.objectContaining({
        efsVolumeConfiguration: expect.objectContaining({
          fileSystemId: files?.id,
          transitEncryption: "ENABLED",
        }),
      }),
    );
  });

  it("gives the password of its Redis to nobody in plain", async () => {
    const redis = made.find(({ type }) => type === "aws:elasticache/replicationGroup:ReplicationGroup");
    expect(redis?.inputs?.["authToken"]).toMatchObject({ ciphertext: expect.any(String) });
    for (const secret of await stack.secrets()) expect(stack.stateFile().includes(secret)).toBe(false);
  });

  it("does not change at a second up", async () => {
    const { code, stdout } = await stack.run("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(code, stdout).toBe(0);
  });

  it("grows by an instance in place", async () => {
    stack.change((spec) => (spec.servers[0].instances = 3));
    const kept = (resources: State["resources"]) =>
      resources
        .filter(({ type }) => /^aws:(rds\/instance|efs\/fileSystem|elasticache|ecs\/service):?/.test(type))
        .map(({ urn, id }) => `${urn} ${id}`)
        .sort();
    const before = kept(made);
    await stack.succeed("up", "--yes", "--skip-preview");
    made = (await stack.state()).resources;
    expect(kept(made)).toEqual(before);
    expect(inputs("aws:ecs/service:Service")).toEqual([expect.objectContaining({ desiredCount: 3 })]);
  });
});
