import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { newIssuer } from "../../scripts/entitlement";
import { newProject } from "../engine/pulumi";
import { Account } from "./account";
import { FORGOTTEN } from "./lacks";
import { Stack, type Run, type Step } from "./stack";
import { startWorld, type World } from "./world";

/**
 * The programs on the real engine and the real AWS provider before an emulated AWS: one platform, and the life of a
 * tenant of each plan on it, side by side. What was made is read back from AWS, not from the engine's state.
 */
const REGION = "eu-west-1";
const SECOND = "eu-central-1";
const DAY = 86_400_000;

const removals: (() => void)[] = [];
let world: World;
let platform: Stack;
let aws: Account;
let issue: (claims: Pick<Entitlement, "tenant" | "plan" | "maxServers">) => Promise<string>;

beforeAll(async () => {
  world = await startWorld();
  const { key, trusted } = await newIssuer("emulator");
  const issuers = newProject({ "issuers.json": JSON.stringify({ keys: [trusted] }) });
  removals.push(issuers.remove);
  world.env["DHISTANCE_ISSUERS"] = path.join(issuers.folder, "issuers.json");
  issue = (claims) =>
    issueEntitlement(
      {
        ...claims,
        activatedAt: new Date(Date.now() - DAY).toISOString(),
        expiresAt: new Date(Date.now() + DAY).toISOString(),
        issuer: "tests",
      },
      key,
    );
  aws = new Account(world, REGION);
  platform = await opened("dhistance-platform", REGION, {
    "dhistance-platform:platform": {
      region: REGION,
      zone: "moh.example.org",
      nat: "none",
      alerts: ["ops@dhistance.example.org"],
      images: {
        jobs: `000000000000.dkr.ecr.${REGION}.amazonaws.com/dhistance/jobs:0.1.0`,
        agent: "registry.dhistance.example.org/dhistance/jobs:0.1.0",
      },
    },
  });
  await platform.up();
});
afterAll(async () => {
  for (const remove of removals) remove();
  await world?.end();
});

async function opened(
  ...[project, name, config]: [Parameters<typeof Stack.open>[1], string, object]
): Promise<Stack> {
  const stack = await Stack.open(world, project, name, config);
  removals.push(stack.remove);
  return stack;
}

interface Server {
  name: string;
  size: "small" | "medium" | "large";
  retire?: boolean;
}

/** A tenant's stack, and how it is told to have other servers. */
async function tenant(
  name: string,
  plan: Entitlement["plan"],
  maxServers: number,
): Promise<{ stack: Stack; configure: (servers: Server[]) => void }> {
  const entitlement = await issue({ tenant: name, plan, maxServers });
  const config = (servers: Server[]) => ({
    "dhistance:entitlement": entitlement,
    "dhistance:tenant": {
      displayName: `Ministry of Health (${plan})`,
      contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
      target: { aws: { region: REGION } },
      servers: servers.map((server) => ({
        dhis2: "42.5.2",
        hostname: `${server.name}.${plan}.moh.example.org`,
        ...server,
      })),
      backups: {
        copies: [
          { region: SECOND },
          { onPremises: { host: "ssh://backup@office.moh.example.org", path: "/srv/dhis2" } },
        ],
      },
    },
  });
  const stack = await opened("dhistance", name, config([]));
  return { stack, configure: (servers) => stack.configure(config(servers)) };
}

/** Steps that are not the emulator's doing: it is only forgiven properties it does not give back, and only updates. */
function own({ steps }: Run): Step[] {
  return steps.filter(
    ({ op, type, properties }) =>
      op !== "update" ||
      properties.length === 0 ||
      properties.some((property) => !FORGOTTEN[type]?.includes(property)),
  );
}

const changed = (steps: Step[], op: string, type: string) =>
  steps.filter((step) => step.op === op && step.type === type).map(({ name }) => name);
const DATA = /^aws:(rds\/instance|efs\/fileSystem|kms\/key|s3\/bucket|backup\/vault):/;

