import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as ec2 from "@pulumi/aws/ec2";
import * as efs from "@pulumi/aws/efs";
import * as vpc from "@pulumi/aws/vpc";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument } from "../../aws/iam";
import { taskPlace } from "../../aws/place";
import { runOnce } from "../../aws/runOnce";
import { secretPlace, secretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { container, executionRole, fargateTask } from "../../aws/task";
import { DATABASE, prepareCommand, ROLE, SECRETS } from "../../jobs";
import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import { adminPassword } from "../adminPassword";
import { databaseOnAws, LOG_DAYS } from "./database";
import { keepsData } from "../../../plans/plans";
import { randomPassword } from "../../password";
import type { AwsServer, DataManagementServerArgs } from "../contract";
import { jobDisks, jobTerms } from "../sizes";

/** A server's data, for its own application. */
export interface AwsData extends AwsServer {
  /** The value of `role`, which `dhis.conf` holds. */
  rolePassword: pulumi.Output<string>;
  /** The value of `redis`. @default there is one instance of DHIS2, and no Redis */
  redisPassword?: pulumi.Output<string>;
}

/** Network, secrets, database, file store, and the preparation of the database. */
export function dataOnAws(context: Context<DataManagementServerArgs, AwsTarget>): AwsData {
  const { name, args, target, opts } = context;
  const { tenant, server } = args;
  const { platform, keyArn, region } = target;
  const tags = componentTags(server);

  const groups = securityGroups(name, platform.network.vpcId, tags, opts);
  const logs = new cloudwatch.LogGroup(
    `${name}-logs`,
    { name: `/dhistance/${tenant.id}/${server}`, retentionInDays: LOG_DAYS, kmsKeyId: keyArn, tags },
    opts,
  );
  const administratorPassword = randomPassword(`${name}-administrator-password`, 40, opts);
  const rolePassword = randomPassword(`${name}-role-password`, 40, opts);
  const redisPassword =
    (args.instances ?? 1) > 1 ? randomPassword(`${name}-redis-password`, 40, opts) : undefined;
  const secret = (suffix: string, description: string) =>
    secretPlace(`${name}-${suffix}`, { description, keyArn, tags }, opts);
  const passwords = secret(
    "passwords",
    `Passwords of ${server}'s database, and of DHIS2's first administrator`,
  );
  const configuration = secret("configuration", `dhis.conf of ${server}`);
  const formerAdmin = randomPassword(`${name}-admin-password`, 24, opts);
  const passwordValues = secretValue(
    `${name}-passwords-value`,
    passwords,
    pulumi.jsonStringify({
      administrator: administratorPassword,
      role: rolePassword,
      admin: formerAdmin.apply(adminPassword),
      formerAdmin,
      ...(redisPassword && { redis: redisPassword }),
    }),
    opts,
  );
  const database = databaseOnAws(context, { securityGroupId: groups.data, administratorPassword });
  const { fileSystem, files } = fileStore(
    name,
    target,
    groups.data,
    keepsData(args.tenant.plan, args.retire ?? false),
    tags,
    opts,
  );

  const executionRoleArn = executionRole(
    `${name}-execution`,
    target,
    { logGroups: [logs.arn], secrets: [passwords.arn, configuration.arn], tags },
    opts,
  );

  const task = fargateTask(
    `${name}-prepare`,
    {
      cpu: 256,
      memory: 512,
      executionRoleArn,
      containers: [
        container({
          name: "prepare",
          image: platform.images.jobs,
          command: prepareCommand(database.address),
          secrets: {
            [SECRETS.administrator]: passwordValues.key("administrator"),
            [SECRETS.role]: passwordValues.key("role"),
          },
          volumes: { scratch: "/tmp" },
          logGroup: logs.name,
          region,
        }),
      ],
      volumes: ["scratch"],
      tags,
    },
    opts,
  );
  const prepared = runOnce(
    `${name}-prepared`,
    target,
    {
      title: `preparation of ${server}'s database`,
      task: taskPlace(target, {
        container: "prepare",
        taskDefinition: task.arn,
        securityGroup: groups.tasks,
        logGroup: logs.name,
        patience: 900,
      }),
      because: { database: DATABASE, role: ROLE },
    },
    { ...opts, dependsOn: groups.rules },
  );

  return {
    database,
    fileSystem,
    files,
    securityGroupId: groups.tasks,
    logs,
    executionRoleArn,
    passwordsArn: passwords.arn,
    passwords: passwordValues,
    rolePassword,
    ...(redisPassword && { redisPassword }),
    configuration,
    prepared,
    jobs: { ...jobTerms(args.size), disks: jobDisks(args.size) },
    keepsData: keepsData(args.tenant.plan, args.retire ?? false),
  };
}

/** Two groups: the tasks, which may go out, and the data, which let in the tasks and nothing else. */
function securityGroups(
  name: string,
  vpcId: string,
  tags: Record<string, string>,
  opts: pulumi.CustomResourceOptions,
) {
  const group = (suffix: string, description: string) =>
    new ec2.SecurityGroup(
      `${name}-${suffix}`,
      { vpcId, description, revokeRulesOnDelete: true, tags: { ...tags, Name: `${name}-${suffix}` } },
      opts,
    ).id;
  const tasks = group("tasks", "Application and jobs");
  const data = group("data", "Database and files");
  const rules: pulumi.Resource[] = [];
  const outwards = {
    https: { port: 443, description: "Registry, secrets, logs, and what DHIS2 exchanges data with" },
    "mail-starttls": { port: 587, description: "Mail that DHIS2 sends" },
    "mail-tls": { port: 465, description: "Mail that DHIS2 sends" },
  };
  for (const [what, { port, description }] of Object.entries(outwards)) {
    rules.push(
      new vpc.SecurityGroupEgressRule(
        `${name}-tasks-${what}`,
        {
          securityGroupId: tasks,
          description,
          ipProtocol: "tcp",
          fromPort: port,
          toPort: port,
          cidrIpv4: "0.0.0.0/0",
          tags,
        },
        opts,
      ),
    );
  }
  for (const [what, port] of Object.entries({ database: 5432, files: 2049 })) {
    const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, tags };
    rules.push(
      new vpc.SecurityGroupEgressRule(
        `${name}-tasks-${what}`,
        { ...rule, securityGroupId: tasks, referencedSecurityGroupId: data, description: `To the ${what}` },
        opts,
      ),
      new vpc.SecurityGroupIngressRule(
        `${name}-data-${what}`,
        {
          ...rule,
          securityGroupId: data,
          referencedSecurityGroupId: tasks,
          description: `The ${what}, from tasks`,
        },
        opts,
      ),
    );
  }
  return { tasks, data, rules };
}

