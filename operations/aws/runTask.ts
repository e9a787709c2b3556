import { createHash } from "node:crypto";
import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  type ContainerOverride,
  type Task,
} from "@aws-sdk/client-ecs";
import { LAST_LINES } from "../lastWords";
import { RunFailed } from "../runFailed";
import { taskRequest, type TaskRun } from "./taskRequest";

/** The calls to AWS, for tests to stand in for. */
export interface Aws {
  start(run: TaskRun, startedBy: string): Promise<string>;
  /** The running task that carries this mark, if there is one. */
  running(run: TaskRun, startedBy: string): Promise<string | undefined>;
  state(run: TaskRun, task: string): Promise<Task | undefined>;
  /** Output lines after those already seen. */
  lines(
    run: TaskRun,
    stream: string,
    from: string | undefined,
  ): Promise<{ lines: string[]; next: string | undefined }>;
  pause(): Promise<void>;
}

/**
 * Runs a task to its end.
 * @param show is given each line that the task prints, as it prints it
 * @throws RunFailed if the task could not be started, if it failed, or if patience ran out
 */
export async function runTask(
  title: string,
  run: TaskRun,
  show: (line: string) => Promise<void>,
  aws: Aws = realAws(run.region),
): Promise<void> {
  const mark = [run.taskDefinition, ...(run.command ?? [])].join("\n");
  const startedBy = `dhistance/${createHash("sha256").update(mark).digest("hex").slice(0, 20)}`;
  // A command that was killed leaves its task running: that one is waited for, not a second one started.
  const task = (await aws.running(run, startedBy)) ?? (await aws.start(run, startedBy));
  const stream = `${run.container}/${run.container}/${task.split("/").at(-1)}`;
  const output: string[] = [];
  let from: string | undefined;
  const follow = async () => {
    for (;;) {
      const { lines, next } = await aws.lines(run, stream, from);
      for (const line of lines) await show(line);
      output.push(...lines);
      output.splice(0, output.length - LAST_LINES);
      if (lines.length === 0 || next === from) return;
      from = next;
    }
  };
  const deadline = Date.now() + run.patience * 1000;
  for (;;) {
    const state = await aws.state(run, task);
    await follow();
    if (state?.lastStatus === "STOPPED") return judge(title, run, state, output);
    if (!state) throw new RunFailed(`${title}: the task ${task} is gone. Run the same command again.`);
    if (Date.now() > deadline) {
      throw new RunFailed(
        `${title} still runs after ${run.patience} s, as ${task}. Run the same command again: it will wait for it.`,
      );
    }
    await aws.pause();
  }
}

function judge(title: string, run: TaskRun, state: Task, output: string[]): void {
  const end = state.containers?.find(({ name }) => name === run.container);
  if (end?.exitCode === 0) return;
  const why = [
    end?.exitCode === undefined ? "the container did not run" : `exit code ${end.exitCode}`,
    end?.reason,
    state.stoppedReason,
  ].filter(Boolean);
  const failed = `${title} failed (${why.join("; ")})`;
  const where = `The whole output is in the log group ${run.logGroup}.`;
  throw new RunFailed([failed, ...output, where].join("\n"), end?.exitCode, [failed, where].join("\n"));
}

function override({ container, command, environment = {} }: TaskRun): ContainerOverride {
  const pairs = Object.entries(environment).map(([name, value]) => ({ name, value }));
  return { name: container, ...(command && { command }), environment: pairs };
}

function realAws(region: string): Aws {
  const ecs = new ECSClient({ region });
  const logs = new CloudWatchLogsClient({ region });
  return {
    async running(run, startedBy) {
      const { taskArns } = await ecs.send(new ListTasksCommand({ cluster: run.cluster, startedBy }));
      return taskArns?.[0];
    },
    async start(run, startedBy) {
      const { tasks, failures } = await ecs.send(
        new RunTaskCommand({
          ...taskRequest(run),
          startedBy,
          overrides: { containerOverrides: [override(run)] },
        }),
      );
      const arn = tasks?.[0]?.taskArn;
      if (!arn) {
        const why = failures
          ?.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "))
          .join("; ");
        throw new RunFailed(
          `the task ${run.taskDefinition} could not be started: ${why || "no reason given"}`,
        );
      }
      return arn;
    },
    async state(run, task) {
      const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: run.cluster, tasks: [task] }));
      return tasks?.[0];
    },
    async lines(run, stream, from) {
      try {
        const { events, nextForwardToken } = await logs.send(
          new GetLogEventsCommand({
            logGroupName: run.logGroup,
            logStreamName: stream,
            startFromHead: true,
            ...(from && { nextToken: from }),
          }),
        );
        return { lines: (events ?? []).map(({ message }) => message ?? ""), next: nextForwardToken };
      } catch (error) {
        // The stream appears with the first line.
        if (error instanceof ResourceNotFoundException) return { lines: [], next: from };
        throw error;
      }
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, 5000)),
  };
}