describe("the platform", () => {
  it("does not change at a second up", async () => {
    expect(own(await platform.up())).toEqual([]);
  });

  it("takes HTTPS under AWS's own policy, and sends HTTP there", async () => {
    const listeners = await aws.listeners();
    const of = (port: number) => listeners.find(({ Port }) => Port === port);
    expect(of(443)).toMatchObject({
      Protocol: "HTTPS",
      SslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    });
    expect(of(443)?.Certificates).toHaveLength(1);
    expect(of(80)?.DefaultActions?.[0]).toMatchObject({
      Type: "redirect",
      RedirectConfig: { Protocol: "HTTPS", StatusCode: "HTTP_301" },
    });
    expect(listeners).toHaveLength(2);
  });

  it("keeps its logs from the public, encrypted", async () => {
    const [name = ""] = await aws.bucketNames("dhistance-logs");
    await guarded(name);
  });
});

/** What is promised of every bucket. */
async function guarded(name: string): Promise<Awaited<ReturnType<Account["bucket"]>>> {
  const bucket = await aws.bucket(name);
  expect(bucket.publicAccess).toEqual({
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  });
  expect(bucket.versioning).toBe("Enabled");
  expect(bucket.encryption?.SSEAlgorithm).toBeDefined();
  const withoutTls = { Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } };
  expect(bucket.statements).toContainEqual(expect.objectContaining(withoutTls));
  return bucket;
}

describe.concurrent("a tenant", () => {
  it("on trial comes up, stays as it is, and goes but for its keys' waiting time", async ({ expect }) => {
    const { stack, configure } = await tenant("moh-trial", "trial", 1);
    configure([{ name: "hmis", size: "small" }]);
    await stack.up();
    expect(own(await stack.up())).toEqual([]);

    await stack.destroy();
    expect((await stack.state()).resources).toEqual([]);
    expect(await aws.databases("moh-trial")).toEqual([]);
    expect(await aws.fileSystems("moh-trial")).toEqual([]);
    expect(await aws.securityGroups("moh-trial")).toEqual([]);
    expect(await aws.vaults("moh-trial")).toEqual([]);
    expect(await aws.secretNames("moh-trial")).toEqual([]);
    expect(await aws.bucketNames("moh-trial")).toEqual([]);
    expect((await aws.hostnames()).filter((name) => name.includes(".trial."))).toEqual([]);
    // AWS lets nobody delete a key at once, lest data be lost by a slip.
    expect(new Set(await aws.keyStates("moh-trial"))).toEqual(new Set(["PendingDeletion"]));
  });

  it("with premium has what is promised, grows in place, and keeps its data until told otherwise", async ({
    expect,
  }) => {
    const { stack, configure } = await tenant("moh-premium", "premium", 2);
    const hmis = { name: "hmis", size: "small" } as const;
    const training = { name: "training", size: "small" } as const;
    configure([hmis, training]);
    await stack.up();
    await holdsPromises("moh-premium", { pointInTime: 14, snapshots: 35 });
    expect(own(await stack.up())).toEqual([]);
    const before = (await aws.databases("moh-premium")).find(({ DBInstanceIdentifier: id }) =>
      id?.includes("hmis"),
    );
    expect(before).toMatchObject({ DBInstanceClass: "db.t4g.medium", MultiAZ: false });

    const grown = { ...hmis, size: "medium" } as const;
    configure([grown, { ...training, retire: true }]);
    const { steps } = await stack.up();
    expect(steps.filter(({ op, type }) => DATA.test(type) && op !== "update")).toEqual([]);
    expect(changed(steps, "update", "aws:rds/instance:Instance")).toContain("moh-premium-hmis-database");
    expect(await aws.databases("moh-premium")).toContainEqual(
      expect.objectContaining({
        DBInstanceIdentifier: before?.DBInstanceIdentifier,
        DbiResourceId: before?.DbiResourceId,
        DBInstanceClass: "db.m7g.large",
        MultiAZ: true,
      }),
    );

    // The data of a paid plan only go where that was asked for, as it was of one of the two.
    configure([{ ...training, retire: true }]);
    await expect(stack.up()).rejects.toThrow(/protect|retire/);
    configure([grown]);
    await stack.up();
    expect((await aws.databases("moh-premium")).map(({ DbiResourceId }) => DbiResourceId)).toEqual([
      before?.DbiResourceId,
    ]);
    expect(await aws.hostnames()).not.toContain("training.premium.moh.example.org");
    await expect(stack.destroy()).rejects.toThrow(/protect/);
    expect(await aws.databases("moh-premium")).toHaveLength(1);
  });

  it("of an enterprise is given a server more, which changes nothing of the others", async ({ expect }) => {
    const { stack, configure } = await tenant("moh-enterprise", "enterprise", 4);
    const three: Server[] = [
      { name: "hmis", size: "large" },
      { name: "tracker", size: "large" },
      { name: "surveillance", size: "medium" },
    ];
    configure(three);
    await stack.up();
    await holdsPromises("moh-enterprise", { pointInTime: 35, snapshots: 90 });

    configure([...three, { name: "training", size: "small" }]);
    const more = await stack.up();
    expect(changed(more.steps, "create", "aws:rds/instance:Instance")).toEqual([
      "moh-enterprise-training-database",
    ]);
    const others = own(more).filter(({ urn }) => /-(hmis|tracker|surveillance)-/.test(urn));
    expect(others).toEqual([]);
    expect(await aws.databases("moh-enterprise")).toHaveLength(4);
    expect(own(await stack.up())).toEqual([]);
  });
});

