import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import type { Plan, Size } from "../../../plans/plans";
import { RETENTION } from "../../../plans/retention";
import { ofType, one, registered, valueOf, type Registration } from "../../testing/mocks";
import { makeServer, TARGET } from "../../testing/tenant";
import { MOST_INSTANCES, postgresParameters } from "../sizes";

const make = (plan: Plan = "premium", size: Size = "small") =>
  registered(() => void makeServer({ plan, size }));

interface ContainerDefinition {
  name: string;
  image: string;
  user: string;
  readonlyRootFilesystem: boolean;
  linuxParameters: { capabilities: { drop: string[] } };
  environment: { name: string; value: string }[];
  secrets: { name: string; valueFrom: string }[];
  command?: string[];
}
const containers = (made: Registration[]): ContainerDefinition[] =>
  ofType(made, "aws:ecs/taskDefinition:TaskDefinition").flatMap(
    ({ inputs }) => JSON.parse(inputs.containerDefinitions as string) as ContainerDefinition[],
  );

describe("a server on AWS", () => {
  let made: Registration[];
  let database: Registration["inputs"];
  beforeAll(async () => {
    made = await make();
    database = one(made, "aws:rds/instance:Instance", "moh-hmis-database").inputs;
  });

  it("registers what policies and people see of it", () => {
    expect(one(made, "dhistance:index:DataManagementServer", "moh-hmis").inputs).toEqual({
      tenant: "moh",
      server: "hmis",
      size: "small",
      dhis2: "42.5.2",
      hostname: "hmis.moh.example.org",
    });
  });

  it("keeps its database private, encrypted under the tenant's key and reachable over TLS alone", () => {
    expect(database).toMatchObject({
      engine: "postgres",
      engineVersion: "17",
      publiclyAccessible: false,
      storageEncrypted: true,
      kmsKeyId: TARGET.keyArn,
      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: TARGET.keyArn,
      dbSubnetGroupName: "databases",
      vpcSecurityGroupIds: ["moh-hmis-data-id"],
    });
    const [group] = ofType(made, "aws:rds/parameterGroup:ParameterGroup");
    expect(group?.inputs.parameters).toContainEqual({
      name: "rds.force_ssl",
      value: "1",
      applyMethod: "pending-reboot",
    });
    const [configuration] = ofType(made, "aws:secretsmanager/secretVersion:SecretVersion").filter(
      ({ name }) => name.endsWith("configuration-value"),
    );
    expect(configuration?.inputs.secretString).toContain(
      "jdbc:postgresql://moh-hmis-database.rds.internal:5432/dhis2?sslmode=require",
    );
  });

  it("keeps its files encrypted under the same key, mounted over TLS with the task's own role", () => {
    expect(one(made, "aws:efs/fileSystem:FileSystem", "moh-hmis-files").inputs).toMatchObject({
      encrypted: true,
      kmsKeyId: TARGET.keyArn,
    });
    expect(ofType(made, "aws:efs/mountTarget:MountTarget").map(({ inputs }) => inputs.subnetId)).toEqual(
      TARGET.platform.network.taskSubnetIds,
    );
    const mounted = ofType(made, "aws:ecs/taskDefinition:TaskDefinition")
      .flatMap(({ inputs }) => inputs.volumes)
      .filter((volume) => volume.efsVolumeConfiguration);
    // By the service's tasks, and by the first start before it.
    expect(mounted).toHaveLength(2);
    for (const { efsVolumeConfiguration } of mounted)
      expect(efsVolumeConfiguration).toMatchObject({
        transitEncryption: "ENABLED",
        authorizationConfig: { iam: "ENABLED" },
      });
  });

  it("lets nothing but its own tasks reach database and files", () => {
    const ingress = ofType(made, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(
      ingress.map(({ inputs }) => [
        inputs.securityGroupId,
        inputs.referencedSecurityGroupId,
        inputs.fromPort,
        inputs.toPort,
      ]),
    ).toEqual([
      ["moh-hmis-data-id", "moh-hmis-tasks-id", 5432, 5432],
      ["moh-hmis-data-id", "moh-hmis-tasks-id", 2049, 2049],
      ["moh-hmis-tasks-id", "sg-balancer", 8080, 8080],
    ]);
    expect(ingress.some(({ inputs }) => inputs.cidrIpv4 || inputs.cidrIpv6)).toBe(false);
  });

  it("runs every container without root file system, capabilities and root, but for the one that gives volumes away", () => {
    const all = containers(made);
    expect([...new Set(all.map(({ name }) => name))].sort()).toEqual([
      ...["configure", "dhis2", "prepare", "secure-admin", "secure-before-start", "watch-start"],
    ]);
    for (const { name, user, readonlyRootFilesystem, linuxParameters } of all) {
      expect(readonlyRootFilesystem, name).toBe(true);
      if (name === "configure") {
        expect(linuxParameters.capabilities.drop).not.toContain("CHOWN");
        expect(linuxParameters.capabilities.drop).toContain("DAC_OVERRIDE");
      } else {
        expect(user, name).toBe("65534:65534");
        expect(linuxParameters.capabilities.drop, name).toEqual(["ALL"]);
      }
    }
  });

  it.each(["41.9.1", "42.5.2", "43.1.0"])(
    "runs the image of %s as the user that owns its home",
    async (dhis2) => {
      const all = containers(await registered(() => void makeServer({ dhis2 })));
      expect(all.find(({ name }) => name === "dhis2")).toMatchObject({
        image: `dhis2/core:${dhis2}`,
        user: "65534:65534",
      });
    },
  );

  it("puts no secret into an environment, a task definition or a plain input", () => {
    for (const { type, name, inputs, secret } of made) {
      for (const [input, value] of Object.entries(inputs as Record<string, unknown>)) {
        if (JSON.stringify(value).includes("secret-of-")) expect(secret, `${type} ${name}`).toContain(input);
      }
    }
    expect(one(made, "aws:rds/instance:Instance", "moh-hmis-database").secret).toEqual(["password"]);
    for (const { name, secrets } of containers(made)) {
      for (const { valueFrom } of secrets) {
        expect(valueFrom, name).toMatch(/^arn:aws:secretsmanager:.*:v1$/);
      }
    }
    expect(containers(made).find(({ name }) => name === "dhis2")?.secrets).toEqual([]);
  });

  it("gives DHIS2 the tenant's settings in its secret, and lets it connect to the servers that they name", async () => {
    const settings = pulumi.secret({ "ldap.url": "ldaps://directory.moh.example.org" });
    const withSettings = await registered(() => void makeServer({ settings, outwardPorts: [443, 636] }));
    const values = ofType(withSettings, "aws:secretsmanager/secretVersion:SecretVersion");
    const [configuration] = values.filter(({ name }) => name.endsWith("configuration-value"));
    expect(configuration?.inputs.secretString).toContain("ldap.url = ldaps://directory.moh.example.org\n");
    expect(configuration?.secret).toContain("secretString");
    const open = (all: Registration[]) =>
      ofType(all, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        .filter(({ inputs }) => inputs.cidrIpv4)
        .map(({ inputs }) => inputs.fromPort);
    expect(open(made)).toEqual([443, 587, 465]);
    expect(open(withSettings)).toEqual([443, 587, 465, 636]);
  });

  it("lets nobody in with DHIS2's default password: the service starts, and is opened, after it is replaced", () => {
    const order = (type: string, name: string) =>
      made.findIndex((registration) => registration.type === type && registration.name === name);
    const prepared = order("pulumi:index:Stash", "moh-hmis-prepared");
    const service = order("aws:ecs/service:Service", "moh-hmis-application");
    const secured = order("pulumi:index:Stash", "moh-hmis-secured");
    const open = order("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "moh-hmis-open");
    expect(prepared).toBeGreaterThan(0);
    expect(secured).toBeGreaterThan(prepared);
    expect(service).toBeGreaterThan(secured);
    expect(open).toBeGreaterThan(secured);
  });

  it("replaces it in a first start of the same DHIS2 that nothing reaches, after a look at accounts that are there", () => {
    const task = (name: string) => {
      const { inputs } = one(made, "aws:ecs/taskDefinition:TaskDefinition", name);
      const { cpu, memory, containerDefinitions } = inputs as Record<string, string>;
      return { cpu, memory, containers: JSON.parse(containerDefinitions ?? "") as ContainerDefinition[] };
    };
    const [first, service] = [task("moh-hmis-secure-admin"), task("moh-hmis-application")];
    expect(first).toMatchObject({ cpu: service.cpu, memory: service.memory });
    const by = (name: string, of = first) => of.containers.find((each) => each.name === name);
    expect(by("dhis2")).toEqual({
      ...by("dhis2", service),
      dependsOn: ["configure", "secure-before-start"].map((containerName) => ({
        containerName,
        condition: "SUCCESS",
      })),
    });
    expect(by("secure-before-start")).toMatchObject({
      essential: false,
      command: expect.arrayContaining(["before-start", "--former-password-env"]) as string[],
    });
    // In the task's own network, and the task ends with it.
    expect(by("secure-admin")).toMatchObject({
      essential: true,
      command: expect.arrayContaining(["after-start", "http://127.0.0.1:8080"]) as string[],
    });
    expect(by("secure-admin")).not.toHaveProperty("dependsOn");
  });

  it("does so for servers that an earlier version made, whose record says less", () => {
    expect(one(made, "pulumi:index:Stash", "moh-hmis-secured").inputs.input).toEqual({
      imported: "nothing",
      secured: "by DHIS2 itself",
    });
    expect(one(made, "pulumi:index:Stash", "moh-hmis-started").inputs.input).toMatchObject({
      secured: "by DHIS2 itself",
    });
  });

  it("never runs two versions on one database, nor goes back to the older one", () => {
    const { inputs } = one(made, "aws:ecs/service:Service", "moh-hmis-application");
    expect(inputs).toMatchObject({
      desiredCount: 1,
      deploymentMinimumHealthyPercent: 0,
      deploymentMaximumPercent: 100,
      deploymentCircuitBreaker: { enable: true, rollback: false },
    });
  });

  it("encrypts logs and secrets under the tenant's key, and keeps logs for a while", () => {
    for (const { inputs } of ofType(made, "aws:cloudwatch/logGroup:LogGroup")) {
      expect(inputs).toMatchObject({ kmsKeyId: TARGET.keyArn, retentionInDays: 90 });
    }
    for (const { inputs } of ofType(made, "aws:secretsmanager/secret:Secret")) {
      expect(inputs.kmsKeyId).toBe(TARGET.keyArn);
    }
  });

  it("wakes someone about what wakes a person", () => {
    expect(
      ofType(made, "aws:cloudwatch/metricAlarm:MetricAlarm")
        .filter(({ name }) => !name.includes("endpoint"))
        .map(({ inputs }) => inputs.metricName)
        .sort(),
    ).toEqual([
      "CPUUtilization",
      "CPUUtilization",
      "FreeStorageSpace",
      "FreeableMemory",
      "HealthyHostCount",
      "MemoryUtilization",
    ]);
  });

  it("marks everything that can be marked as the server's", () => {
    const unmarked = made.filter(
      ({ custom, inputs, type }) => custom && type.startsWith("aws:") && !inputs.tags?.["dhistance:server"],
    );
    expect([...new Set(unmarked.map(({ type }) => type))].sort()).toEqual([
      // AWS has no tags for these.
      "aws:acm/certificateValidation:CertificateValidation",
      "aws:efs/fileSystemPolicy:FileSystemPolicy",
      "aws:efs/mountTarget:MountTarget",
      "aws:iam/rolePolicy:RolePolicy",
      "aws:lb/listenerCertificate:ListenerCertificate",
      "aws:route53/record:Record",
      "aws:secretsmanager/secretVersion:SecretVersion",
    ]);
  });

  it("is known by its outputs", async () => {
    let outputs: unknown[] = [];
    await registered(async () => {
      const server = makeServer();
      outputs = [
        server.url,
        ...(await Promise.all([server.database, server.files, server.logs].map(valueOf))),
      ];
    });
    expect(outputs).toEqual([
      "https://hmis.moh.example.org",
      "moh-hmis-database.rds.internal",
      "moh-hmis-files-id",
      "/dhistance/moh/hmis",
    ]);
  });
});

describe("by plan", () => {
  it.each<Plan>(["premium", "enterprise"])(
    "protects the database of a %s tenant from deletion",
    async (plan) => {
      const { inputs } = one(await make(plan), "aws:rds/instance:Instance", "moh-hmis-database");
      expect(inputs).toMatchObject({
        deletionProtection: true,
        skipFinalSnapshot: false,
        finalSnapshotIdentifier: "moh-hmis-0a1b2c3d-final",
        deleteAutomatedBackups: false,
        backupRetentionPeriod: RETENTION[plan].pointInTime,
      });
    },
  );

  it.each<[Plan, boolean, boolean]>([
    ["trial", false, false],
    ["premium", false, true],
    ["premium", true, false],
    ["enterprise", false, true],
  ])("guards the data of a %s tenant, retiring %s: %s", async (plan, retire, guarded) => {
    const made = await registered(() => void makeServer({ plan, retire }));
    expect(made.filter(({ protect }) => protect).map(({ name }) => name)).toEqual(
      guarded ? expect.arrayContaining(["moh-hmis-database", "moh-hmis-files"]) : [],
    );
    const { inputs } = one(made, "aws:rds/instance:Instance", "moh-hmis-database");
    expect(inputs.deletionProtection).toBe(guarded);
    expect(inputs.skipFinalSnapshot).toBe(plan === "trial");
  });

  it("does not protect a trial's", async () => {
    const { inputs } = one(await make("trial"), "aws:rds/instance:Instance", "moh-hmis-database");
    expect(inputs).toMatchObject({
      deletionProtection: false,
      skipFinalSnapshot: true,
      backupRetentionPeriod: RETENTION.trial.pointInTime,
    });
    expect(inputs.finalSnapshotIdentifier).toBeUndefined();
  });
});

it("prepares its database again when a password changes", async () => {
  const made = await registered(() => void makeServer());
  const { inputs } = one(made, "pulumi:index:Stash", "moh-hmis-prepared");
  expect(inputs.input.passwords).toMatch(/moh-hmis-passwords-value/);
});

it.each<[Size, boolean, string]>([
  ["small", false, "db.t4g.medium"],
  ["medium", true, "db.m7g.large"],
  ["large", true, "db.r7g.xlarge"],
])("of size %s has a standby: %s, and runs on %s", async (size, multiAz, instanceClass) => {
  const made = await make("enterprise", size);
  const { inputs } = one(made, "aws:rds/instance:Instance", "moh-hmis-database");
  expect(inputs).toMatchObject({ multiAz, instanceClass });
  // Storage grows by itself.
  expect(inputs.maxAllocatedStorage).toBeGreaterThanOrEqual(5 * inputs.allocatedStorage);
  const [parameters] = ofType(made, "aws:rds/parameterGroup:ParameterGroup");
  expect(inputs.parameterGroupName).toBe(parameters?.name);
  expect(parameters?.inputs).toMatchObject({
    family: "postgres17",
    parameters: postgresParameters(size, MOST_INSTANCES[size]),
  });
});

it.each<[Size, number]>([
  ["small", 1800],
  ["medium", 3600],
  ["large", 14_400],
])(
  "of size %s may take %i seconds to start, a migration included, before its health counts",
  async (size, seconds) => {
    const made = await make("enterprise", size);
    const { inputs } = one(made, "aws:ecs/service:Service", "moh-hmis-application");
    expect(inputs.healthCheckGracePeriodSeconds).toBe(seconds);
  },
);

it.each([false, true])("gives its tasks public addresses as the network asks: %s", async (assignPublicIp) => {
  const network = { ...TARGET.platform.network, assignPublicIp };
  const target = { ...TARGET, platform: { ...TARGET.platform, network } };
  const made = await registered(() => void makeServer({ target }));
  const { inputs } = one(made, "aws:ecs/service:Service", "moh-hmis-application");
  expect(inputs.networkConfiguration).toEqual({
    subnets: network.taskSubnetIds,
    securityGroups: ["moh-hmis-tasks-id"],
    assignPublicIp,
  });
});

describe("as a cluster", () => {
  let made: Registration[];
  beforeAll(async () => {
    made = await registered(() => void makeServer({ plan: "enterprise", size: "large", instances: 3 }));
  });

  it("runs as often as asked, users kept on one instance each, with connections for all", () => {
    const { inputs } = one(made, "aws:ecs/service:Service", "moh-hmis-application");
    expect(inputs.desiredCount).toBe(3);
    const [target] = ofType(made, "aws:lb/targetGroup:TargetGroup");
    expect(target?.inputs.stickiness).toMatchObject({ type: "lb_cookie", enabled: true });
    const [group] = ofType(made, "aws:rds/parameterGroup:ParameterGroup");
    expect(group?.inputs.parameters).toContainEqual(
      expect.objectContaining({ name: "max_connections", value: "360" }),
    );
  });

  it("shares a Redis that fails over, encrypted, with a password, reached by its own tasks alone", () => {
    const { inputs } = one(made, "aws:elasticache/replicationGroup:ReplicationGroup", "moh-hmis-redis");
    expect(inputs).toMatchObject({
      numCacheClusters: 2,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      atRestEncryptionEnabled: true,
      kmsKeyId: TARGET.keyArn,
      transitEncryptionEnabled: true,
      authToken: "secret-of-moh-hmis-redis-password",
      securityGroupIds: ["moh-hmis-redis-id"],
    });
    const [parameters] = ofType(made, "aws:elasticache/parameterGroup:ParameterGroup");
    expect(parameters?.inputs.parameters).toEqual([{ name: "notify-keyspace-events", value: "Egx" }]);
    const ingress = ofType(made, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(
      ingress
        .filter(({ inputs }) => inputs.securityGroupId === "moh-hmis-redis-id")
        .map(({ inputs }) => [inputs.referencedSecurityGroupId, inputs.fromPort, inputs.toPort]),
    ).toEqual([["moh-hmis-tasks-id", 6379, 6379]]);
  });

  it("tells DHIS2 of it in dhis.conf, which stays a secret", () => {
    const configuration = one(
      made,
      "aws:secretsmanager/secretVersion:SecretVersion",
      "moh-hmis-configuration-value",
    );
    expect(configuration.secret).toEqual(["secretString"]);
    for (const line of [
      "redis.enabled = on",
      "redis.host = master.moh-hmis-redis.cache.internal",
      "redis.port = 6379",
      "redis.password = secret-of-moh-hmis-redis-password",
      "redis.use.ssl = true",
      "redis.cache.invalidation.enabled = on",
    ])
      expect(configuration.inputs.secretString).toContain(`${line}\n`);
  });

  it("nobody stays logged in across an import or a restore: before DHIS2 starts on other data, its Redis is emptied", () => {
    const { inputs } = one(made, "aws:ecs/taskDefinition:TaskDefinition", "moh-hmis-secure-admin");
    const definitions = JSON.parse(inputs.containerDefinitions as string) as ContainerDefinition[];
    const job = definitions.find(({ name }) => name === "secure-before-start");
    expect(job?.command?.slice(-4)).toEqual([
      ...["--sessions", "rediss://master.moh-hmis-redis.cache.internal:6379"],
      ...["--sessions-password-env", "DHIS2_REDIS_PASSWORD"],
    ]);
    expect(job?.secrets.find(({ name }) => name === "DHIS2_REDIS_PASSWORD")?.valueFrom).toMatch(
      /:redis::v1$/,
    );
    const passwords = one(made, "aws:secretsmanager/secretVersion:SecretVersion", "moh-hmis-passwords-value");
    expect(passwords.secret).toEqual(["secretString"]);
    expect(JSON.parse(passwords.inputs.secretString as string)).toMatchObject({
      redis: "secret-of-moh-hmis-redis-password",
    });
  });

  it("is not made for one instance", async () => {
    const single = await registered(() => void makeServer({ plan: "enterprise", size: "large" }));
    expect(single.filter(({ type }) => type.includes("elasticache"))).toEqual([]);
    const [target] = ofType(single, "aws:lb/targetGroup:TargetGroup");
    expect(target?.inputs.stickiness).toBeUndefined();
    expect(JSON.stringify(containers(single))).not.toContain("--sessions");
  });
});

describe("with data to start with", () => {
  it("uses the other system's encryption password, and starts the application after the import", async () => {
    const made = await registered(async () => {
      const { Stash } = await import("@pulumi/pulumi");
      makeServer({
        import: {
          sha256: "a".repeat(64),
          encryptionPassword: "e".repeat(24),
          load: ({ resources }) =>
            new Stash("import", { input: "done" }, { dependsOn: [resources.prepared] }),
        },
      });
    });
    const [configuration] = ofType(made, "aws:secretsmanager/secretVersion:SecretVersion").filter(
      ({ name }) => name.endsWith("configuration-value"),
    );
    expect(configuration?.inputs.secretString).toContain(`encryption.password = ${"e".repeat(24)}\n`);
    // The server's own is there, for no update to delete, and not used.
    expect(configuration?.inputs.secretString).not.toContain("secret-of-moh-hmis-encryption-password");
    const names = made.map(({ name, type }) => `${type} ${name}`);
    expect(names.indexOf("pulumi:index:Stash import")).toBeLessThan(
      names.indexOf("aws:ecs/service:Service moh-hmis-application"),
    );
    expect(one(made, "pulumi:index:Stash", "moh-hmis-secured").inputs.input).toEqual({
      imported: "a".repeat(64),
      secured: "by DHIS2 itself",
    });
  });
});
