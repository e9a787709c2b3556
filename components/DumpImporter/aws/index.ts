import path from "node:path";
import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { privateBucket } from "../../aws/bucket";
import { serviceRole, useKey, type Statement } from "../../aws/iam";
import { taskDisk, taskRun } from "../../aws/taskRun";
import { runOnce } from "../../aws/runOnce";
import { componentTags } from "../../aws/tags";
import { container, fargateTask } from "../../aws/task";
import { DISK } from "../../../operations/aws/taskRequest";
import { DATABASE_PATIENCE } from "../../../operations/patience";
import { importCommand, SECRETS } from "../../jobs";
import type { Context } from "../../contract/context";
import { resourcesOn, type AwsTarget } from "../../contract/target";
import { verifyDump } from "../dump";
import type { DumpImporterArgs } from "../contract";
import { importedBy, refuseReimport } from "../reimport";

/** The dump in S3, the task that loads it, and its run. */
export function importOnAws(context: Context<DumpImporterArgs, AwsTarget>): pulumi.Stash {
  const { name, args, target, opts } = context;
  const { server, reimport = false } = args;
  const data = resourcesOn("aws", server);
  const tags = componentTags(server.server);

  const object = args.dump.startsWith("s3://") ? objectAt(args.dump) : uploaded(context);
  const task = fargateTask(
    `${name}-task`,
    {
      // Decompressing, parsing and building indexes side by side.
      cpu: data.jobs.cpu,
      memory: data.jobs.memory,
      executionRoleArn: data.executionRoleArn,
      taskRoleArn: serviceRole(
        `${name}-task`,
        {
          service: "ecs-tasks.amazonaws.com",
          accountId: target.platform.accountId,
          statements: object.read,
          tags,
        },
        opts,
      ),
      containers: [
        container({
          name: "import",
          image: target.platform.images.jobs,
          command: importCommand(data.database.address, { ...args, dump: object.address }),
          environment: { AWS_REGION: target.region },
          secrets: { [SECRETS.administrator]: data.passwords.key("administrator") },
          volumes: { [DISK]: "/tmp" },
          logGroup: data.logs.name,
          region: target.region,
        }),
      ],
      // An archive is read in any order, so it has to lie on a disk.
      disk: DISK,
      tags,
    },
    opts,
  );
  const now = importedBy(args);
  return runOnce(
    `${name}-imported`,
    target,
    {
      title: `import into ${server.server}`,
      task: taskRun(target, {
        container: "import",
        taskDefinition: task.arn,
        securityGroup: data.securityGroupId,
        logGroup: data.logs.name,
        disk: taskDisk(target, data.jobs.disks.dump),
        patience: DATABASE_PATIENCE,
      }),
      because: { ...now },
      refuse: (before) => refuseReimport(server.server, before, now, reimport),
      // A running DHIS2 would write what it has cached of the previous database into the new one.
      stops: `${args.tenant.id}-${server.server}-application`,
    },
    { ...opts, dependsOn: [data.prepared] },
  );
}

interface DumpObject {
  address: pulumi.Input<string>;
  read: Statement[];
}

/** A dump that is in S3 already, under whatever key its owner chose; its bucket has to let the task's role read it. */
function objectAt(address: string): DumpObject {
  const arn = `arn:aws:s3:::${address.replace("s3://", "")}`;
  const bucketArn = arn.slice(0, arn.indexOf("/"));
  return {
    address,
    read: [
      { sid: "Dump", actions: ["s3:GetObject"], resources: [arn] },
      {
        // Nobody here knows the key that its owner encrypts it with: any key, and for S3 and this object alone. With a
        // bucket key S3 names the bucket (docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html).
        sid: "DumpKey",
        actions: ["kms:Decrypt"],
        resources: ["arn:aws:kms:*:*:key/*"],
        conditions: {
          StringLike: { "kms:ViaService": "s3.*.amazonaws.com" },
          StringEquals: { "kms:EncryptionContext:aws:s3:arn": [arn, bucketArn] },
        },
      },
    ],
  };
}

/** A file of the machine that runs `pulumi`, in a bucket of the server's own. */
function uploaded({ name, args, target, opts }: Context<DumpImporterArgs, AwsTarget>): DumpObject {
  const { sha256, server } = args;
  const file = path.resolve(args.directory ?? ".", args.dump);
  const tags = componentTags(server.server);
  const bucket = privateBucket(
    `${name}-dumps`,
    { keyArn: target.keyArn, forceDestroy: true, logBucket: target.platform.logBucket, tags },
    opts,
  );
  const verify = new pulumi.ResourceHook(`${name}-verify`, () => verifyDump(file, sha256), {
    onDryRun: true,
  });
  const object = new s3.BucketObjectv2(
    `${name}-dump`,
    { bucket: bucket.name, key: sha256, source: new pulumi.asset.FileAsset(file), tags },
    { ...opts, hooks: { beforeCreate: [verify], beforeUpdate: [verify] } },
  );
  return {
    address: pulumi.interpolate`s3://${object.bucket}/${object.key}`,
    read: [
      { sid: "Dump", actions: ["s3:GetObject"], resources: [pulumi.interpolate`${bucket.arn}/${sha256}`] },
      useKey(target.keyArn, "s3", target.region),
    ],
  };
}