/** DHIS2's file store: encrypted, in every zone, reached over TLS through one access point. */
function fileStore(
  name: string,
  target: AwsTarget,
  securityGroupId: pulumi.Output<string>,
  protect: boolean,
  tags: Record<string, string>,
  opts: pulumi.CustomResourceOptions,
) {
  const fileSystem = new efs.FileSystem(
    `${name}-files`,
    {
      encrypted: true,
      kmsKeyId: target.keyArn,
      throughputMode: "elastic",
      lifecyclePolicies: [{ transitionToIa: "AFTER_30_DAYS" }],
      tags: { ...tags, Name: `${name}-files` },
    },
    { ...opts, protect },
  );
  const accessPoint = new efs.AccessPoint(
    `${name}-files-access`,
    {
      fileSystemId: fileSystem.id,
      // Whoever comes in is this user: the image's own changed between DHIS2 41 and 42, the files' owner does not.
      posixUser: { uid: 65534, gid: 65534 },
      rootDirectory: {
        path: "/files",
        creationInfo: { ownerUid: 65534, ownerGid: 65534, permissions: "0750" },
      },
      tags: { ...tags, Name: `${name}-files` },
    },
    opts,
  );
  const policy = new efs.FileSystemPolicy(
    `${name}-files-policy`,
    {
      fileSystemId: fileSystem.id,
      policy: policyDocument([
        {
          sid: "OnlyOverTls",
          effect: "Deny",
          principal: { AWS: "*" },
          actions: ["elasticfilesystem:Client*"],
          resources: [fileSystem.arn],
          conditions: { Bool: { "aws:SecureTransport": "false" } },
        },
        {
          sid: "OnlyThroughTheAccessPoint",
          effect: "Deny",
          principal: { AWS: "*" },
          actions: ["elasticfilesystem:Client*"],
          resources: [fileSystem.arn],
          conditions: {
            StringNotEquals: { "elasticfilesystem:AccessPointArn": accessPoint.arn },
          },
        },
      ]),
    },
    opts,
  );
  const mountTargets = target.platform.network.taskSubnetIds.map(
    (subnetId, index) =>
      new efs.MountTarget(
        `${name}-files-mount-${index}`,
        { fileSystemId: fileSystem.id, subnetId, securityGroups: [securityGroupId] },
        opts,
      ),
  );
  // Known once it can be mounted.
  const fileSystemId = pulumi
    .all([fileSystem.id, policy.id, ...mountTargets.map((mount) => mount.id)])
    .apply(([id]) => id as string);
  return {
    fileSystem,
    files: { fileSystemId, accessPointId: accessPoint.id, accessPointArn: accessPoint.arn },
  };
}
