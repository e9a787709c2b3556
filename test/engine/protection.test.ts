import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestTenants } from "./tenants";

/** The policies of policies/protection on the real engine. */
let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
});
afterAll(() => {
  tenants.remove();
});

/** What each policy is there to refuse, in a program of its own. */
const CARELESS = `
  const aws = require("@pulumi/aws");
  const docker = require("@pulumi/docker");
  const here = { provider: new aws.Provider("aws", { region: "eu-west-1" }) };
  const key = "arn:aws:kms:eu-west-1:000000000000:key/27404f2a-8636-48db-81df-3039b0b3fc19";
  new aws.secretsmanager.Secret("of-aws", {}, here);
  new aws.cloudwatch.LogGroup("kept-for-ever", {}, here);
  new aws.vpc.SecurityGroupIngressRule("ssh",
    { securityGroupId: "sg-0123456789abcdef0", cidrIpv4: "0.0.0.0/0", fromPort: 22, toPort: 22, ipProtocol: "tcp" }, here);
  new aws.s3.BucketPublicAccessBlock("open-bucket", { bucket: "dumps-of-moh", blockPublicAcls: false }, here);
  new aws.ecs.TaskDefinition("task", {
    family: "task", requiresCompatibilities: ["FARGATE"], networkMode: "awsvpc", cpu: "256", memory: "512",
    containerDefinitions: JSON.stringify([{ name: "a", image: "x:1", environment: [{ name: "PASSWORD", value: "p" }] }]),
  }, here);
  new aws.rds.Instance("database", {
    engine: "postgres", instanceClass: "db.t4g.medium", allocatedStorage: 20, username: "dhis", password: "of-a-test",
    storageEncrypted: true, kmsKeyId: key, publiclyAccessible: true, skipFinalSnapshot: true,
  }, { ...here, parent: made[0] });
  new docker.Container("loose", { image: "alpine" });
`;
const REFUSED: [policy: string, message: RegExp][] = [
  ["encrypted-at-rest", /"of-aws" is encrypted with a key of AWS/],
  ["log-retention", /log group "kept-for-ever" is kept for ever/],
  ["no-open-port", /"ssh" opens port 22 to every address/],
  ["no-public-bucket", /"open-bucket" lets a bucket become public/],
  ["no-plain-secret", /container "task\/a" has a secret in its variable PASSWORD/],
  ["no-public-database", /database "database" has a public address/],
  ["pinned-images", /container "loose" has the image alpine/],
  ["memory-limit", /container "loose" has no limit on memory/],
];

describe("a program that asks nothing itself", () => {
  it("is refused by each policy in the preview, and makes nothing of it without a preview", async () => {
    const stack = await tenants.careless(
      "free-open",
      { plan: "premium", maxServers: 2 },
      [["database", "small"]],
      CARELESS,
    );
    const preview = await stack.checked("preview");
    expect(preview.code).not.toBe(0);
    const said = (preview.stdout + preview.stderr).replace(/\s+/g, " ");
    for (const [policy, message] of REFUSED) {
      expect(said).toContain(`[mandatory] ${policy}`);
      expect(said).toMatch(message);
    }
    const up = await stack.checked("up");
    expect(up.code).not.toBe(0);
    const made = (await stack.state()).resources.filter(({ type }) => /^(aws|docker):/.test(type));
    expect(made).toEqual([]);
  });
});

describe("what the programs make", () => {
  it.each(["trial", "premium", "enterprise"] as const)("is allowed on AWS, on the plan %s", async (plan) => {
    const maxServers = { trial: 1, premium: 2, enterprise: 3 }[plan];
    const stack = await tenants.stack(`moh-${plan}`, { plan, maxServers }, (spec) => {
      if (plan === "enterprise") Object.assign(spec.servers[0], { size: "large", instances: 2 });
    });
    const { code, stdout, stderr } = await stack.checked("up");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/✅ dhistance@/);
  });

  it("is allowed on Docker", async () => {
    const stack = await tenants.stack("moh-docker", { plan: "premium", maxServers: 2 }, (spec) => {
      spec.target = { docker: { host: "ssh://ops@docker.moh.example.org", certificates: { private: {} } } };
      spec.backups.locations = [];
    });
    const { code, stdout, stderr } = await stack.checked("up");
    expect(code, stdout + stderr).toBe(0);
  });
});
