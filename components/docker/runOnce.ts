import * as pulumi from "@pulumi/pulumi";
import { doOnce, valueOf, type WorkArgs } from "../doOnce";
import type { JobRun } from "../../operations/docker/job";
import type { DockerTarget } from "../contract/dockerTarget";

export interface RunArgs extends Omit<WorkArgs, "rehearsal" | "work"> {
  job: pulumi.Input<Omit<JobRun, "host">>;
  /** A container that does not run meanwhile, nor after it; if the job fails it runs again as it did. */
  stops?: string;
  /** A container that runs meanwhile: started if it is not, and waited for. */
  starts?: string;
}

/** Runs a job on the target's host to its end once, and again when `because` changes. */
export function runOnce(
  name: string,
  target: DockerTarget,
  { job, stops, starts, ...args }: RunArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const work = async (show: (line: string) => Promise<void>) => {
    // Only now: a preview needs no client of the engine.
    const [{ connect }, { runJob }, { runs, startAgain, stop }] = await Promise.all([
      import("../../operations/docker/engine"),
      import("../../operations/docker/job"),
      import("../../operations/docker/server"),
    ]);
    const server = { host: target.host, docker: connect(target.host) };
    const stopped = stops !== undefined && (await runs(server, stops)) ? stops : undefined;
    if (stopped) await stop(server, stopped, show);
    if (starts) await startAgain(server, starts, show);
    try {
      await runJob(args.title, { ...(await valueOf(pulumi.output(job))), host: target.host }, show);
    } catch (error) {
      if (stopped) await server.docker.getContainer(stopped).start();
      throw error;
    }
  };
  return doOnce(name, { ...args, rehearsal: target.rehearsal, work }, opts);
}
