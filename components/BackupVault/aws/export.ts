import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { DISK } from "../../../operations/aws/taskRequest";
import { serviceRole, useKey } from "../../aws/iam";
import { emptySecret, secretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { container, executionRole, fargateTask } from "../../aws/task";
import { exportCommand, FILES_PATH, SECRETS } from "../../jobs";
import { randomPassword } from "../../password";
import type { ExportKeys, Repository, SavedServer, VaultContext } from "./context";
import { drillTask } from "./drill";
import { scheduleTasks, type ScheduledTask } from "./schedule";

/** What the tasks of every server are made with. */
interface ExportContext extends VaultContext {
  repository: Repository;
  keys: StoredKeys;
  executionRoleArn: pulumi.Output<string>;
}

/**
 * Two daily tasks for each server: one writes database, files and settings into the portable repository; one looks at
 * what is there, and proves it once a week by restoring it.
 */
export function exportOnAws(vault: VaultContext, repository: Repository): ExportKeys {
  const { name, target, opts, servers } = vault;
  const keys = storedKeys(vault);
  const executionRoleArn = executionRole(
    `${name}-export-execution`,
    target,
    {
      logGroups: servers.map(({ aws }) => aws.logs.arn),
      secrets: [
        ...keys.secretArns,
        ...servers.flatMap(({ aws }) => [aws.passwordsArn, aws.configuration.arn]),
      ],
      tags: componentTags(),
    },
    opts,
  );
  const context = { ...vault, repository, keys, executionRoleArn };
  const tasks = servers.flatMap((server) => [exportTask(context, server), drillOf(context, server)]);
  scheduleTasks(vault, tasks, executionRoleArn);
  return keys;
}

interface StoredKeys extends ExportKeys {
  /** As a container's `secrets` refer to them. */
  passwordSecret: pulumi.Output<string>;
  signingSecret: pulumi.Output<string>;
}

/** The repositories' password and the key that signs the exports, in the state and in Secrets Manager. */
function storedKeys({ name, target: { keyArn }, opts, keepsBackups }: VaultContext): StoredKeys {
  const keep = { ...opts, protect: keepsBackups };
  // The repositories are locked longer than the stack may live, and cannot be read without these.
  const outlives = { ...opts, retainOnDelete: true };
  const secret = (what: string, description: string) =>
    emptySecret(`${name}-${what}`, { description, keyArn, tags: componentTags() }, outlives);
  const passwordSecret = secret("repository-password", "Password of the portable repositories in the cloud");
  const password = randomPassword(`${name}-repository-password`, 40, keep);
  const signing = new PrivateKey(`${name}-signing-key`, { algorithm: "ED25519" }, keep);
  const signingSecret = secret("signing-key", "Signs the manifests of the portable exports");
  return {
    password,
    publicKey: signing.publicKeyPem,
    secretArns: [passwordSecret.arn, signingSecret.arn],
    passwordSecret: secretValue(`${name}-repository-password-value`, passwordSecret, password, outlives)
      .whole,
    signingSecret: secretValue(
      `${name}-signing-key-value`,
      signingSecret,
      signing.privateKeyPemPkcs8,
      outlives,
    ).whole,
  };
}

function drillOf(context: ExportContext, server: SavedServer): ScheduledTask {
  const { name, repository, keys, executionRoleArn } = context;
  return drillTask(`${name}-drill-${server.server}`, context, server, {
    repository,
    executionRoleArn,
    password: keys.passwordSecret,
    publicKey: keys.publicKey,
  });
}

function exportTask(context: ExportContext, { server, aws }: SavedServer): ScheduledTask {
  const { name, target, opts, repository, keys, executionRoleArn } = context;
  const { platform, region } = target;
  const taskRoleArn = exportRole(context, { server, aws });
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
            [SECRETS.repository]: keys.passwordSecret,
            [SECRETS.signing]: keys.signingSecret,
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
      tags: componentTags(server),
    },
    opts,
  );
  return {
    what: "export",
    description: `Portable export of ${server}`,
    // After the database's own windows; spread, so that not all servers are read at once.
    hours: [3],
    server,
    aws,
    task,
    taskRoleArn,
    diskGiB: aws.jobs.disks.dump,
  };
}

function exportRole(
  { name, target, opts, repository }: ExportContext,
  { server, aws }: SavedServer,
): pulumi.Output<string> {
  return serviceRole(
    `${name}-export-${server}`,
    {
      service: "ecs-tasks.amazonaws.com",
      accountId: target.platform.accountId,
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
        useKey(target.keyArn, "s3", target.region),
      ],
      tags: componentTags(server),
    },
    opts,
  );
}
