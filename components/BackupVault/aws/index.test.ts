import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { PLANS, type Plan } from "../../../plans/plans";
import { program } from "../../../jobs/backup/cli";
import { readConfiguration } from "../../../jobs/backup/configuration";
import type { Drill } from "../../../jobs/backup/drill";
import { metricsOf, NAMESPACE } from "../../../jobs/backup/health";
import { ofType, one, registered, type Registration } from "../../testing/mocks";
import { makeServer, makeVault, TARGET } from "../../testing/tenant";
import { nameOf } from "../onPremises";
import { RETENTION } from "../../../plans/retention";

const AGENT = `moh-vault-agent-${nameOf({ host: "ssh://backup@office" })}`;

const make = (plan: Plan) =>
  registered(() => makeVault(plan, [makeServer({ plan }), makeServer({ plan, server: "training" })]));

/** Of the vault alone. */
const vaults = (registrations: Registration[]) =>
  registrations.filter(({ name, custom }) => custom && name.startsWith("moh-vault"));

describe("a vault on AWS", () => {
  let made: Registration[];
  beforeAll(async () => {
    made = await make("premium");
  });

  it("registers what policies and people see of it", () => {
    const home = { type: "region", region: "eu-west-1", home: true };
    const abroad = { type: "region", region: "eu-central-1", home: false };
    expect(one(made, "dhistance:index:BackupVault", "moh-vault").inputs).toEqual({
      tenant: "moh",
      retentionDays: 35,
      backups: [
        { kind: "pointInTime", location: home, where: "eu-west-1", retentionDays: 14 },
        { kind: "snapshot", location: home, where: "eu-west-1", retentionDays: 35 },
        { kind: "portable", location: home, where: "eu-west-1", retentionDays: 35 },
        { kind: "pointInTime", location: abroad, where: "eu-central-1", retentionDays: 14 },
        { kind: "snapshot", location: abroad, where: "eu-central-1", retentionDays: 35 },
        {
          kind: "portable",
          location: { type: "onPremises", host: "ssh://backup@office", path: "/srv/dhis2" },
          where: "ssh://backup@office:/srv/dhis2",
          retentionDays: 180,
        },
      ],
    });
  });

  it("backs up every database and every file store, and copies it to the second region", () => {
    const { inputs: selection } = one(made, "aws:backup/selection:Selection", "moh-vault-selection");
    expect(selection.resources).toEqual([
      expect.stringContaining("moh-hmis-database"),
      expect.stringContaining("moh-hmis-files"),
      expect.stringContaining("moh-training-database"),
      expect.stringContaining("moh-training-files"),
    ]);
    const [rule] = one(made, "aws:backup/plan:Plan", "moh-vault-plan").inputs.rules;
    expect(rule).toMatchObject({
      targetVaultName: "dhistance-moh",
      copyActions: [{ destinationVaultArn: expect.stringContaining("moh-vault-eu-central-1") }],
    });
  });

  it("keeps the second region's copies in that region, under a key of that region", () => {
    const abroad = made.filter(({ provider }) => provider === "abroad");
    expect(abroad.map(({ type, name }) => `${type.split(":").at(-1)} ${name}`).sort()).toEqual([
      "Alias moh-vault-eu-central-1-key-alias",
      "InstanceAutomatedBackupsReplication moh-vault-eu-central-1-hmis",
      "InstanceAutomatedBackupsReplication moh-vault-eu-central-1-training",
      "Key moh-vault-eu-central-1-key",
      "Vault moh-vault-eu-central-1",
      "VaultLockConfiguration moh-vault-eu-central-1-lock",
    ]);
    const keyArn = expect.stringContaining("moh-vault-eu-central-1-key");
    expect(one(made, "aws:backup/vault:Vault", "moh-vault-eu-central-1").inputs.kmsKeyArn).toEqual(keyArn);
    for (const { inputs } of ofType(
      made,
      "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
    )) {
      expect(inputs.kmsKeyId).toEqual(keyArn);
    }
    expect(one(made, "aws:backup/vault:Vault", "moh-vault-home").inputs.kmsKeyArn).toBe(TARGET.keyArn);
  });

  it("tries a restore of each kind of data every week", () => {
    expect(
      ofType(made, "aws:backup/restoreTestingSelection:RestoreTestingSelection").map(({ inputs }) => [
        inputs.protectedResourceType,
        inputs.protectedResourceArns.length,
      ]),
    ).toEqual([
      ["EFS", 2],
      ["RDS", 2],
    ]);
  });

  it("restores databases into its own network, where nothing reaches them", () => {
    const [efs, database] = ofType(made, "aws:backup/restoreTestingSelection:RestoreTestingSelection");
    expect(efs?.inputs.restoreMetadataOverrides).toBeUndefined();
    expect(database?.inputs.restoreMetadataOverrides).toEqual({
      dbSubnetGroupName: TARGET.platform.network.databaseSubnetGroup,
      vpcSecurityGroupIds: '["moh-vault-restore-test-id"]',
    });
    const group = one(made, "aws:ec2/securityGroup:SecurityGroup", "moh-vault-restore-test").inputs;
    expect([group.ingress, group.egress]).toEqual([undefined, undefined]);
    const rules = made.filter(
      ({ type, inputs }) =>
        /SecurityGroup\w+Rule$/.test(type) && inputs.securityGroupId === "moh-vault-restore-test-id",
    );
    expect(rules).toEqual([]);
  });

  it("keeps the portable repository private, encrypted, versioned, locked and behind TLS", () => {
    const of = (type: string) => ofType(made, `aws:s3/${type}`)[0]?.inputs;
    expect(of("bucket:Bucket").objectLockEnabled).toBe(true);
    expect(of("bucketVersioning:BucketVersioning").versioningConfiguration.status).toBe("Enabled");
    expect(of("bucketPublicAccessBlock:BucketPublicAccessBlock")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    const [encryption] = of(
      "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    ).rules;
    expect(encryption.applyServerSideEncryptionByDefault).toEqual({
      sseAlgorithm: "aws:kms",
      kmsMasterKeyId: TARGET.keyArn,
    });
    const { Statement } = JSON.parse(of("bucketPolicy:BucketPolicy").policy as string);
    expect(Statement).toContainEqual(
      expect.objectContaining({
        Effect: "Deny",
        Principal: "*",
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      }),
    );
  });

  it("exports every server daily, and checks its backups", () => {
    const schedules = ofType(made, "aws:scheduler/schedule:Schedule");
    expect(
      Object.fromEntries(schedules.map(({ name, inputs }) => [name, inputs.scheduleExpression])),
    ).toEqual({
      "moh-vault-export-hmis": "cron(0 3 * * ? *)",
      "moh-vault-drill-hmis": "cron(0 6,11 * * ? *)",
      "moh-vault-export-training": "cron(0 3 * * ? *)",
      "moh-vault-drill-training": "cron(0 6,11 * * ? *)",
    });
    for (const { name, inputs } of schedules) {
      expect(inputs.kmsKeyArn).toBe(TARGET.keyArn);
      const { TaskDefinition, NetworkConfiguration } = JSON.parse(inputs.target.input as string);
      expect(TaskDefinition).toContain(name);
      expect(NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp).toBe("DISABLED");
    }
  });

  it("drills with a command that the jobs know, with every secret out of sight", async () => {
    const { inputs } = one(made, "aws:ecs/taskDefinition:TaskDefinition", "moh-vault-drill-hmis");
    const [{ command, environment, secrets }] = JSON.parse(inputs.containerDefinitions as string);
    const [job, name, ...options] = command as string[];
    expect([job, name]).toEqual(["backup", "drill"]);
    const drill = program().commands.find((each) => each.name() === "drill");
    let taken: Record<string, unknown> = {};
    drill?.action((flags: Record<string, unknown>) => void (taken = flags));
    await drill?.parseAsync(options, { from: "user" });
    expect(taken).toMatchObject({
      location: "s3:https://s3.eu-west-1.amazonaws.com/moh-vault-repository-id/hmis",
      ifOlder: 6.5 * 86_400,
      maxAge: 30 * 3600,
      maxDrillAge: 8 * 86_400,
      metrics: { Tenant: "moh", Server: "hmis", Location: "eu-west-1" },
    });
    const named = (list: { name: string }[]) => list.map((each) => each.name);
    expect(named(environment)).toContain(taken["publicKeyEnv"]);
    expect(named(secrets)).toEqual([taken["repositoryPasswordEnv"]]);
  });

  interface Read {
    namespace: string;
    metricName: string;
    dimensions: Record<string, string>;
    stat: string;
    period: number;
  }
  /** The alarms that read the larger of two metrics. */
  const backupAlarms = () =>
    ofType(made, "aws:cloudwatch/metricAlarm:MetricAlarm").flatMap(({ inputs }) => {
      if (!inputs.metricQueries) return [];
      const [first, second, larger] = inputs.metricQueries as { metric: Read; returnData: boolean }[];
      if (!first || !second) throw new Error("an alarm reads one metric alone");
      expect([first, second, larger]).toEqual([
        { id: "m0", metric: first.metric, returnData: false },
        { id: "m1", metric: second.metric, returnData: false },
        { id: "larger", expression: "MAX([m0, m1])", label: "larger", returnData: true },
      ]);
      return [{ inputs, today: first.metric, former: second.metric }];
    });

  it("raises an alarm in every location when a backup or a drill is older than promised, and when nothing reports", () => {
    const alarms = backupAlarms();
    const of = (server: string, location: string) =>
      Object.fromEntries(
        alarms
          .filter(
            ({ today: { dimensions } }) =>
              dimensions["Server"] === server && dimensions["Location"] === location,
          )
          .map(({ today, inputs }) => [
            today.metricName,
            `${today.stat} ${inputs.comparisonOperator} ${inputs.threshold}, silence: ${inputs.treatMissingData}`,
          ]),
      );
    for (const server of ["hmis", "training"])
      for (const location of ["eu-west-1", AGENT])
        expect(of(server, location), `${server} ${location}`).toEqual({
          BackupAge: `Maximum GreaterThanThreshold ${30 * 3600}, silence: breaching`,
          DrillAge: `Maximum GreaterThanThreshold ${8 * 86_400}, silence: notBreaching`,
          DrillFailed: "Maximum GreaterThanThreshold 0, silence: notBreaching",
          BackupLoss: "Maximum GreaterThanThreshold 0, silence: notBreaching",
        });
    expect(alarms).toHaveLength(16);
    // What is reported is what alarms read.
    const config = one(made, "docker:index/container:Container", AGENT).inputs.uploads as {
      file: string;
      content: string;
    }[];
    const { metrics } = JSON.parse(config.find(({ file }) => file.endsWith(".json"))?.content ?? "");
    expect(metrics).toEqual({ Tenant: "moh", Location: AGENT });
    const names = metricsOf(
      {
        newest: "2026-11-01T00:00:00Z",
        last: { at: "2026-11-01T00:00:00Z" } as Drill,
        ...{ drilledNow: false, failed: false, problems: [] },
      },
      new Date(),
    ).map(({ MetricName }) => MetricName);
    expect(names.sort()).toEqual(Object.keys(of("hmis", "eu-west-1")).sort());
    expect(NAMESPACE).toBe(alarms[0]?.today.namespace);
  });

  it("reads what tasks and agents of the former version report as well, for one version", () => {
    for (const { today, former, inputs } of backupAlarms()) {
      const { Location, ...others } = today.dimensions;
      expect(former).toEqual({
        ...today,
        namespace: "DHIStance/Copies",
        metricName: today.metricName === "BackupAge" ? "CopyAge" : today.metricName,
        dimensions: { ...others, Place: Location },
      });
      expect(inputs).not.toHaveProperty("metricName");
      expect(inputs).not.toHaveProperty("period");
    }
    const may = ofType(made, "aws:iam/rolePolicy:RolePolicy").flatMap(({ inputs }) => {
      const { Statement } = JSON.parse(inputs.policy as string) as {
        Statement: { Action: string[]; Condition?: { StringEquals: Record<string, unknown> } }[];
      };
      return Statement.filter(({ Action }) => Action.includes("cloudwatch:PutMetricData"));
    });
    expect(may.length).toBeGreaterThan(0);
    for (const { Condition } of may)
      expect(Condition?.StringEquals["cloudwatch:namespace"]).toEqual([
        "DHIStance/Backups",
        "DHIStance/Copies",
      ]);
  });

  it("wakes someone when backups fail, and when none runs", () => {
    const alarms = ofType(made, "aws:cloudwatch/metricAlarm:MetricAlarm").filter(({ name }) =>
      /^moh-vault-(no-)?(backup|copy|restore)(-failed)?$/.test(name),
    );
    expect(
      Object.fromEntries(alarms.map(({ inputs }) => [inputs.metricName, inputs.treatMissingData])),
    ).toEqual({
      NumberOfBackupJobsCompleted: "breaching",
      NumberOfBackupJobsFailed: "notBreaching",
      NumberOfCopyJobsFailed: "notBreaching",
      NumberOfRestoreJobsFailed: "notBreaching",
    });
  });
});

describe("the agent on the customer's own host", () => {
  let agent: Registration;
  let made: Registration[];
  beforeAll(async () => {
    made = await make("premium");
    agent = one(made, "docker:index/container:Container", AGENT);
  });

  it("runs on that host, limited, without privilege, and comes back by itself", () => {
    expect(agent.provider).toBe("office");
    expect(agent.inputs).toMatchObject({
      user: "65534:65534",
      capabilities: { drops: ["ALL"] },
      securityOpts: ["no-new-privileges:true"],
      memory: 2048,
      restart: "unless-stopped",
      mounts: [{ type: "bind", source: "/srv/dhis2", target: "/copies" }],
    });
    expect(agent.inputs.ports).toBeUndefined();
    expect(agent.inputs.privileged).toBeUndefined();
  });

  it("is given its secrets as files, none in its environment", () => {
    expect(agent.secret).toEqual(["uploads"]);
    expect(agent.inputs.envs).toBeUndefined();
    const files = Object.fromEntries(
      (agent.inputs.uploads as { file: string; content: string }[]).map(({ file, content }) => [
        file,
        content,
      ]),
    );
    expect(Object.keys(files)).toHaveLength(6);
    const configuration = files["/run/dhistance/replicate.json"];
    expect(configuration).not.toContain("secret-of-");
    const parsed = JSON.parse(configuration ?? "") as Record<string, unknown> & { rolesAnywhere: object };
    expect(parsed).toMatchObject({ servers: ["hmis", "training"], retentionDays: 180, maxAgeHours: 30 });
    // Taken by the agent as it is.
    const file = path.join(mkdtempSync(path.join(tmpdir(), "agent-")), "replicate.json");
    writeFileSync(file, configuration ?? "");
    expect(readConfiguration(file).drill).toEqual({ everyHours: 156, maxAgeHours: 192, jobs: 2 });
    rmSync(path.dirname(file), { recursive: true });
    expect(parsed["source"]).toMatch(/^s3:https:\/\/s3\.[\w-]+\.amazonaws\.com\/./);
    for (const [name, file] of Object.entries({ ...parsed, ...parsed.rolesAnywhere })) {
      if (typeof file === "string" && file.startsWith("/run/")) expect(files[file], name).toBeTruthy();
    }
  });

  it("keeps its backups under a key that the cloud does not have", () => {
    const uploads = agent.inputs.uploads as { file: string; content: string }[];
    const content = (file: string) => uploads.find((upload) => upload.file.endsWith(file))?.content;
    expect(content("local-password")).toBe(`secret-of-${AGENT}-password`);
    expect(content("local-password")).not.toBe(content("cloud-password"));
    const inAws = made.filter(({ type }) => type.startsWith("aws:"));
    expect(JSON.stringify(inAws)).not.toContain(`secret-of-${AGENT}-password`);
  });

  it("may read the repositories and hold restic's locks, nothing else", () => {
    const { inputs } = one(made, "aws:iam/rolePolicy:RolePolicy", `${AGENT}-policy`);
    const statements = JSON.parse(inputs.policy as string).Statement as {
      Action: string[];
      Resource: string[];
    }[];
    const granted = statements.flatMap(({ Action, Resource }) =>
      Action.flatMap((action) => Resource.map((resource) => `${action} ${resource.split(":").at(-1)}`)),
    );
    const bucket = "moh-vault-repository";
    expect(granted.sort()).toEqual(
      [
        `cloudwatch:PutMetricData *`,
        `kms:Decrypt key/tenant`,
        `kms:GenerateDataKey key/tenant`,
        `s3:DeleteObject ${bucket}/hmis/*/locks/*`,
        `s3:DeleteObject ${bucket}/training/*/locks/*`,
        `s3:GetBucketLocation ${bucket}`,
        `s3:GetObject ${bucket}/hmis/*`,
        `s3:GetObject ${bucket}/training/*`,
        `s3:ListBucket ${bucket}`,
        `s3:PutObject ${bucket}/hmis/*/locks/*`,
        `s3:PutObject ${bucket}/training/*/locks/*`,
      ].sort(),
    );
  });

  it("is known by a certificate of the tenant's own authority and by no long-lived key", () => {
    const role = one(made, "aws:iam/role:Role", AGENT).inputs;
    const [trust] = JSON.parse(role.assumeRolePolicy as string).Statement;
    expect(trust).toMatchObject({
      Principal: { Service: "rolesanywhere.amazonaws.com" },
      Condition: {
        ArnEquals: { "aws:SourceArn": expect.stringContaining("moh-vault-agents") },
        StringEquals: { "aws:PrincipalTag/x509Subject/CN": AGENT },
      },
    });
    const { inputs } = one(made, "tls:index/certRequest:CertRequest", `${AGENT}-request`);
    expect(inputs.subject.commonName).toBe(AGENT);
    expect(ofType(made, "aws:iam/accessKey:AccessKey")).toEqual([]);
  });
});

describe.each(PLANS)("retention on the %s plan", (plan) => {
  const kept = RETENTION[plan];

  it("is what the table says, everywhere, and locked", async () => {
    const made = vaults(await make(plan));
    const [rule] = one(made, "aws:backup/plan:Plan", "moh-vault-plan").inputs.rules;
    expect(rule.lifecycle.deleteAfter).toBe(kept.snapshots);
    expect(rule.copyActions[0].lifecycle.deleteAfter).toBe(kept.snapshots);
    for (const { inputs } of ofType(made, "aws:backup/vaultLockConfiguration:VaultLockConfiguration")) {
      expect(inputs.minRetentionDays).toBe(kept.snapshots);
      expect(inputs.maxRetentionDays).toBeGreaterThanOrEqual(kept.snapshots);
      expect(inputs.changeableForDays).toBe(plan === "enterprise" ? kept.lockGraceDays : undefined);
    }
    const [lock] = ofType(made, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration");
    expect(lock?.inputs.rule.defaultRetention).toEqual({
      mode: plan === "enterprise" ? "COMPLIANCE" : "GOVERNANCE",
      days: kept.portable + 31,
    });
  });
});
