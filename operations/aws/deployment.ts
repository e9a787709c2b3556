import { GetLogEventsCommand, CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  type Deployment as EcsDeployment,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { lastWords } from "../lastWords";
import { RunFailed } from "../runFailed";

/** A service of one application, and what is known of its start. */
export interface Deployment {
  region: string;
  /** ARNs. */
  cluster: string;
  service: string;
  /** The container whose output tells why a start failed. */
  container: string;
  logGroup: string;
  /** After so many seconds nobody waits for it any longer. */
  patience: number;
}

/** The calls to AWS, for tests to stand in for. */
export interface Aws {
  service(deployment: Deployment): Promise<Service | undefined>;
  /** The task of the service that stopped last. */
  stopped(deployment: Deployment): Promise<Task | undefined>;
  lastLines(deployment: Deployment, stream: string): Promise<string[]>;
  pause(): Promise<void>;
}

/** Whether a task of a deployment that is not complete has ended by itself: DHIS2, or what watches its start. */
async function failedToStart(deployment: Deployment, newest: EcsDeployment, aws: Aws): Promise<boolean> {
  if (newest.rolloutState === "COMPLETED") return false;
  const task = await aws.stopped(deployment);
  return (
    task?.stopCode === "EssentialContainerExited" &&
    task.startedBy === newest.id &&
    (task.containers ?? []).some(({ exitCode }) => Boolean(exitCode))
  );
}

function newestOf(service: Service | undefined): EcsDeployment | undefined {
  return service?.deployments?.find(({ status }) => status === "PRIMARY");
}

/**
 * Waits until the newest deployment of a service is complete: its tasks run and the load balancer finds them healthy.
 * @param show gets the state whenever it changes
 * @throws RunFailed with the application's last words if it does not start, or if patience runs out
 */
export async function waitForDeployment(
  title: string,
  deployment: Deployment,
  show: (line: string) => Promise<void>,
  aws: Aws = realAws(deployment.region),
): Promise<void> {
  const deadline = Date.now() + deployment.patience * 1000;
  let shown = "";
  for (;;) {
    const newest = newestOf(await aws.service(deployment));
    if (!newest)
      throw new RunFailed(`${title}: the service ${deployment.service} is gone. Run pulumi up again.`);
    // For a moment AWS may still show the one before, of a service that was stopped.
    if (newest.rolloutState === "COMPLETED" && newest.desiredCount) return;
    if (newest.rolloutState === "FAILED")
      throw await failure(title, deployment, newest.rolloutStateReason, aws);
    if (await failedToStart(deployment, newest, aws)) throw await failure(title, deployment, undefined, aws);
    const state = `${newest.runningCount ?? 0} of ${newest.desiredCount ?? 0} running, ${newest.failedTasks ?? 0} failed`;
    if (state !== shown) await show((shown = state));
    if (Date.now() > deadline) {
      throw await failure(title, deployment, `not up after ${deployment.patience} s`, aws);
    }
    await aws.pause();
  }
}

async function failure(
  title: string,
  deployment: Deployment,
  why: string | undefined,
  aws: Aws,
): Promise<RunFailed> {
  const task = await aws.stopped(deployment);
  const container = task?.containers?.find(({ name }) => name === deployment.container);
  const reasons = [why, task?.stoppedReason, container?.reason].filter(Boolean);
  const stream = `${deployment.container}/${deployment.container}/${task?.taskArn?.split("/").at(-1)}`;
  return new RunFailed(
    [
      `${title} failed (${reasons.join("; ") || "no reason given"})`,
      ...(task ? await aws.lastLines(deployment, stream) : []),
      `The whole output is in the log group ${deployment.logGroup}.`,
    ].join("\n"),
  );
}

function realAws(region: string): Aws {
  const ecs = new ECSClient({ region });
  const logs = new CloudWatchLogsClient({ region });
  return {
    async service({ cluster, service }) {
      const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
      return services?.[0];
    },
    async stopped({ cluster, service }) {
      const serviceName = service.split("/").at(-1);
      const { taskArns } = await ecs.send(
        new ListTasksCommand({ cluster, desiredStatus: "STOPPED", ...(serviceName && { serviceName }) }),
      );
      if (!taskArns?.length) return undefined;
      const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
      return tasks?.sort((a, b) => (b.stoppedAt?.getTime() ?? 0) - (a.stoppedAt?.getTime() ?? 0))[0];
    },
    async lastLines({ logGroup }, stream) {
      try {
        const { events } = await logs.send(
          new GetLogEventsCommand({ logGroupName: logGroup, logStreamName: stream, limit: 1000 }),
        );
        return lastWords((events ?? []).map(({ message }) => message ?? ""));
      } catch {
        // A task that never ran has printed nothing.
        return [];
      }
    },
    pause: () => new Promise((resolve) => setTimeout(resolve, 5000)),
  };
}
