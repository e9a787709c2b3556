import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { newIssuer } from "../../scripts/lib/entitlements";
import { newProject } from "../engine/pulumi";
import { Account, PLATFORM } from "./account";
import { FORGOTTEN } from "./unsupported";
import { Stack, type Run, type Step } from "./stack";
import { startWorld, type World } from "./world";

/**
 * The programs on the real engine and the real AWS provider before an emulated AWS: one platform, and the life of a
 * tenant of each plan on it, side by side. What was made is read back from AWS, not from the engine's state.
 */
const ROOT = path.resolve(__dirname, "../..");
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
  platform = await opened("dhistance-platform", REGION, platformConfig());
  await platform.up();
});
afterAll(async () => {
  for (const remove of removals) remove();
  await world?.end();
});
afterAll(() => {
  // Of those a test may not have noticed.
  expect(world?.lacks()).toEqual([]);
});

function platformConfig(more: { retire?: boolean } = {}) {
  const images = {
    jobs: `000000000000.dkr.ecr.${REGION}.amazonaws.com/dhistance/jobs:0.1.0`,
    agent: "registry.dhistance.example.org/dhistance/jobs:0.1.0",
  };
  const alerts = ["ops@dhistance.example.org"];
  return {
    "dhistance-platform:platform": {
      ...{ region: REGION, zone: "moh.example.org", nat: "none", alerts, images },
      ...more,
    },
  };
}

async function opened(
  ...[project, name, config]: [Parameters<typeof Stack.open>[1], string, object]
): Promise<Stack> {
  const stack = await Stack.open(world, project, name, config);
  removals.push(stack.remove);
  return stack;
}

type Server = Record<string, unknown> & { name: string; size: string; retire?: boolean };

/** An example tenant's stack, its servers, and a way to give it other ones. */
async function tenant(
  name: string,
  bought: Pick<Entitlement, "plan" | "maxServers">,
): Promise<{
  stack: Stack;
  servers: Server[];
  configure: (servers: Server[]) => void;
  buy: (bought: Pick<Entitlement, "plan" | "maxServers">) => Promise<void>;
}> {
  let entitlement = await issue({ tenant: name, ...bought });
  const file = readFileSync(path.join(ROOT, `tenants/Pulumi.${name}.yaml`), "utf8");
  const { config } = parse(file) as { config: { "dhistance:tenant": { servers: Server[] } } };
  const spec = config["dhistance:tenant"];
  const changed = (servers: Server[]) => ({
    "dhistance:entitlement": entitlement,
    "dhistance:tenant": { ...spec, servers },
  });
  const stack = await opened("dhistance", name, changed([]));
  return {
    stack,
    servers: spec.servers,
    configure: (servers) => stack.configure(changed(servers)),
    buy: async (more) => {
      entitlement = await issue({ tenant: name, ...more });
    },
  };
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

  it("says what its load balancer holds, of tenants alone, and may hold", async () => {
    expect(await aws.holdings()).toEqual({
      hostnames: [],
      owners: new Map(),
      certificates: 0,
      limits: { rules: 100, certificates: 25 },
    });
  });

  it("keeps its logs from the public, encrypted", async () => {
    const [name = ""] = await aws.bucketNames("dhistance-logs");
    await guarded(name, "AES256");
  });
});

/** What is promised of every bucket. */
async function guarded(
  name: string,
  encryption: "AES256" | "aws:kms",
): Promise<Awaited<ReturnType<Account["bucket"]>>> {
  const bucket = await aws.bucket(name);
  expect(bucket.publicAccess).toEqual({
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  });
  expect(bucket.versioning).toBe("Enabled");
  expect(bucket.encryption).toMatchObject({ SSEAlgorithm: encryption });
  const withoutTls = { Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } };
  expect(bucket.statements).toContainEqual(expect.objectContaining(withoutTls));
  return bucket;
}

const retired = (servers: Server[]): Server[] => servers.map((server) => ({ ...server, retire: true }));
const idOf = async (database: string) =>
  (await aws.databases(database)).map(({ DbiResourceId }) => DbiResourceId);

/** The records of servers' host names, of their certificates, too. */
async function recordsOf(servers: Server[]): Promise<string[]> {
  const records = await aws.records();
  return records.filter((record) => servers.some(({ hostname }) => record.endsWith(String(hostname))));
}

