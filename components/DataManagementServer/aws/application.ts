import * as ecs from "@pulumi/aws/ecs";
import * as rds from "@pulumi/aws/rds";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import { serviceRole } from "../../aws/iam";
import { taskPlace } from "../../aws/place";
import { isRehearsal, runOnce } from "../../aws/runOnce";
import { secretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { container, fargateTask, type Container, type TaskArgs } from "../../aws/task";
import {
  DATABASE,
  ROLE,
  secureAfterStartCommand,
  secureBeforeStartCommand,
  SECRETS,
  START,
} from "../../jobs";
import { doOnce, remember, valueOf, type RecordArgs } from "../../doOnce";
import { APPLICATION_PORT } from "../../contract/application";
import type { Context } from "../../contract/context";
import { resourcesOn, type AwsTarget } from "../../contract/target";
import { randomPassword } from "../../password";
import { importedAccounts } from "../adminPassword";
import type { AwsData } from "./data";
import { redisOnAws } from "./cluster";
import { dhisConf, type Redis } from "../dhisConf";
import { fingerprint, NONE_IMPORTED, refuseNewEncryption } from "../encryption";
import { DHIS2_IMAGE } from "../image";
import { keepsData } from "../../../plans/plans";
import type { DataManagementServerArgs } from "../contract";
import { HOME, LOGGING, LOGGING_OPTION } from "../logging";
import { SIZE_TERMS } from "../../../plans/sizes";
import { refuseDowngrade } from "../version";

/** What DHIS2's image writes to besides its home (dhis2/docker-deployment, docker-compose.yml). */
const WRITABLE = {
  tmp: "/tmp",
  "tomcat-logs": "/usr/local/tomcat/logs",
  "tomcat-temp": "/usr/local/tomcat/temp",
  "tomcat-work": "/usr/local/tomcat/work",
};

/** The replacement of the default administrator's password, the application, and the opening to the load balancer. */
export function applicationOnAws(
  context: Context<DataManagementServerArgs, AwsTarget>,
  data: AwsData,
  imported: pulumi.Resource | undefined,
): void {
  const { name, args, target, opts } = context;
  const { server, tenant } = args;
  const endpoint = resourcesOn("aws", args.endpoint);
  const { platform, region } = target;
  const tags = componentTags(server);
  const size = SIZE_TERMS[args.size].application;

  // Made even where the import brings one, so that no update has it to delete.
  const ownPassword = randomPassword(`${name}-encryption-password`, 40, {
    ...opts,
    protect: keepsData(args.tenant.plan, args.retire ?? false),
  });
  const encryptionPassword = pulumi.output(args.import?.encryptionPassword ?? ownPassword);
  const { instances = 1 } = args;
  const redis = redisOnAws(context, data);
  const configuration = configurationValue(name, args, data, encryptionPassword, redis, opts);
  const history = remember(
    `${name}-history`,
    {
      because: {
        dhis2: args.dhis2,
        data: args.import?.sha256 ?? NONE_IMPORTED,
        encryption: pulumi.unsecret(encryptionPassword.apply(fingerprint)),
      },
      refuse: (was, is) =>
        refuseDowngrade(server, String(was["dhis2"]), String(is["dhis2"])) ??
        refuseNewEncryption(server, was, is, args.import?.reimport ?? false),
    },
    opts,
  );
  const snapshot = snapshotBefore(name, args.dhis2, data, tags, { ...opts, dependsOn: [history] });
  const { user } = DHIS2_IMAGE;
  const volumes = { home: HOME, ...WRITABLE };
  const taskRoleArn = serviceRole(
    `${name}-application`,
    {
      service: "ecs-tasks.amazonaws.com",
      accountId: platform.accountId,
      statements: [
        {
          sid: "Files",
          actions: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
          resources: [data.fileSystem.arn],
          conditions: { StringEquals: { "elasticfilesystem:AccessPointArn": data.files.accessPointArn } },
        },
      ],
      tags,
    },
    opts,
  );
  const dhis2 = {
    cpu: size.cpus * 1024,
    memory: size.memoryGiB * 1024,
    scratch: size.scratchGiB,
    executionRoleArn: data.executionRoleArn,
    taskRoleArn,
    volumes: Object.keys(volumes),
    files: { files: data.files },
    tags,
  };
  /** @param after containers that have to have ended well first */
  const containers = (after: string[] = []) => [
    // The application reads its passwords from a file that only it can read; its environment holds none, so no
    // child process, crash report or monitoring page shows them.
    container({
      name: "configure",
      image: platform.images.jobs,
      essential: false,
      entryPoint: ["/bin/sh", "-euc"],
      command: [configureScript(user, Object.keys(volumes))],
      // Fargate's empty volumes belong to root; giving them away needs root with this one capability.
      user: "0:0",
      drop: ALL_BUT_CHOWN,
      environment: { DATABASE_HOST: data.database.address, LOGGING },
      secrets: { DHIS_CONF: configuration },
      volumes: Object.fromEntries(Object.keys(volumes).map((volume) => [volume, `/volumes/${volume}`])),
      logGroup: data.logs.name,
      region,
    }),
    container({
      name: "dhis2",
      image: `dhis2/core:${args.dhis2}`,
      after: ["configure", ...after],
      user: `${user}:${user}`,
      environment: {
        DHIS2_HOME: HOME,
        // Read by Tomcat in a container and by the embedded one alike. The rest is for threads and buffers.
        JAVA_TOOL_OPTIONS: `-XX:MaxRAMPercentage=75 -XX:+ExitOnOutOfMemoryError ${LOGGING_OPTION}`,
        // Nothing reads it: other data start the application anew, and with it their migration.
        ...(args.import && { DHISTANCE_DATA: args.import.sha256 }),
      },
      volumes: { ...volumes, files: `${HOME}/files` },
      port: APPLICATION_PORT,
      logGroup: data.logs.name,
      region,
    }),
    // DHIS2 that has failed to start does not end. This container does, and the task with it.
    container({
      name: "watch-start",
      image: platform.images.jobs,
      entryPoint: START,
      command: ["watch"],
      after: ["configure", ...after],
      logGroup: data.logs.name,
      region,
    }),
  ];
  const task = fargateTask(
    `${name}-application`,
    { ...dhis2, containers: containers() },
    { ...opts, dependsOn: [snapshot] },
  );
  // Whatever may have brought other accounts.
  const because = { ...importedAccounts(args), secured: "by DHIS2 itself" };
  const secured = secureAdmin(
    name,
    args,
    target,
    data,
    because,
    redis,
    { ...dhis2, containers },
    {
      ...opts,
      dependsOn: [snapshot, data.prepared, ...(imported ? [imported] : [])],
    },
  );
  const service = new ecs.Service(
    `${name}-application`,
    {
      cluster: platform.cluster.arn,
      taskDefinition: task.arn,
      launchType: "FARGATE",
      desiredCount: instances,
      // Two versions of DHIS2 on one database would migrate it under each other: stop first, then start.
      deploymentMinimumHealthyPercent: 0,
      deploymentMaximumPercent: 100,
      // A failing start is stopped, and not rolled back: the migrated database does not fit the older version.
      deploymentCircuitBreaker: { enable: true, rollback: false },
      // The start gate: only after it does a failing health check (the endpoint's) count. A container's own health
      // check cannot take its place, since ECS gives it 300 s for the start and a migration takes hours.
      healthCheckGracePeriodSeconds: size.startSeconds,
      loadBalancers: [
        {
          targetGroupArn: endpoint.targetGroupArn,
          containerName: "dhis2",
          containerPort: APPLICATION_PORT,
        },
      ],
      networkConfiguration: {
        subnets: platform.network.taskSubnetIds,
        securityGroups: [data.securityGroupId],
        assignPublicIp: platform.network.assignPublicIp,
      },
      enableEcsManagedTags: true,
      propagateTags: "SERVICE",
      tags: { ...tags, Name: name },
    },
    { ...opts, dependsOn: [secured] },
  );
  const open = new vpc.SecurityGroupIngressRule(
    `${name}-open`,
    {
      securityGroupId: data.securityGroupId,
      referencedSecurityGroupId: platform.balancer.securityGroupId,
      description: "The load balancer, once the default administrator is gone",
      ipProtocol: "tcp",
      fromPort: APPLICATION_PORT,
      toPort: APPLICATION_PORT,
      tags,
    },
    { ...opts, dependsOn: [secured] },
  );

  doOnce(
    `${name}-started`,
    {
      title: `start of DHIS2 on ${server}`,
      rehearsal: isRehearsal(platform.cluster.arn),
      because: { taskDefinition: task.arn, ...because },
      work: async (show) => {
        const { startOrWait } = await import("../../../operations/aws/service");
        const [id, logGroup] = await valueOf(pulumi.all([service.id, data.logs.name]));
        const { arn: cluster } = platform.cluster;
        const patience = size.startSeconds + 900;
        await startOrWait(
          `start of DHIS2 on ${server}`,
          { region, cluster, service: id, container: "dhis2", logGroup, patience },
          instances,
          show,
        );
      },
    },
    { ...opts, dependsOn: [open] },
  );

  const watch = { topicArn: platform.alertsTopicArn, tags };
  const serviceMetrics = {
    ...watch,
    namespace: "AWS/ECS",
    dimensions: { ClusterName: platform.cluster.name, ServiceName: service.name },
    statistic: "Average",
    above: 90,
    period: 300,
    periods: 6,
  } as const;
  for (const [metric, what] of [
    ["CPUUtilization", "cpu"],
    ["MemoryUtilization", "memory"],
  ] as const) {
    alarm(
      `${name}-application-${what}`,
      {
        ...serviceMetrics,
        says: `DHIS2 on ${server} (${tenant.id}) has used more than 90% of its ${what} for half an hour.`,
        section: `application-${what}`,
        metric,
      },
      opts,
    );
  }
  alarm(
    `${name}-unhealthy`,
    {
      ...watch,
      says: `DHIS2 on ${server} (${tenant.id}) does not answer: ${args.hostname} is down.`,
      section: "unhealthy",
      namespace: "AWS/ApplicationELB",
      metric: "HealthyHostCount",
      dimensions: {
        LoadBalancer: platform.balancer.arnSuffix,
        TargetGroup: endpoint.targetGroupSuffix,
      },
      statistic: "Maximum",
      below: 1,
      period: 60,
      periods: 5,
      silence: "breaching",
    },
    // Before, it is meant to be down.
    { ...opts, dependsOn: [open] },
  );
}

/** `dhis.conf`, in the place kept for it. */
function configurationValue(
  name: string,
  args: DataManagementServerArgs,
  data: AwsData,
  encryptionPassword: pulumi.Output<string>,
  redis: Redis | undefined,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const text = pulumi
    .all([data.database.address, data.rolePassword, encryptionPassword, pulumi.output(redis)])
    .apply(([host, password, encryption, redis]) =>
      dhisConf({
        hostname: args.hostname,
        database: { host, name: DATABASE, user: ROLE, password, parameters: { sslmode: "require" } },
        encryptionPassword: encryption,
        ...(redis && { redis }),
      }),
    );
  return secretValue(`${name}-configuration-value`, data.configuration, text, opts).whole;
}

/**
 * The database as it was before this version of DHIS2 first touched it: a change of version waits for it, and the
 * one of the version before is then deleted. A migration has no way back but this.
 */
function snapshotBefore(
  name: string,
  dhis2: string,
  data: AwsData,
  tags: Record<string, string>,
  opts: pulumi.CustomResourceOptions,
): rds.Snapshot {
  return new rds.Snapshot(
    `${name}-before-upgrade`,
    {
      dbInstanceIdentifier: data.database.identifier,
      dbSnapshotIdentifier: pulumi.interpolate`${data.database.identifier}-before-${dhis2.toLowerCase().replace(/[^0-9a-z]/g, "-")}`,
      tags,
    },
    // Hundreds of gigabytes take longer than the provider's 20 minutes.
    { ...opts, customTimeouts: { create: "4h" } },
  );
}

/**
 * A first start of DHIS2 in a task of its own, which nothing but the job in it reaches, while the service is stopped. The
 * tasks of the service begin after it, each with an empty cache of accounts. Once for each database that comes.
 */
function secureAdmin(
  name: string,
  args: DataManagementServerArgs,
  target: AwsTarget,
  data: AwsData,
  because: RecordArgs["because"],
  redis: Redis | undefined,
  { containers, ...dhis2 }: Omit<TaskArgs, "containers"> & { containers: (after: string[]) => Container[] },
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const { startSeconds } = SIZE_TERMS[args.size].application;
  const { region, platform } = target;
  const job = (what: string, command: pulumi.Input<string[]>, passwords: (keyof typeof SECRETS & string)[]) =>
    container({
      name: what,
      image: platform.images.jobs,
      command,
      secrets: Object.fromEntries(
        passwords.map((password) => [SECRETS[password], data.passwords.key(password)]),
      ),
      volumes: { [`scratch-${what}`]: "/tmp" },
      logGroup: data.logs.name,
      region,
      essential: what !== BEFORE_START,
    });
  const task = fargateTask(
    `${name}-secure-admin`,
    {
      ...dhis2,
      containers: [
        job(
          BEFORE_START,
          secureBeforeStartCommand(
            data.database.address,
            redis && pulumi.interpolate`rediss://${redis.host}:${redis.port}`,
          ),
          ["role", "admin", "formerAdmin", ...(redis ? (["redis"] as const) : [])],
        ),
        ...containers([BEFORE_START]),
        // The task ends with it.
        job(
          "secure-admin",
          pulumi.output(secureAfterStartCommand(`http://127.0.0.1:${APPLICATION_PORT}`, startSeconds)),
          ["admin"],
        ),
      ],
      volumes: [...(dhis2.volumes ?? []), `scratch-${BEFORE_START}`, "scratch-secure-admin"],
    },
    opts,
  );
  return runOnce(
    `${name}-secured`,
    target,
    {
      title: `replacement of ${args.server}'s default administrator password`,
      task: taskPlace(target, {
        container: "secure-admin",
        taskDefinition: task.arn,
        securityGroup: data.securityGroupId,
        logGroup: data.logs.name,
        patience: startSeconds + 600,
      }),
      because,
      stops: `${name}-application`,
    },
    opts,
  );
}

/** The container of that task that works on the database. */
const BEFORE_START = "secure-before-start";

/** Docker's default capabilities without CHOWN. */
const ALL_BUT_CHOWN = [
  "AUDIT_WRITE",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
];

/**
 * Writes `dhis.conf` and the settings of logging, hands the volumes to the image's user, and waits for the database: DHIS2
 * that finds none fails to start. ECS lets it wait for three minutes at most; then it starts another task.
 */
function configureScript(user: number, volumes: string[]): string {
  return [
    "umask 077",
    'printf %s "$DHIS_CONF" > /volumes/home/dhis.conf',
    'printf %s "$LOGGING" > /volumes/home/log4j2.xml',
    "mkdir -p /volumes/home/files",
    "chmod 400 /volumes/home/dhis.conf /volumes/home/log4j2.xml",
    `chown ${user}:${user} /volumes/home/dhis.conf /volumes/home/log4j2.xml /volumes/home/files ${volumes.map((volume) => `/volumes/${volume}`).join(" ")}`,
    `timeout 100 sh -c 'until pg_isready --quiet --host="$DATABASE_HOST"; do sleep 1; done' || {`,
    '  echo "The database $DATABASE_HOST does not answer. This task ends, and ECS starts another."',
    "  exit 1",
    "}",
  ].join("\n");
}
