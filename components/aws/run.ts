import * as pulumi from "@pulumi/pulumi";
import { doOnce, valueOf, type WorkArgs } from "../run";
import type { AwsTarget } from "../target";
import type { Deployment } from "./deployment";
import type { TaskRun } from "./run-task";

/** No real account has it: with a cluster in this account everything is a rehearsal, and nothing can be run. */
export const REHEARSAL_ACCOUNT = "000000000000";

/** @param cluster its ARN */
export function isRehearsal(cluster: string): boolean {
  return cluster.split(":")[4] === REHEARSAL_ACCOUNT;
}

export interface RunArgs extends Omit<WorkArgs, "rehearsal" | "work"> {
  task: pulumi.Output<TaskRun>;
  /** An application that the task needs, and that may still start: a failed start ends the waiting. */
  needs?: { title: string; deployment: pulumi.Output<Deployment> };
}

/** Runs a task to its end once, and again when `because` changes. */
export function runOnce(
  name: string,
  target: AwsTarget,
  { task, needs, ...args }: RunArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const work = async (show: (line: string) => Promise<void>) => {
    // Only now: loading the AWS SDK would slow down every preview.
    const [{ runTask }, { whileStarting }] = await Promise.all([
      import("./run-task"),
      import("./deployment"),
    ]);
    const run = async () => runTask(args.title, await valueOf(task), show);
    await (needs ? whileStarting(needs.title, await valueOf(needs.deployment), run) : run());
  };
  return doOnce(name, { ...args, rehearsal: isRehearsal(target.platform.cluster.arn), work }, opts);
}
