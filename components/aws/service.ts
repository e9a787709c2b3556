import {
  ECSClient,
  ListTasksCommand,
  UpdateServiceCommand,
  waitUntilServicesStable,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";
import { waitForDeployment, type Deployment } from "./deployment";

/** In seconds: the load balancer lets go of a task, which is then asked to end, and killed if it does not. */
const STOP_PATIENCE = 900;

/**
 * Stops the tasks of a service, and waits until none of them runs. The service stays, and starts none.
 * @throws Error of AWS, or of the SDK when it takes longer than a quarter of an hour
 */
export async function stopService({
  region,
  cluster,
  service,
}: Pick<Deployment, "region" | "cluster" | "service">): Promise<void> {
  const client = new ECSClient({ region });
  await client.send(new UpdateServiceCommand({ cluster, service, desiredCount: 0 }));
  const waiting = { client, maxWaitTime: STOP_PATIENCE, minDelay: 2, maxDelay: 10 };
  await waitUntilServicesStable(waiting, { cluster, services: [service] });
  // A task on its way out is no longer counted, and the application still runs in it.
  const serviceName = service.split("/").at(-1) ?? service;
  for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
    const { taskArns } = await client.send(new ListTasksCommand({ cluster, serviceName, desiredStatus }));
    if (taskArns?.length) await waitUntilTasksStopped(waiting, { cluster, tasks: taskArns });
  }
}

/**
 * Starts so many tasks of a service that was stopped, and waits until the load balancer finds them healthy. It is a new
 * deployment: only of one does ECS say how it goes, and give it up when it fails again and again.
 * @throws RunFailed with the application's last words if it does not start
 */
export async function startService(
  title: string,
  deployment: Deployment,
  desiredCount: number,
  show: (line: string) => Promise<void>,
): Promise<void> {
  const { region, cluster, service } = deployment;
  const update = new UpdateServiceCommand({ cluster, service, desiredCount, forceNewDeployment: true });
  await new ECSClient({ region }).send(update);
  await waitForDeployment(title, deployment, show);
}
