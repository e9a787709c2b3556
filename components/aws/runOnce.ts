import * as pulumi from "@pulumi/pulumi";
import { doOnce, valueOf, type WorkArgs } from "../doOnce";
import type { AwsTarget } from "../contract/target";
import type { TaskRun } from "../../operations/aws/taskRequest";

/** No real account has it: with a cluster in this account everything is a rehearsal, and nothing can be run. */
export const REHEARSAL_ACCOUNT = "000000000000";

/** @param cluster its ARN */
export function isRehearsal(cluster: string): boolean {
  return cluster.split(":")[4] === REHEARSAL_ACCOUNT;
}

export interface RunArgs extends Omit<WorkArgs, "rehearsal" | "work"> {
  task: pulumi.Output<TaskRun>;
  /** Name in the stack of a service that has no tasks meanwhile, nor after it; if the task fails it has as many as before. */
  stops?: string;
}

/** Runs a task to its end once, and again when `because` changes. */
export function runOnce(
  name: string,
  target: AwsTarget,
  { task, stops, ...args }: RunArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const work = async (show: (line: string) => Promise<void>) => {
    // Only now: loading the AWS SDK would slow down every preview.
    const [{ runTask }, { stopped }] = await Promise.all([
      import("../../operations/aws/runTask"),
      import("../../operations/aws/service"),
    ]);
    const run = await valueOf(task);
    const work = () => runTask(args.title, run, show);
    await (stops === undefined ? work() : stopped(run, stops, show, work));
  };
  return doOnce(name, { ...args, rehearsal: isRehearsal(target.platform.cluster.arn), work }, opts);
}
