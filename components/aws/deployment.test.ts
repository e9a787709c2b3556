import type { Deployment as EcsDeployment, Task } from "@aws-sdk/client-ecs";
import { expect, it } from "vitest";
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

async function wait(
  states: (EcsDeployment | undefined)[],
  { stopped, patience = 3600 }: { stopped?: Task; patience?: number } = {},
) {
  let step = 0;
  const streams: string[] = [];
  const shown: string[] = [];
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
