import type { Task } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import type { RunFailed } from "../runFailed";
import { runTask, type Aws } from "./runTask";
import type { TaskRun } from "./taskRequest";

const RUN: TaskRun = {
  region: "eu-west-1",
  cluster: "arn:aws:ecs:eu-west-1:111122223333:cluster/cluster",
  taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/moh-hmis-import:1",
  container: "import",
  subnets: ["subnet-a"],
  securityGroups: ["sg-1"],
  assignPublicIp: false,
  logGroup: "/dhistance/moh/hmis",
  patience: 3600,
};
const TASK = "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0f00";

const ended = (exitCode?: number, rest: Partial<Task> = {}): Task => ({
  lastStatus: "STOPPED",
  containers: [{ name: "import", ...(exitCode !== undefined && { exitCode }) }],
  ...rest,
});

/** AWS as a script: the states a task goes through, and the lines it has printed by each of them. */
function scripted(states: (Task | undefined)[], output: string[][] = [], running?: string) {
  const calls = { started: 0, streams: new Set<string>() };
  let step = 0;
  const aws: Aws = {
    running: () => Promise.resolve(running),
    start: () => {
      calls.started++;
      return Promise.resolve(TASK);
    },
    state: () => Promise.resolve(states[Math.min(step, states.length - 1)]),
    lines: (_run, stream, from) => {
      calls.streams.add(stream);
      const seen = Number(from ?? 0);
      const all = output.slice(0, step + 1).flat();
      // Ten lines at a time, as CloudWatch gives pages.
      const lines = all.slice(seen, seen + 10);
      return Promise.resolve({ lines, next: `${seen + lines.length}` });
    },
    pause: () => {
      step++;
      return Promise.resolve();
    },
  };
  return { aws, calls };
}
const RUNNING: Task = { lastStatus: "RUNNING" };

async function run(states: (Task | undefined)[], output?: string[][], running?: string, patience = 3600) {
  const { aws, calls } = scripted(states, output, running);
  const shown: string[] = [];
  const show = (line: string) => Promise.resolve(void shown.push(line));
  const failure = await runTask("import into hmis", { ...RUN, patience }, show, aws).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return { failure, shown, calls };
}

describe("runTask", () => {
  it("waits for the end and shows every line once, in order", async () => {
    const many = Array.from({ length: 25 }, (_, index) => `line ${index}`);
    const { failure, shown, calls } = await run([RUNNING, RUNNING, ended(0)], [["a"], many, ["z"]]);
    expect(failure).toBeUndefined();
    expect(shown).toEqual(["a", ...many, "z"]);
    expect(calls).toEqual({ started: 1, streams: new Set(["import/import/0f00"]) });
  });

  it("waits for the task that an interrupted run left behind, and starts no second one", async () => {
    const { failure, calls } = await run([RUNNING, ended(0)], [], TASK);
    expect(failure).toBeUndefined();
    expect(calls.started).toBe(0);
  });

  it("fails with the job's own words and where to read the rest", async () => {
    const { failure } = await run([RUNNING, ended(3)], [["loading"], ["error: line 12: \\copy is refused"]]);
    expect(failure?.name).toBe("RunFailed");
    expect(failure?.message).toBe(
      [
        "import into hmis failed (exit code 3)",
        "loading",
        "error: line 12: \\copy is refused",
        "The whole output is in the log group /dhistance/moh/hmis.",
      ].join("\n"),
    );
    expect((failure as RunFailed).brief).toBe(
      "import into hmis failed (exit code 3)\nThe whole output is in the log group /dhistance/moh/hmis.",
    );
  });

  it("shows no more than the last lines of a talkative job", async () => {
    const { failure } = await run([ended(1)], [Array.from({ length: 500 }, (_, index) => `line ${index}`)]);
    expect(failure?.message.split("\n")).toHaveLength(22);
    expect(failure?.message).toContain("line 499");
    expect(failure?.message).not.toContain("line 479\n");
  });

  it.each<[string, Task | undefined, RegExp]>([
    [
      "a container that never ran",
      ended(undefined, { stoppedReason: "CannotPullContainerError: no such tag" }),
      /the container did not run; CannotPullContainerError: no such tag/,
    ],
    [
      "a container killed for its memory",
      ended(137, { containers: [{ name: "import", exitCode: 137, reason: "OutOfMemoryError" }] }),
      /exit code 137; OutOfMemoryError/,
    ],
    ["a task without containers", { lastStatus: "STOPPED" }, /the container did not run/],
    ["a task that is gone", undefined, /the task .* is gone\. Run the same command again/],
  ])("fails for %s", async (_, state, message) => {
    expect((await run([state])).failure?.message).toMatch(message);
  });

  it("says how to go on when patience runs out", async () => {
    const { failure } = await run([RUNNING], [], undefined, -1);
    expect(failure?.message).toMatch(
      /import into hmis still runs after -1 s.*Run the same command again: it will wait/,
    );
  });
});
