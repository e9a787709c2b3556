import {
  DescribeServicesCommand,
  ECSClient,
  ListTasksCommand,
  paginateListServices,
  UpdateServiceCommand,
  waitUntilServicesStable,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";
import { waitForDeployment, type Deployment } from "./deployment";

/** In seconds: the load balancer drains a task, which is then asked to end, and killed if it does not. */
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

/**
 * Does something while a service has no tasks, and leaves it so. If that fails, the service has as many tasks as before.
 * @param name in the stack; the provider adds seven digits. One that is not there yet has no tasks.
 */
export async function stopped(
  { region, cluster }: Pick<Deployment, "region" | "cluster">,
  name: string,
  show: (line: string) => Promise<void>,
  work: () => Promise<void>,
): Promise<void> {
  const client = new ECSClient({ region });
  const service = await serviceNamed(client, cluster, name);
  const before = service ? await desiredCount(client, cluster, service) : 0;
  if (service && before > 0) {
    await show(`stopping ${name}`);
    await stopService({ region, cluster, service });
  }
  try {
    await work();
  } catch (error) {
    if (service && before > 0)
      await client.send(new UpdateServiceCommand({ cluster, service, desiredCount: before }));
    throw error;
  }
}

/** Starts a service that was stopped, else waits for the deployment that is under way. */
export async function startOrWait(
  title: string,
  deployment: Deployment,
  instances: number,
  show: (line: string) => Promise<void>,
): Promise<void> {
  const { region, cluster, service } = deployment;
  const count = await desiredCount(new ECSClient({ region }), cluster, service);
  if (count > 0) return waitForDeployment(title, deployment, show);
  return startService(title, deployment, instances, show);
}

async function serviceNamed(client: ECSClient, cluster: string, name: string): Promise<string | undefined> {
  const own = new RegExp(`/${name}-[0-9a-f]{7}$`);
  for await (const { serviceArns } of paginateListServices({ client }, { cluster })) {
    const found = serviceArns?.find((arn) => own.test(arn));
    if (found) return found;
  }
  return undefined;
}

async function desiredCount(client: ECSClient, cluster: string, service: string): Promise<number> {
  const { services } = await client.send(new DescribeServicesCommand({ cluster, services: [service] }));
  return services?.find(({ status }) => status === "ACTIVE")?.desiredCount ?? 0;
}
