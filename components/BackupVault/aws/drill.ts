import * as pulumi from "@pulumi/pulumi";
import { serviceRole, useKey } from "../../aws/iam";
import { componentTags } from "../../aws/tags";
import { container, fargateTask } from "../../aws/task";
import { DISK } from "../../../operations/aws/taskRequest";
import { drillCommand, SECRETS } from "../../jobs";
import type { Repository, SavedServer, VaultContext } from "./context";
import type { ScheduledTask } from "./schedule";
import { DRILL_EVERY_HOURS, DRILL_HOURS, PORTABLE_HOURS } from "../../../plans/thresholds";
import { dimensions, REPORT, watchBackups } from "./watchBackups";

export interface DrillArgs {
  repository: Repository;
  executionRoleArn: pulumi.Input<string>;
  /** ARN of the secret that holds the repositories' password. */
  password: pulumi.Input<string>;
  /** Verifies the signatures; PEM. */
  publicKey: pulumi.Input<string>;
}

const DAY = 86_400;

/**
 * A task that checks a server's backups in the cloud, restores the newest into a throwaway database once a week, and
 * reports what it found. It may read the backups, and write nothing but its own figures beside them.
 */
export function drillTask(
  name: string,
  { target, args: { tenant }, opts }: VaultContext,
  { server, aws }: SavedServer,
  args: DrillArgs,
): ScheduledTask {
  const { platform, keyArn, region } = target;
  const { repository } = args;
  const tags = componentTags(server);
  const taskRoleArn = serviceRole(
    name,
    {
      service: "ecs-tasks.amazonaws.com",
      accountId: platform.accountId,
      statements: [
        { sid: "List", actions: ["s3:GetBucketLocation", "s3:ListBucket"], resources: [repository.arn] },
        {
          sid: "Read",
          actions: ["s3:GetObject"],
          resources: [pulumi.interpolate`${repository.arn}/${server}/*`],
        },
        {
          sid: "KeepFigures",
          actions: ["s3:PutObject"],
          resources: ["drill", "checks"].map(
            (figures) => pulumi.interpolate`${repository.arn}/${server}/${figures}.json`,
          ),
        },
        REPORT,
        useKey(keyArn, "s3", region),
      ],
      tags,
    },
    opts,
  );
  const watched = { tenant: tenant.id, server, location: region };
  const task = fargateTask(
    name,
    {
      cpu: aws.jobs.cpu,
      memory: aws.jobs.memory,
      executionRoleArn: args.executionRoleArn,
      taskRoleArn,
      containers: [
        container({
          name: "drill",
          image: platform.images.jobs,
          command: drillCommand(
            pulumi.interpolate`s3:https://s3.${region}.amazonaws.com/${repository.name}/${server}`,
            {
              dimensions: dimensions(watched),
              everyHours: DRILL_EVERY_HOURS,
              maxAgeHours: PORTABLE_HOURS,
              maxDrillAgeHours: DRILL_HOURS,
            },
          ),
          environment: { AWS_REGION: region, [SECRETS.publicKey]: args.publicKey },
          secrets: { [SECRETS.repository]: args.password },
          volumes: { [DISK]: "/tmp" },
          logGroup: aws.logs.name,
          region,
        }),
      ],
      disk: DISK,
      tags,
    },
    opts,
  );
  watchBackups(name, watched, { target, period: DAY, opts });
  return {
    what: "drill",
    description: `Copies of ${server}, looked at and proven`,
    // Twice: at the later hour a backup that one failed night has left out is overdue.
    hours: [6, 11],
    server,
    aws,
    task,
    taskRoleArn,
    diskGiB: aws.jobs.disks.drill,
  };
}
