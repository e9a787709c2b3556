import * as pulumi from "@pulumi/pulumi";
import type { AwsTarget } from "../target";
import type { TaskRun } from "./run-task";

export interface PlacedTask {
  container: string;
  taskDefinition: pulumi.Input<string>;
  securityGroup: pulumi.Input<string>;
  logGroup: pulumi.Input<string>;
  /** Seconds to wait for its end. */
  patience: number;
}

/** A task in the platform's cluster and subnets. */
export function taskPlace({ platform, region }: AwsTarget, task: PlacedTask): pulumi.Output<TaskRun> {
  return pulumi
    .all([task.taskDefinition, task.securityGroup, task.logGroup])
    .apply(([taskDefinition, securityGroup, logGroup]) => ({
      region,
      cluster: platform.cluster.arn,
      taskDefinition,
      container: task.container,
      subnets: platform.network.taskSubnetIds,
      securityGroups: [securityGroup],
      assignPublicIp: platform.network.assignPublicIp,
      logGroup,
      patience: task.patience,
    }));
}