/** What is left of a tenant in both regions and in DNS, but for what must outlive it: what backups need to be read. */
async function left(name: string, servers: Server[]): Promise<unknown[]> {
  const abroad = new Account(world, SECOND);
  for (const account of [aws, abroad]) {
    expect(new Set(await account.keyStates(name))).toEqual(new Set(["Enabled"]));
    expect(await account.vaults(name)).toMatchObject([{ Locked: true }]);
  }
  const outlives = /^dhistance-|-vault-(repository|signing)|-configuration-/;
  return [
    ...[...(await aws.everything(name)), ...(await abroad.everything(name))].filter(
      (found) => !outlives.test(String(found)),
    ),
    ...(await recordsOf(servers)),
  ];
}

describe.concurrent("an example tenant", () => {
  it("on trial comes up, stays as it is, and goes", async ({ expect }) => {
    const { stack, servers, configure } = await tenant("moh-trial", { plan: "trial", maxServers: 1 });
    configure(servers);
    await stack.up();
    await holdsPromises("moh-trial", { pointInTime: 7, snapshots: 14, kept: false });
    const [hmis] = servers as [Server];
    const records = await recordsOf(servers);
    expect(records).toEqual(expect.arrayContaining([`A ${hmis["hostname"]}`, `AAAA ${hmis["hostname"]}`]));
    // Of the certificate, which renews by it.
    expect(records.filter((record) => record.startsWith("CNAME _"))).toHaveLength(1);
    expect(own(await stack.up())).toEqual([]);

    await stack.destroy();
    expect((await stack.state()).resources).toEqual([]);
    expect(await left("moh-trial", servers)).toEqual([]);
    expect(await aws.snapshots("moh-trial")).toEqual([]);
  });

  it("on trial becomes premium and grows in place: its backups stay locked, and its data until told otherwise", async ({
    expect,
  }) => {
    const { stack, servers, configure, buy } = await tenant("moh-premium", { plan: "trial", maxServers: 1 });
    const [hmis, training] = servers as [Server, Server];
    configure([{ ...hmis, size: "small" }]);
    await stack.up();
    await holdsPromises("moh-premium", { pointInTime: 7, snapshots: 14, kept: false });
    const [id] = await idOf("moh-premium-hmis");
    expect(await aws.databases("moh-premium")).toEqual([
      expect.objectContaining({ DBInstanceClass: "db.t4g.medium", MultiAZ: false }),
    ]);

    // The example as it stands: another plan, one server larger, and one more.
    await buy({ plan: "premium", maxServers: 2 });
    configure(servers);
    const { steps } = await stack.up();
    expect(
      steps.filter(({ op, type, name }) => DATA.test(type) && op !== "update" && !/training/.test(name)),
    ).toEqual([]);
    expect(changed(steps, "update", "aws:rds/instance:Instance")).toEqual(["moh-premium-hmis-database"]);
    expect(changed(steps, "create", "aws:rds/instance:Instance")).toEqual(["moh-premium-training-database"]);
    expect(await aws.databases("moh-premium-hmis")).toEqual([
      expect.objectContaining({ DbiResourceId: id, DBInstanceClass: "db.m7g.large", MultiAZ: true }),
    ]);
    await holdsPromises("moh-premium", { pointInTime: 14, snapshots: 35, kept: true });
    expect((await aws.holdings()).hostnames).toContain("training.moh.example.org");
    expect(own(await stack.up())).toEqual([]);
    // What a state says of a lock is not what AWS has: read back once more.
    await holdsPromises("moh-premium", { pointInTime: 14, snapshots: 35, kept: true });

    // The data of a paid plan only go where that was asked for.
    configure([hmis]);
    await expect(stack.up()).rejects.toThrow(/put it back with retire: true/);
    expect(await aws.databases("moh-premium")).toHaveLength(2);
    const guarded = (await stack.state()).resources.filter(({ protect }) => protect).map(({ urn }) => urn);
    for (const what of ["key", "hmis-database", "hmis-files", "training-database", "training-files"])
      expect(guarded).toContainEqual(expect.stringMatching(new RegExp(`::moh-premium-${what}$`)));
    configure([hmis, ...retired([training])]);
    await stack.up();
    configure(retired([hmis]));
    await stack.up();
    expect(await idOf("moh-premium")).toEqual([id]);
    expect(await aws.hostnames()).not.toContain("training.moh.example.org");
    expect(await aws.snapshots("moh-premium-training")).toHaveLength(1);

    await stack.destroy();
    expect((await stack.state()).resources).toEqual([]);
    expect(await left("moh-premium", servers)).toEqual([]);
    expect(await aws.snapshots("moh-premium-hmis")).toHaveLength(1);
  });

  it("of an enterprise is given a server more and one less, which changes nothing of the others", async ({
    expect,
  }) => {
    const { stack, servers, configure } = await tenant("moh-enterprise", {
      plan: "enterprise",
      maxServers: 5,
    });
    const others = servers.filter(({ name }) => name !== "training");
    const training = servers.filter(({ name }) => name === "training");
    const ofOthers = ({ urn }: Step) => /-(hmis|tracker|surveillance)-/.test(urn);
    configure(others);
    await stack.up();
    const ids = await idOf("moh-enterprise");

    configure(servers);
    const more = await stack.up();
    expect(changed(more.steps, "create", "aws:rds/instance:Instance")).toEqual([
      "moh-enterprise-training-database",
    ]);
    expect(own(more).filter(ofOthers)).toEqual([]);
    await holdsPromises("moh-enterprise", { pointInTime: 35, snapshots: 90, kept: true });
    expect(own(await stack.up())).toEqual([]);

    configure([
      ...others.map((server) => (server.name === "surveillance" ? { ...server, size: "large" } : server)),
      ...retired(training),
    ]);
    const grown = await stack.up();
    expect(changed(grown.steps, "update", "aws:rds/instance:Instance").sort()).toEqual([
      "moh-enterprise-surveillance-database",
      "moh-enterprise-training-database",
    ]);
    configure(retired(others));
    await stack.up();
    expect((await idOf("moh-enterprise")).sort()).toEqual(ids.sort());
    await stack.destroy();
    expect((await stack.state()).resources).toEqual([]);
    expect(await left("moh-enterprise", servers)).toEqual([]);
  });
});

