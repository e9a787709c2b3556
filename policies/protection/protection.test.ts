import { UnknownValueError, type PolicyResource, type ResourceValidationPolicy } from "@pulumi/policy";
import { describe, expect, it } from "vitest";
import { resource, STACK, tenantResource, trustedIssuer, violations } from "../testing";
import { backupsWithinPlan } from "./backups-within-plan";
import { encryptedAtRest } from "./encrypted-at-rest";
import { logRetention } from "./log-retention";
import { memoryLimit } from "./memory-limit";
import { noOpenPort } from "./no-open-port";
import { noPlainSecret } from "./no-plain-secret";
import { noPublicBucket } from "./no-public-bucket";
import { noPublicDatabase } from "./no-public-database";
import { pinnedImages } from "./pinned-images";
import { tlsRequired } from "./tls-required";

const DATABASE = "aws:rds/instance:Instance";
const CONTAINER = "docker:index/container:Container";
const TASK = "aws:ecs/taskDefinition:TaskDefinition";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const LISTENER = "aws:lb/listener:Listener";
const closed = {
  blockPublicAcls: true,
  blockPublicPolicy: true,
  ignorePublicAcls: true,
  restrictPublicBuckets: true,
};
const containers = (...all: object[]) => ({ containerDefinitions: JSON.stringify(all) });
const statement = (more: object) => ({
  policy: JSON.stringify({ Statement: [{ Effect: "Allow", ...more }] }),
});
const digest = `sha256:${"0".repeat(64)}`;

