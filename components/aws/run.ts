import * as pulumi from "@pulumi/pulumi";
import type { AwsTarget } from "../target";
import type { TaskRun } from "./run-task";

/**
 * A task that has to run to its end during `pulumi up`: the preparation of a database, an import.
 *
 * It is a before-hook on a record in the stack's state (`pulumi.Stash`). The engine calls the hook when it is about to
 * write the record and writes it only if the hook succeeds, so:
 * - what runs, runs once: the same record at the next `up` is no change and no hook is called;
 * - what fails, fails the update with the job's own message, and runs again at the next `up`;
 * - whatever depends on the record waits for the run;
 * - a preview runs nothing, and says what will run by showing the record.
 *
 * Why not otherwise: a Lambda invocation ends after 15 minutes and an import may take hours; a dynamic provider puts
 * serialised code and its captured secrets into the state and needs TypeScript at run time; a command plugin is one
 * more thing to install, and passes secrets by the environment; a data source runs at every preview.
 */

/** No real account has it: with a cluster in this account everything is a rehearsal, and nothing can be run. */
export const REHEARSAL_ACCOUNT = "000000000000";

export interface RecordArgs {
  /** What the record holds, for people to read in the state: no secrets. */
  because: Record<string, pulumi.Input<string | number | boolean>>;
  /**
   * Why the record may not become this one, for the person who asked; asked in the preview already.
   * @default it may
   */
  refuse?: (before: Record<string, unknown>, now: Record<string, unknown>) => string | undefined;
}

export interface WorkArgs extends RecordArgs {
  /** What is done, such as "import into hmis". */
  title: string;
  /** ARN of the cluster in which it is done. */
  cluster: string;
  /** Does it, telling `show` how far it is. */
  work: (show: (line: string) => Promise<void>) => Promise<void>;
}

export interface RunArgs extends Omit<WorkArgs, "cluster" | "work"> {
  task: pulumi.Output<TaskRun>;
}

/** A record in the stack's state of what is so, with a say in what it may change to. */
export function remember(name: string, args: RecordArgs, opts: pulumi.CustomResourceOptions): pulumi.Stash {
  return record(name, args, [], opts);
}

/**
 * Does a piece of work once, and again when `because` changes.
 * @returns the record of the last time, to depend on
 */
export function doOnce(
  name: string,
  { title, cluster, work, ...args }: WorkArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const hook = new pulumi.ResourceHook(`${name}-work`, async () => {
    if (cluster.split(":")[4] === REHEARSAL_ACCOUNT) {
      await pulumi.log.info(`rehearsal: ${title} is only simulated, nothing was run`);
    } else {
      await work((line) => pulumi.log.info(`${title}: ${line}`, undefined, undefined, true));
    }
  });
  return record(name, args, [hook], opts);
}

/** Runs a task to its end once, and again when `because` changes. */
export function runOnce(
  name: string,
  target: AwsTarget,
  { task, ...args }: RunArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const work = async (show: (line: string) => Promise<void>) => {
    // Only now: loading the AWS SDK would slow down every preview.
    const { runTask } = await import("./run-task");
    await runTask(args.title, await valueOf(task), show);
  };
  return doOnce(name, { ...args, cluster: target.platform.cluster.arn, work }, opts);
}

function record(
  name: string,
  { because, refuse }: RecordArgs,
  work: pulumi.ResourceHook[],
  opts: pulumi.CustomResourceOptions,
): pulumi.Stash {
  const refusals = refuse
    ? [
        new pulumi.ResourceHook(
          `${name}-refuse`,
          ({ oldInputs, newInputs }) => {
            const why = refuse(inputOf(oldInputs), inputOf(newInputs));
            if (why) throw new Error(why);
          },
          { onDryRun: true },
        ),
      ]
    : [];
  return new pulumi.Stash(
    name,
    { input: because },
    { ...opts, hooks: { beforeCreate: work, beforeUpdate: [...refusals, ...work] } },
  );
}

function inputOf(inputs: Record<string, unknown> | undefined): Record<string, unknown> {
  return (inputs?.["input"] ?? {}) as Record<string, unknown>;
}

/** An output's value, for code that runs only once the engine knows it. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}
