import * as scheduler from "@pulumi/aws/scheduler";
import type * as pulumi from "@pulumi/pulumi";
import { schedulerInput, taskRequest } from "../../../operations/aws/taskRequest";
import { serviceRole, useKey } from "../../aws/iam";
import { taskDisk, taskRun } from "../../aws/taskRun";
import { componentTags } from "../../aws/tags";
import type { SavedServer, VaultContext } from "./context";

/** A task of a server that runs every day. */
export interface ScheduledTask extends SavedServer {
  /** The name of its container, and in the schedule's. */
  what: string;
  description: string;
  /** Hours of the day, UTC. */
  hours: number[];
  task: { arn: pulumi.Output<string> };
  taskRoleArn: pulumi.Output<string>;
  diskGiB: number;
}

/** Has EventBridge Scheduler start the tasks. */
export function scheduleTasks(
  vault: VaultContext,
  tasks: ScheduledTask[],
  executionRoleArn: pulumi.Output<string>,
): void {
  const { name, target, opts } = vault;
  const roleArn = schedulerRole(vault, tasks, executionRoleArn);
  for (const { what, description, hours, server, aws, task, diskGiB } of tasks) {
    const run = taskRun(target, {
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
        scheduleExpression: `cron(0 ${hours.join(",")} * * ? *)`,
        flexibleTimeWindow: { mode: "FLEXIBLE", maximumWindowInMinutes: 60 },
        kmsKeyArn: target.keyArn,
        target: {
          // The scheduler's own way of starting tasks knows no disks.
          arn: "arn:aws:scheduler:::aws-sdk:ecs:runTask",
          roleArn,
          input: run.apply((task) => schedulerInput(taskRequest(task))),
          retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 3 },
        },
      },
      opts,
    );
  }
}

function schedulerRole(
  { name, target, opts }: VaultContext,
  tasks: ScheduledTask[],
  executionRoleArn: pulumi.Output<string>,
): pulumi.Output<string> {
  const { platform, keyArn, region } = target;
  const passedTo = (service: string) => ({ StringEquals: { "iam:PassedToService": service } });
  return serviceRole(
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
          conditions: passedTo("ecs-tasks.amazonaws.com"),
        },
        {
          sid: "HandOverDisks",
          actions: ["iam:PassRole"],
          resources: [target.diskRoleArn],
          conditions: passedTo("ecs.amazonaws.com"),
        },
        useKey(keyArn, "scheduler", region),
      ],
      tags: componentTags(),
    },
    opts,
  );
}
