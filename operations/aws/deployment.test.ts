import type { Deployment as EcsDeployment, Task } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { waitForDeployment, type Aws, type Deployment } from "./deployment";

const DEPLOYMENT: Deployment = {
  region: "eu-west-1",
  cluster: "arn:aws:ecs:eu-west-1:111122223333:cluster/cluster",
  service: "arn:aws:ecs:eu-west-1:111122223333:service/cluster/moh-hmis",
  container: "dhis2",
  logGroup: "/dhistance/moh/hmis",
  patience: 3600,
};
const primary = (rest: Partial<EcsDeployment>): EcsDeployment => ({
  status: "PRIMARY",
  desiredCount: 1,
  ...rest,
});
const STARTING = primary({ rolloutState: "IN_PROGRESS", runningCount: 0 });
const RUNNING = primary({ rolloutState: "IN_PROGRESS", runningCount: 1 });
const COMPLETED = primary({ rolloutState: "COMPLETED", runningCount: 1 });

interface Seen {
  stopped?: Task;
  patience?: number;
}

function simulated(states: (EcsDeployment | undefined)[], { stopped }: Seen) {
  let step = 0;
  const streams: string[] = [];
  const aws: Aws = {
    service: () => {
      const deployment = states[Math.min(step, states.length - 1)];
      // The deployment before this one is still there for a while.
      const old: EcsDeployment = { status: "ACTIVE", rolloutState: "COMPLETED" };
      return Promise.resolve({ deployments: deployment ? [old, deployment] : [] });
    },
    stopped: () => Promise.resolve(stopped),
    lastLines: (_deployment, stream) => {
      streams.push(stream);
      return Promise.resolve(["Flyway: migration V43_0_0 failed"]);
    },
    pause: () => Promise.resolve(void step++),
  };
  return { aws, streams };
}

async function wait(states: (EcsDeployment | undefined)[], { patience = 3600, ...seen }: Seen = {}) {
  const { aws, streams } = simulated(states, seen);
  const shown: string[] = [];
  const failure = await waitForDeployment(
    "start of hmis",
    { ...DEPLOYMENT, patience },
    (line) => Promise.resolve(void shown.push(line)),
    aws,
  ).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return { failure, shown, streams };
}

it("waits until the newest deployment is complete, and says how it stands when that changes", async () => {
  const { failure, shown } = await wait([STARTING, STARTING, RUNNING, RUNNING, COMPLETED]);
  expect(failure).toBeUndefined();
  expect(shown).toEqual(["0 of 1 running, 0 failed", "1 of 1 running, 0 failed"]);
});

it("does not take the deployment of a stopped service for the one that starts it", async () => {
  const stopped = primary({ rolloutState: "COMPLETED", desiredCount: 0, runningCount: 0 });
  expect((await wait([stopped, STARTING, COMPLETED])).shown).toEqual([
    "0 of 0 running, 0 failed",
    "0 of 1 running, 0 failed",
  ]);
});

it("fails with the reason and the last words of the application", async () => {
  const { failure, streams } = await wait(
    [
      STARTING,
      primary({
        rolloutState: "FAILED",
        rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
      }),
    ],
    {
      stopped: {
        taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0f00",
        stoppedReason: "Essential container in task exited",
        containers: [{ name: "dhis2", reason: "OutOfMemoryError" }],
      },
    },
  );
  expect(failure?.name).toBe("RunFailed");
  expect(failure?.message.split("\n")).toEqual([
    "start of hmis failed (ECS deployment circuit breaker: tasks failed to start.; Essential container in task exited; OutOfMemoryError)",
    "Flyway: migration V43_0_0 failed",
    "The whole output is in the log group /dhistance/moh/hmis.",
  ]);
  expect(streams).toEqual(["dhis2/dhis2/0f00"]);
});

it("fails when patience runs out, and when the service is gone", async () => {
  expect((await wait([STARTING], { patience: -1 })).failure?.message).toMatch(/not up after -1 s/);
  expect((await wait([undefined])).failure?.message).toMatch(/is gone\. Run pulumi up again/);
});

describe("a start of DHIS2 that has failed", () => {
  const failing = { ...STARTING, id: "ecs-svc/2" };
  const ended = (name: string, more: Partial<Task> = {}): Task => ({
    taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/cluster/0f00",
    startedBy: "ecs-svc/2",
    stopCode: "EssentialContainerExited",
    stoppedReason: "Essential container in task exited",
    containers: [{ name: "configure", exitCode: 0 }, { name, exitCode: 1 }, { name: "other" }],
    ...more,
  });

  it.each(["watch-start", "dhis2"])(
    "is said with its last words at the first task that ends by its %s, long before ECS gives up",
    async (name) => {
      const { failure, streams } = await wait([STARTING, failing], { stopped: ended(name) });
      expect(failure?.message.split("\n")).toEqual([
        "start of hmis failed (Essential container in task exited)",
        "Flyway: migration V43_0_0 failed",
        "The whole output is in the log group /dhistance/moh/hmis.",
      ]);
      expect(streams).toEqual(["dhis2/dhis2/0f00"]);
    },
  );

  it.each<[string, Task]>([
    ["is of the deployment before", ended("dhis2", { startedBy: "ecs-svc/1" })],
    ["was stopped by ECS", ended("dhis2", { stopCode: "ServiceSchedulerInitiated" })],
    ["ended as it should", ended("dhis2", { containers: [{ name: "dhis2", exitCode: 0 }] })],
  ])("is not one whose task %s", async (_, stopped) => {
    expect((await wait([failing, failing, COMPLETED], { stopped })).failure).toBeUndefined();
  });
});
