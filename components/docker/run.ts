import * as pulumi from "@pulumi/pulumi";
import { doOnce, valueOf, type WorkArgs } from "../run";
import type { JobRun } from "./job";
import type { DockerTarget } from "./target";

export interface RunArgs extends Omit<WorkArgs, "rehearsal" | "work"> {
  job: pulumi.Input<Omit<JobRun, "host">>;
}

/** Runs a job on the target's host to its end once, and again when `because` changes. */
export function runOnce(
  name: string,
  target: DockerTarget,
  { job, ...args }: RunArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const work = async (show: (line: string) => Promise<void>) => {
    // Only now: a preview needs no client of the engine.
    const { runJob } = await import("./job");
    await runJob(args.title, { ...(await valueOf(pulumi.output(job))), host: target.host }, show);
  };
  return doOnce(name, { ...args, rehearsal: target.rehearsal, work }, opts);
}