/** Encrypted, private, over TLS, backed up, copied, locked: as the customers of paid plans are told. */
async function holdsPromises(name: string, days: { pointInTime: number; snapshots: number }): Promise<void> {
  for (const database of await aws.databases(name)) {
    expect(database).toMatchObject({
      Engine: "postgres",
      StorageEncrypted: true,
      PubliclyAccessible: false,
      BackupRetentionPeriod: days.pointInTime,
      DeletionProtection: true,
    });
    expect(database.EngineVersion).toMatch(/^17/);
    expect(database.KmsKeyId).toMatch(/^arn:aws:kms:eu-west-1:/);
    const group = database.DBParameterGroups?.[0]?.DBParameterGroupName ?? "";
    expect(await aws.databaseParameter(group, "rds.force_ssl")).toBe("1");
  }
  for (const files of await aws.fileSystems(name)) {
    expect(files.Encrypted).toBe(true);
    expect(files.KmsKeyId).toMatch(/^arn:aws:kms:eu-west-1:/);
  }
  for (const { IpPermissions = [] } of await aws.securityGroups(name)) {
    for (const { IpRanges = [], Ipv6Ranges = [] } of IpPermissions) {
      expect([
        ...IpRanges.map(({ CidrIp }) => CidrIp),
        ...Ipv6Ranges.map(({ CidrIpv6 }) => CidrIpv6),
      ]).toEqual([]);
    }
  }
  for (const account of [aws, new Account(world, SECOND)]) {
    const vaults = await account.vaults(name);
    expect(vaults).toHaveLength(1);
    expect(vaults[0]).toMatchObject({ Locked: true, MinRetentionDays: days.snapshots });
    // Each region's copies under a key that lives there.
    expect(vaults[0]?.EncryptionKeyArn).toMatch(new RegExp(`^arn:aws:kms:${account.region}:`));
  }
  const buckets = await aws.bucketNames(`${name}-vault`);
  expect(buckets).toHaveLength(1);
  const { encryption, lock } = await guarded(buckets[0] ?? "");
  expect(encryption).toMatchObject({ SSEAlgorithm: "aws:kms" });
  expect(lock).toMatchObject({
    ObjectLockEnabled: "Enabled",
    Rule: { DefaultRetention: { Days: days.snapshots + 31 } },
  });
}