describe("the platform, once all tenants are gone", () => {
  it("has nothing of theirs in its zone", async () => {
    // What is there is the certificate's for names that nobody has.
    expect(await aws.records()).toEqual([expect.stringMatching(/^CNAME _/)]);
  });

  it("keeps its logs until someone empties their bucket, and goes then, but for its key, which waits", async () => {
    const [logs = ""] = await aws.bucketNames("dhistance-logs");
    await aws.write(logs, "balancer/a-log");
    await expect(platform.destroy()).rejects.toThrow(/protected/);
    platform.configure(platformConfig({ retire: true }));
    await platform.up();
    await expect(platform.destroy()).rejects.toThrow(/BucketNotEmpty/);
    expect(await aws.platform()).toContain(logs);

    await aws.empty(logs);
    await platform.destroy();
    expect((await platform.state()).resources).toEqual([]);
    expect(await aws.platform()).toEqual([]);
    expect(await aws.keyStates(REGION, PLATFORM)).toEqual(["PendingDeletion"]);
  });
});

/** Encrypted, private, over TLS, backed up, copied, locked: as customers of paid plans are promised. */
async function holdsPromises(
  name: string,
  promised: { pointInTime: number; snapshots: number; kept: boolean },
): Promise<void> {
  for (const database of await aws.databases(name)) {
    expect(database).toMatchObject({
      Engine: "postgres",
      StorageEncrypted: true,
      PubliclyAccessible: false,
      BackupRetentionPeriod: promised.pointInTime,
      DeletionProtection: promised.kept,
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
    expect(vaults[0]).toMatchObject({ Locked: true, MinRetentionDays: promised.snapshots });
    // Each region's copies under a key that lives there.
    expect(vaults[0]?.EncryptionKeyArn).toMatch(new RegExp(`^arn:aws:kms:${account.region}:`));
  }
  const buckets = await aws.bucketNames(`${name}-vault`);
  expect(buckets).toHaveLength(1);
  const { lock } = await guarded(buckets[0] ?? "", "aws:kms");
  expect(lock).toMatchObject({
    ObjectLockEnabled: "Enabled",
    Rule: { DefaultRetention: { Days: promised.snapshots + 31 } },
  });
}
