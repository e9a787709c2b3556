import { describe, expect, it } from "vitest";
import { check, create, diff } from "../resource";
import { UNKNOWN, type Properties } from "../values";
import { aws } from "./";
import { zoneId } from "./network";

const none = new Uint8Array();
const region = "eu-west-1";
const config = { region };

function typeOf(token: string) {
  const type = aws.resources[token];
  if (!type) throw new Error(`no row ${token}`);
  return type;
}
function checked(token: string, inputs: Properties, settings: Properties = config) {
  const type = typeOf(token);
  return check(type, "web", aws.prepare?.(type, inputs, settings) ?? inputs, undefined, none);
}
async function made(token: string, inputs: Properties) {
  const { inputs: complete, failures } = checked(token, inputs);
  expect(failures).toEqual([]);
  return create(typeOf(token), { name: "web", urn: "urn:web", config }, complete, false);
}

/** What the real provider refuses: the rest of the inputs, the property at fault, values it refuses and takes. */
const RULES: [token: string, rest: Properties, property: string, refused: unknown[], taken: unknown[]][] = [
  ["aws:ec2/vpc:Vpc", {}, "cidrBlock", ["10.0.0.0", "10.0.0.0/8", "10.0.0.256/16"], ["10.0.0.0/16"]],
  ["aws:ec2/natGateway:NatGateway", {}, "connectivityType", ["open"], ["public", "private"]],
  [
    "aws:lb/listener:Listener",
    { loadBalancerArn: "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/x/1" },
    "defaultActions",
    [[{ type: "forwards" }], [{ type: "redirect", redirect: { statusCode: "HTTP_303" } }]],
    [[{ type: "redirect", redirect: { statusCode: "HTTP_301" } }]],
  ],
  [
    "aws:rds/instance:Instance",
    { instanceClass: "db.t4g.medium" },
    "kmsKeyId",
    ["1234abcd-12ab-34cd-56ef-1234567890ab", "alias/key"],
    ["arn:aws:kms:eu-west-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
  ],
  [
    "aws:s3/bucketVersioning:BucketVersioning",
    { bucket: "b" },
    "versioningConfiguration",
    [{ status: "On" }],
    [{ status: "Enabled" }],
  ],
  ["aws:ec2/securityGroup:SecurityGroup", {}, "name", ["sg-database"], ["database-sg"]],
  [
    "aws:lb/loadBalancer:LoadBalancer",
    {},
    "name",
    ["-a", "a-", "internal-a", "a_b", "a".repeat(33)],
    ["a", "a".repeat(32)],
  ],
  [
    "aws:lb/listenerRule:ListenerRule",
    {
      actions: [],
      conditions: [],
      listenerArn: "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/x",
    },
    "priority",
    [0, 50_001],
    [1],
  ],
  ["aws:acm/certificate:Certificate", {}, "domainName", ["example.org.", "exa mple.org"], ["*.example.org"]],
  ["aws:wafv2/webAcl:WebAcl", { defaultAction: {}, visibilityConfig: {} }, "scope", ["GLOBAL"], ["REGIONAL"]],
  [
    "aws:rds/instance:Instance",
    { instanceClass: "db.t4g.medium" },
    "identifier",
    ["Upper", "1st", "a--b", "a-", "a".repeat(64)],
    ["a-1", "a".repeat(63)],
  ],
  [
    "aws:rds/instance:Instance",
    { instanceClass: "db.t4g.medium" },
    "backupRetentionPeriod",
    [36, -1],
    [0, 35],
  ],
  ["aws:rds/instance:Instance", {}, "instanceClass", ["t4g.medium"], ["db.t4g.medium"]],
  ["aws:rds/subnetGroup:SubnetGroup", { subnetIds: [] }, "name", ["default", "Upper"], ["a b_c.d"]],
  [
    "aws:rds/parameterGroup:ParameterGroup",
    { family: "postgres17" },
    "name",
    ["a--b", "1a", "a-"],
    ["a.b-1"],
  ],
  [
    "aws:rds/parameterGroup:ParameterGroup",
    { family: "postgres17" },
    "parameters",
    [
      [[{ name: "rds.force_ssl", value: "1", applyMethod: "immediate" }]],
      [[{ name: "ssl_min_protocol_version", value: "TLSv1.2" }]],
      [[{ name: "max_connections", value: "360", applyMethod: "immediate" }]],
    ],
    [
      [[{ name: "rds.force_ssl", value: "1", applyMethod: "pending-reboot" }]],
      [[{ name: "rds.force_ssl", value: "0", applyMethod: "immediate" }]],
      [[{ name: "jit", value: "0", applyMethod: "immediate" }]],
    ],
  ],
  [
    "aws:rds/instance:Instance",
    { instanceClass: "db.m7g.large", storageType: "gp3", maxAllocatedStorage: 500 },
    "allocatedStorage",
    [500, 460],
    [100, 450],
  ],
  ["aws:kms/key:Key", {}, "deletionWindowInDays", [6, 31], [7, 30]],
  ["aws:kms/alias:Alias", { targetKeyId: "k" }, "name", ["key", "alias/aws/rds"], ["alias/key"]],
  ["aws:secretsmanager/secret:Secret", {}, "recoveryWindowInDays", [1, 31], [0, 7, 30]],
  ["aws:iam/role:Role", { assumeRolePolicy: "{}" }, "name", ["a b", "a".repeat(65)], ["a+b@c"]],
  ["aws:iam/role:Role", {}, "assumeRolePolicy", ["not JSON"], ["{}"]],
  ["aws:s3/bucket:Bucket", {}, "bucket", ["Upper", "ab", "a..b", "192.168.0.1", "a_b"], ["a.b-c"]],
  [
    "aws:ecs/taskDefinition:TaskDefinition",
    { family: "f" },
    "containerDefinitions",
    ["{}", "[{}]", "no"],
    ['[{"name":"a","image":"b"}]'],
  ],
  [
    "aws:ecs/taskDefinition:TaskDefinition",
    { family: "f", containerDefinitions: "[]", requiresCompatibilities: ["FARGATE"], cpu: "1024" },
    "memory",
    ["512", "16384", undefined],
    ["2048"],
  ],
  ["aws:backup/vault:Vault", {}, "name", ["a", "a b"], ["a-b_c"]],
  [
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
    { backupVaultName: "vault" },
    "changeableForDays",
    [2],
    [3],
  ],
  [
    "aws:scheduler/schedule:Schedule",
    { flexibleTimeWindow: {}, target: {} },
    "scheduleExpression",
    ["daily"],
    ["rate(1 day)"],
  ],
  ["aws:ecr/repository:Repository", {}, "name", ["Upper", "a//b", "-a"], ["team/app-1"]],
  ["aws:cloudwatch/logGroup:LogGroup", {}, "retentionInDays", [2, 31], [30]],
  ["aws:cloudwatch/metricAlarm:MetricAlarm", {}, "period", [0, 45], [30, 300]],
  ["aws:cloudwatch/metricAlarm:MetricAlarm", {}, "comparisonOperator", [">"], ["GreaterThanThreshold"]],
];

describe.each(RULES)("%s", (token, rest, property, refused, taken) => {
  const complaints = (value: unknown) =>
    checked(token, { ...rest, ...(value === undefined ? {} : { [property]: value as string }) }).failures;

  it.each(refused)(`refuses ${property} %j`, (value) => {
    expect(complaints(value).map((failure) => failure.property.split(/[.[]/)[0])).toContain(property);
  });
  it.each(taken)(`takes ${property} %j`, (value) => {
    expect(complaints(value)).toEqual([]);
  });
  it(`waits for ${property} that is not known`, () => {
    expect(complaints(UNKNOWN)).toEqual([]);
  });
});

describe("a secret at fault", () => {
  const complaints = (password: string) =>
    checked("aws:rds/instance:Instance", { instanceClass: "db.t4g.medium", password }).failures;

  it.each(["short", "has/a-slash", "has a space"])(
    "is not named, so that the engine does not show it: %s",
    (secret) => {
      expect(complaints(secret)).toMatchObject([
        { property: "", reason: expect.stringMatching(/^password/) as string },
      ]);
      expect(JSON.stringify(complaints(secret))).not.toContain(secret);
    },
  );
  it("is none when it is valid or not known", () => {
    expect(complaints("Valid_123-#!")).toEqual([]);
    expect(complaints(UNKNOWN)).toEqual([]);
  });
});

describe("regions and tags", () => {
  it("puts region and all tags among the inputs, as the real provider does", () => {
    const settings = { region, defaultTags: { tags: { tenant: "moh", env: "default" } } };
    const { inputs } = checked("aws:ec2/vpc:Vpc", { tags: { env: "own" } }, settings);
    expect(inputs).toMatchObject({ region, tags: { env: "own" }, tagsAll: { tenant: "moh", env: "own" } });
    expect(checked("aws:iam/role:Role", { assumeRolePolicy: "{}" }).inputs).not.toHaveProperty("region");
    expect(checked("aws:ec2/route:Route", { routeTableId: "rtb" }).inputs).not.toHaveProperty("tagsAll");
    expect(checked("aws:ec2/vpc:Vpc", { tags: { env: UNKNOWN } }).inputs["tagsAll"]).toBe(UNKNOWN);
  });

  it("makes a resource again when it is moved to another region", () => {
    const type = typeOf("aws:kms/key:Key");
    expect(diff(type, { region: "eu-west-1" }, {}, { region: "us-east-1" }).replace).toBe(true);
    expect(diff(type, { description: "a" }, {}, { description: "b" }).replace).toBe(false);
  });

  it("takes the region of the resource before the provider's", async () => {
    const { outputs } = await made("aws:sns/topic:Topic", { name: "alarms", region: "eu-central-1" });
    expect(outputs["arn"]).toBe("arn:aws:sns:eu-central-1:000000000000:alarms");
  });

  it("asks for a region, and for one that can be", () => {
    expect(() => aws.configure?.({ region: "Ireland" })).toThrow('"Ireland" is not an AWS region');
    expect(aws.configure?.({ region: UNKNOWN })).toMatchObject({ region: UNKNOWN });
  });

  it.each([
    ["eu-west-1a", "euw1-az1"],
    ["us-east-1c", "use1-az3"],
    ["ap-southeast-2b", "apse2-az2"],
  ])("gives zone %s the id %s", (zone, id) => {
    expect(zoneId(zone)).toBe(id);
  });
});

describe("what is made", () => {
  it("has ids and ARNs of the real form, other ones each time", async () => {
    const vpc = await made("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" });
    expect(vpc.id).toMatch(/^vpc-0[0-9a-f]{16}$/);
    expect(vpc.outputs["arn"]).toBe(`arn:aws:ec2:eu-west-1:000000000000:vpc/${vpc.id}`);
    expect(vpc.outputs["defaultRouteTableId"]).toBe(vpc.outputs["mainRouteTableId"]);
    expect((await made("aws:ec2/vpc:Vpc", { cidrBlock: "10.0.0.0/16" })).id).not.toBe(vpc.id);
  });

  it("derives a listener's ARN from its balancer's, and a rule's from its listener's", async () => {
    const balancer = await made("aws:lb/loadBalancer:LoadBalancer", { name: "front" });
    const listener = await made("aws:lb/listener:Listener", {
      loadBalancerArn: balancer.id,
      defaultActions: [],
    });
    const rule = await made("aws:lb/listenerRule:ListenerRule", {
      ...{ listenerArn: listener.id, actions: [], conditions: [] },
    });
    expect(rule.id).toMatch(
      /^arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener-rule\/app\/front(\/[0-9a-f]{16}){3}$/,
    );
  });

  it("gives a database an endpoint by its name, and its default port", async () => {
    const { outputs } = await made("aws:rds/instance:Instance", {
      ...{ identifier: "hmis", instanceClass: "db.t4g.medium", engine: "postgres", engineVersion: "17.5" },
    });
    expect(outputs["endpoint"]).toMatch(/^hmis\.c[0-9a-f]{11}\.eu-west-1\.rds\.amazonaws\.com:5432$/);
    expect(outputs).toMatchObject({
      port: 5432,
      engineVersionActual: "17.5",
      parameterGroupName: "default.postgres17",
    });
  });

  it("knows a certificate's names in a preview, and its records once it is made", async () => {
    const token = "aws:acm/certificate:Certificate";
    const inputs = checked(token, {
      domainName: "a.org",
      subjectAlternativeNames: ["b.org", "a.org"],
    }).inputs;
    const identity = { name: "web", urn: "urn:web", config };
    const planned = await create(typeOf(token), identity, inputs, true);
    expect(planned.outputs["domainValidationOptions"]).toMatchObject([
      { domainName: "a.org", resourceRecordName: UNKNOWN },
      { domainName: "b.org", resourceRecordName: UNKNOWN },
    ]);
    const { outputs } = await create(typeOf(token), identity, inputs, false);
    expect(outputs["domainValidationOptions"]).toMatchObject([
      {
        resourceRecordType: "CNAME",
        resourceRecordName: expect.stringMatching(/^_[0-9a-f]{32}\.a\.org\.$/) as string,
      },
      { domainName: "b.org" },
    ]);
  });

  it("gives an object the MD5 of its content", async () => {
    const { outputs, id } = await made("aws:s3/bucketObjectv2:BucketObjectv2", {
      bucket: "b",
      key: "k",
      content: "hello",
    });
    expect(outputs["etag"]).toBe("5d41402abc4b2a76b9719d911017c592");
    expect(id).toBe("b/k");
  });
});

describe("deletion", () => {
  const refusal = (token: string, state: Properties) => typeOf(token).refusesDelete?.(state);

  it("is refused for what is protected, as AWS refuses it", () => {
    const database = { identifier: "hmis", skipFinalSnapshot: true };
    expect(refusal("aws:rds/instance:Instance", { ...database, deletionProtection: true })).toMatch(
      /hmis.*protected/,
    );
    expect(refusal("aws:rds/instance:Instance", { ...database, skipFinalSnapshot: false })).toMatch(
      /finalSnapshotIdentifier is required/,
    );
    expect(refusal("aws:rds/instance:Instance", database)).toBeUndefined();
    expect(
      refusal("aws:lb/loadBalancer:LoadBalancer", { name: "front", enableDeletionProtection: true }),
    ).toMatch(/front/);
  });
});
