import * as pulumi from "@pulumi/pulumi";
import type { AwsTarget } from "../contract/target";
import type { TaskDisk, TaskRun } from "../../operations/aws/taskRequest";

export interface TaskOfTenant {
  container: string;
  taskDefinition: pulumi.Input<string>;
  securityGroup: pulumi.Input<string>;
  logGroup: pulumi.Input<string>;
  /** @default none */
  disk?: pulumi.Input<TaskDisk>;
  /** Seconds to wait for its end. */
  patience: number;
}

/** A task in the platform's cluster and subnets. */
export function taskRun({ platform, region }: AwsTarget, task: TaskOfTenant): pulumi.Output<TaskRun> {
  return pulumi
    .all([task.taskDefinition, task.securityGroup, task.logGroup, pulumi.output(task.disk)])
    .apply(([taskDefinition, securityGroup, logGroup, disk]) => ({
      region,
      cluster: platform.cluster.arn,
      taskDefinition,
      container: task.container,
      subnets: platform.network.taskSubnetIds,
      securityGroups: [securityGroup],
      assignPublicIp: platform.network.assignPublicIp,
      logGroup,
      ...(disk && { disk }),
      patience: task.patience,
    }));
}

/** The tenant's disk of so many GiB: made for one task, under the tenant's key, and deleted with the task. */
export function taskDisk({ keyArn, diskRoleArn }: AwsTarget, sizeGiB: number): pulumi.Output<TaskDisk> {
  return pulumi.all([keyArn, diskRoleArn]).apply(([key, roleArn]) => ({ sizeGiB, keyArn: key, roleArn }));
}