/** Policy, type, inputs, and what it says of them; nothing if they are allowed. */
const CASES: [ResourceValidationPolicy, string, Record<string, unknown>, RegExp?][] = [
  [encryptedAtRest, DATABASE, { storageEncrypted: true, kmsKeyId: "k" }],
  [encryptedAtRest, DATABASE, { kmsKeyId: "k" }, /"it" is not encrypted; allowed: storageEncrypted: true/],
  [encryptedAtRest, DATABASE, { storageEncrypted: true }, /with a key of AWS; .* Set kmsKeyId/],
  [encryptedAtRest, "aws:efs/fileSystem:FileSystem", {}, /is not encrypted; allowed: encrypted: true/],
  [encryptedAtRest, "aws:backup/vault:Vault", {}, /Set kmsKeyArn/],
  [encryptedAtRest, "aws:secretsmanager/secret:Secret", { kmsKeyId: "k" }],
  [noPublicDatabase, DATABASE, { publiclyAccessible: false }],
  [noPublicDatabase, DATABASE, { publiclyAccessible: true }, /database "it" has a public address/],
  [
    noPublicDatabase,
    "aws:rds/clusterInstance:ClusterInstance",
    { publiclyAccessible: true },
    /public address/,
  ],
  [noPublicDatabase, CONTAINER, { ports: [{ internal: 443, external: 443 }] }],
  [noPublicDatabase, CONTAINER, { ports: [{ internal: 5432, external: 15432 }] }, /publishes port 5432/],
  [noPublicBucket, BLOCK, closed],
  [
    noPublicBucket,
    BLOCK,
    { ...closed, blockPublicAcls: false },
    /become public; allowed: blockPublicAcls: true\.$/,
  ],
  [noPublicBucket, BLOCK, {}, /restrictPublicBuckets: true\.$/],
  [noPublicBucket, "aws:s3/bucketAcl:BucketAcl", { acl: "public-read" }, /has the ACL public-read/],
  [noPublicBucket, "aws:s3/bucketAcl:BucketAcl", { acl: "private" }],
  [noPublicBucket, "aws:s3/bucketPolicy:BucketPolicy", statement({ Principal: "*" }), /allows everybody/],
  [
    noPublicBucket,
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ Principal: { AWS: ["*"] } }),
    /allows everybody/,
  ],
  [noPublicBucket, "aws:s3/bucketPolicy:BucketPolicy", statement({ Principal: "*", Effect: "Deny" })],
  [
    noPublicBucket,
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ Principal: "*", Condition: { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } } }),
  ],
  ...[
    { Bool: { "aws:SecureTransport": "true" } },
    { IpAddress: { "aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"] } },
    { NotIpAddress: { "aws:SourceIp": "10.0.0.0/8" } },
    { StringEqualsIfExists: { "aws:SourceVpce": "vpce-1" } },
    { StringLike: { "aws:userid": "*" } },
  ].map((Condition): (typeof CASES)[number] => [
    noPublicBucket,
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ Principal: "*", Condition }),
    /allows everybody/,
  ]),
  [
    noPublicBucket,
    "aws:s3/bucketPolicy:BucketPolicy",
    statement({ NotPrincipal: { AWS: "arn:aws:iam::111111111111:root" } }),
    /allows everybody/,
  ],
  [noOpenPort, INGRESS, { cidrIpv4: "0.0.0.0/0", fromPort: 443, toPort: 443 }],
  [noOpenPort, INGRESS, { cidrIpv4: "10.0.0.0/8", fromPort: 5432, toPort: 5432 }],
  [
    noOpenPort,
    INGRESS,
    { cidrIpv4: "0.0.0.0/0", fromPort: 22, toPort: 22 },
    /opens port 22 to every address/,
  ],
  [
    noOpenPort,
    INGRESS,
    { cidrIpv4: "128.0.0.0/1", fromPort: 5432, toPort: 5432 },
    /opens port 5432 to every address/,
  ],
  [noOpenPort, INGRESS, { cidrIpv6: "2000::/3", fromPort: 22, toPort: 22 }, /opens port 22/],
  [noOpenPort, INGRESS, { cidrIpv6: "2001:db8::/32", fromPort: 22, toPort: 22 }],
  [noOpenPort, INGRESS, { cidrIpv6: "::/0", fromPort: 80, toPort: 443 }, /opens ports 80 to 443/],
  [noOpenPort, INGRESS, { cidrIpv4: "0.0.0.0/0", ipProtocol: "-1" }, /opens port any/],
  [
    noOpenPort,
    "aws:ec2/securityGroup:SecurityGroup",
    { ingress: [{ cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"], fromPort: 5432, toPort: 5432 }] },
    /opens port 5432/,
  ],
  [
    noOpenPort,
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    { type: "egress", cidrBlocks: ["0.0.0.0/0"], fromPort: 0, toPort: 0 },
  ],
  [tlsRequired, LISTENER, { protocol: "HTTPS", sslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06" }],
  [
    tlsRequired,
    LISTENER,
    { protocol: "HTTPS", sslPolicy: "ELBSecurityPolicy-2016-08" },
    /has the TLS policy ELB.*2016/,
  ],
  [
    tlsRequired,
    LISTENER,
    { protocol: "HTTPS", sslPolicy: "ELBSecurityPolicy-TLS13-1-0-2021-06" },
    /TLS policy/,
  ],
  [tlsRequired, LISTENER, { protocol: "HTTPS" }, /the TLS policy of AWS's choice/],
  [tlsRequired, LISTENER, { protocol: "HTTP", defaultActions: [{ redirect: { protocol: "HTTPS" } }] }],
  [tlsRequired, LISTENER, { protocol: "HTTP", defaultActions: [{ type: "forward" }] }, /answers over HTTP/],
  [pinnedImages, CONTAINER, { image: digest }],
  [pinnedImages, CONTAINER, { image: "registry:5000/postgres:17.6" }],
  [
    pinnedImages,
    CONTAINER,
    { image: "registry:5000/postgres" },
    /container "it" has the image registry:5000\/postgres;/,
  ],
  [pinnedImages, CONTAINER, { image: "caddy:edge" }, /caddy:edge; allowed: a version/],
  [
    pinnedImages,
    TASK,
    containers({ name: "a", image: "x:1" }, { name: "b", image: "x:latest" }),
    /"it\/b" .* x:latest/,
  ],
  [noPlainSecret, CONTAINER, { envs: ["PGPASSWORD_FILE=/run/x", "AWS_ACCESS_KEY_ID=a", "PASSWORD="] }],
  [
    noPlainSecret,
    CONTAINER,
    { envs: ["PGPASSWORD=kept=secret"] },
    /secret in its variable PGPASSWORD; allowed: a file/,
  ],
  ...["DB_PASS=kept=secret", "SMTP_PWD=kept=secret", "GOOGLE_CREDENTIALS=kept=secret"].map(
    (env): (typeof CASES)[number] => [noPlainSecret, CONTAINER, { envs: [env] }, /secret in its variable/],
  ),
  ...["postgres://dhis:kept=secret@db/hmis", "-----BEGIN RSA PRIVATE KEY-----\nkept=secret"].map(
    (value): (typeof CASES)[number] => [
      noPlainSecret,
      CONTAINER,
      { envs: [`ANY=${value}`] },
      /secret in its variable ANY/,
    ],
  ),
  [noPlainSecret, CONTAINER, { envs: ["PWD=/", "BYPASS=on", "URL=postgres://dhis@db:5432/hmis"] }],
  [
    noPlainSecret,
    TASK,
    containers({ name: "a", environment: [{ name: "AWS_SECRET_ACCESS_KEY", value: "k" }] }),
    /it\/a/,
  ],
  [noPlainSecret, TASK, containers({ name: "a", secrets: [{ name: "PASSWORD", valueFrom: "arn" }] })],
  [memoryLimit, CONTAINER, { memory: 512 }],
  [memoryLimit, CONTAINER, {}, /container "it" has no limit on memory/],
  [logRetention, "aws:cloudwatch/logGroup:LogGroup", { retentionInDays: 90 }],
  [logRetention, "aws:cloudwatch/logGroup:LogGroup", {}, /is kept for ever/],
  [logRetention, CONTAINER, { logDriver: "json-file", logOpts: { "max-size": "10m" } }],
  [logRetention, CONTAINER, {}, /logs without a limit/],
];

it.each(CASES)("$name: %s with %j", async (policy, type, inputs, message) => {
  const found = await violations(policy, [STACK, resource(type, "it", inputs)]);
  expect(found).toEqual(message ? [expect.stringMatching(message)] : []);
  // A message shows names, and never a secret.
  expect(found.join()).not.toContain("kept=secret");
});

it("what a preview does not know yet is judged in the update", async () => {
  const props = new Proxy({ storageEncrypted: true } as Record<string, unknown>, {
    get: (known, name: string) => {
      if (name in known) return known[name];
      throw Object.create(UnknownValueError.prototype) as Error;
    },
  });
  for (const [policy, type] of CASES)
    expect(await violations(policy, [resource(type, "it", props)])).toEqual([]);
});

describe("backups-within-plan", () => {
  const entitle = trustedIssuer();
  const vaultLock = (props: object) =>
    resource("aws:backup/vaultLockConfiguration:VaultLockConfiguration", "vault", { ...props });
  const objectLock = (mode: string, days: number) =>
    resource("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "bucket", {
      rule: { defaultRetention: { mode, days } },
    });
  const of = async (plan: "premium" | "enterprise", ...resources: PolicyResource[]) => {
    const tenant = tenantResource(await entitle({ plan, maxServers: plan === "premium" ? 2 : 3 }));
    return violations(backupsWithinPlan, [STACK, tenant, ...resources]);
  };

  it("allows what the plan promises", async () => {
    const database = resource(DATABASE, "hmis", { backupRetentionPeriod: 35 });
    const locks = [vaultLock({ minRetentionDays: 90, changeableForDays: 7 }), objectLock("COMPLIANCE", 121)];
    expect(await of("enterprise", database, ...locks)).toEqual([]);
  });

  it("refuses less", async () => {
    const database = resource(DATABASE, "hmis", { backupRetentionPeriod: 7 });
    expect(
      await of("premium", database, vaultLock({ minRetentionDays: 14 }), objectLock("GOVERNANCE", 10)),
    ).toEqual([
      '"hmis" has backupRetentionPeriod 7; allowed: 14 days or more. Plan: premium.',
      '"vault" has minRetentionDays 14; allowed: 35 days or more. Plan: premium.',
      'the lock "bucket" is for 10 days; allowed: 35 days or more. Plan: premium.',
    ]);
    expect(
      await of("enterprise", vaultLock({ minRetentionDays: 90 }), objectLock("GOVERNANCE", 121)),
    ).toEqual([
      'the lock "vault" can be taken away; allowed: a compliance lock. Set changeableForDays. Plan: enterprise.',
      'the lock "bucket" has the mode GOVERNANCE; allowed: COMPLIANCE. Plan: enterprise.',
    ]);
  });
});
