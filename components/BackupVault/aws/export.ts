import * as scheduler from "@pulumi/aws/scheduler";
import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { serviceRole, useKey } from "../../aws/iam";
import { taskDisk, taskPlace } from "../../aws/place";
import { randomPassword, secretPlace, secretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { container, executionRole, fargateTask } from "../../aws/task";
import { DISK, schedulerInput, taskRequest } from "../../../operations/aws/taskRequest";
import { exportCommand, FILES_PATH, SECRETS } from "../../jobs";
import type { AwsTarget } from "../../contract/target";
import { keepsBackups, type Repository } from ".";
import { drillTask } from "./drill";
import type { BackupVaultArgs } from "..";

/** What is needed to read what the exports have written, and to know it for theirs. */
export interface ExportKeys {
  /** Of the repositories. */
  password: pulumi.Output<string>;
  /** Verifies the signatures; PEM. */
  publicKey: pulumi.Output<string>;
}

/**
 * Two daily tasks for each server: one writes database, files and settings into the portable repository; one looks at
 * what is there, and proves it once a week by restoring it.
 */
export function exportOnAws(
  parent: pulumi.Resource,
  name: string,
  args: BackupVaultArgs,
  target: AwsTarget,
  repository: Repository,
): ExportKeys {
  const { servers, tenant } = args;
  const { platform, keyArn, region } = target;
  const opts = { parent };
  const keep = { ...opts, protect: keepsBackups(args) };

  const place = secretPlace(
    `${name}-repository-password`,
    {
      description: "Password of the portable repositories in the cloud",
      keyArn,
      tags: componentTags(),
    },
    opts,
  );
  const password = randomPassword(`${name}-repository-password`, 40, keep);
  const passwordValue = secretValue(`${name}-repository-password-value`, place, password, opts);
  const signing = new PrivateKey(`${name}-signing-key`, { algorithm: "ED25519" }, keep);
  const signingPlace = secretPlace(
    `${name}-signing-key`,
    { description: "Signs the manifests of the portable exports", keyArn, tags: componentTags() },
    opts,
  );
  const signingKey = secretValue(`${name}-signing-key-value`, signingPlace, signing.privateKeyPemPkcs8, opts);
  const executionRoleArn = executionRole(
    `${name}-export-execution`,
    target,
    {
      logGroups: servers.map(({ aws }) => aws.logs.arn),
      secrets: [
        ...[place.arn, signingPlace.arn],
        ...servers.flatMap(({ aws }) => [aws.passwordsArn, aws.configuration.arn]),
      ],
      tags: componentTags(),
    },
    opts,
  );

  const tasks = servers.flatMap((dataServer) => {
    const { server, aws } = dataServer;
    const tags = componentTags(server);
    const taskRoleArn = serviceRole(
      `${name}-export-${server}`,
      {
        service: "ecs-tasks.amazonaws.com",
        accountId: platform.accountId,
        statements: [
          {
            sid: "List",
            actions: ["s3:GetBucketLocation", "s3:ListBucket"],
            resources: [repository.arn],
          },
          {
            sid: "Write",
            actions: ["s3:GetObject", "s3:PutObject"],
            resources: [pulumi.interpolate`${repository.arn}/${server}/*`],
          },
          {
            // restic's own locks are the only objects it takes away.
            sid: "Unlock",
            actions: ["s3:DeleteObject"],
            resources: [pulumi.interpolate`${repository.arn}/${server}/*/locks/*`],
          },
          {
            sid: "Files",
            actions: ["elasticfilesystem:ClientMount"],
            resources: [aws.fileSystem.arn],
            conditions: { StringEquals: { "elasticfilesystem:AccessPointArn": aws.files.accessPointArn } },
          },
          useKey(keyArn, "s3", region),
        ],
        tags,
      },
      opts,
    );
    const task = fargateTask(
      `${name}-export-${server}`,
      {
        cpu: aws.jobs.cpu,
        memory: aws.jobs.memory,
        executionRoleArn,
        taskRoleArn,
        containers: [
          container({
            name: "export",
            image: platform.images.jobs,
            command: exportCommand(
              aws.database.address,
              server,
              pulumi.interpolate`s3:https://s3.${region}.amazonaws.com/${repository.name}/${server}`,
            ),
            environment: { AWS_REGION: region },
            secrets: {
              [SECRETS.administrator]: aws.passwords.key("administrator"),
              [SECRETS.repository]: passwordValue.whole,
              [SECRETS.signing]: signingKey.whole,
              [SECRETS.configuration]: aws.configuration.arn,
            },
            volumes: { [DISK]: "/tmp", files: FILES_PATH },
            readOnlyVolumes: ["files"],
            logGroup: aws.logs.name,
            region,
          }),
        ],
        disk: DISK,
        files: { files: aws.files },
        tags,
      },
      opts,
    );
    const drill = drillTask(
      `${name}-drill-${server}`,
      dataServer,
      {
        ...{ tenant: tenant.id, repository, executionRoleArn, password: passwordValue.whole },
        publicKey: signing.publicKeyPem,
      },
      target,
      opts,
    );
    // After the database's own windows; spread, so that not all servers are read at once.
    const exported = {
      what: "export",
      description: `Portable export of ${server}`,
      hour: 3,
      task,
      taskRoleArn,
      diskGiB: aws.jobs.disks.dump,
    };
    const drilled = {
      what: "drill",
      description: `Copies of ${server}, looked at and proven`,
      hour: 6,
      ...drill,
    };
    return [exported, drilled].map((run) => ({ ...run, server, aws }));
  });

  const schedulerRole = serviceRole(
    `${name}-schedule`,
    {
      service: "scheduler.amazonaws.com",
      accountId: platform.accountId,
      statements: [
        {
          sid: "Start",
          actions: ["ecs:RunTask"],
          resources: tasks.map(({ task }) => task.arn),
          conditions: { ArnEquals: { "ecs:cluster": platform.cluster.arn } },
        },
        {
          // Without it ECS refuses to start a task that is given tags.
          sid: "Tag",
          actions: ["ecs:TagResource"],
          resources: [
            `arn:aws:ecs:${region}:${platform.accountId}:task/${platform.cluster.arn.split("/").at(-1)}/*`,
          ],
          conditions: { StringEquals: { "ecs:CreateAction": "RunTask" } },
        },
        {
          sid: "HandOverRoles",
          actions: ["iam:PassRole"],
          resources: [executionRoleArn, ...tasks.map(({ taskRoleArn }) => taskRoleArn)],
          conditions: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
        },
        {
          sid: "HandOverDisks",
          actions: ["iam:PassRole"],
          resources: [target.diskRoleArn],
          conditions: { StringEquals: { "iam:PassedToService": "ecs.amazonaws.com" } },
        },
        useKey(keyArn, "scheduler", region),
      ],
      tags: componentTags(),
    },
    opts,
  );
  for (const { what, description, hour, server, aws, task, diskGiB } of tasks) {
    const place = taskPlace(target, {
      container: what,
      taskDefinition: task.arn,
      securityGroup: aws.securityGroupId,
      logGroup: aws.logs.name,
      disk: taskDisk(target, diskGiB),
      patience: 0,
    });
    new scheduler.Schedule(
      `${name}-${what}-${server}`,
      {
        description,
        scheduleExpression: `cron(0 ${hour} * * ? *)`,
        flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 60 },
        kmsKeyArn: keyArn,
        target: {
          // The scheduler's own way of starting tasks knows no disks.
          arn: "arn:aws:scheduler:::aws-sdk:ecs:runTask",
          roleArn: schedulerRole,
          input: place.apply((run) => schedulerInput(taskRequest(run))),
          retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 3 },
        },
      },
      opts,
    );
  }
  return { password, publicKey: signing.publicKeyPem };
}
