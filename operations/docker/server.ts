import type Docker from "dockerode";
import { connect } from "./engine";
import { waitUntilHealthy } from "./health";

/** What is said of how far something is. */
export type Show = (line: string) => Promise<void>;

/** One server's containers on its host, as the components name them. */
export interface ServerOnHost {
  host: string;
  docker: Docker;
  tenant: string;
  /** As the stack file has it. */
  server: string;
  /** What the containers' names begin with. */
  name: string;
  application: string;
  database: string;
  /** Point-in-time and portable backups; each exists only if backups are made. */
  pitr: string;
  portable: string;
}

export function serverOn(host: string, tenant: string, server: string): ServerOnHost {
  const name = `${tenant}-${server}`;
  return {
    ...{ host, docker: connect(host), tenant, server, name, application: `${name}-application` },
    ...{ database: `${name}-database`, pitr: `${name}-copies`, portable: `${name}-portable` },
  };
}

/** In seconds: between being asked to stop and being killed. */
const GRACE = 120;
/** In seconds: a database goes through its log, an application migrates. */
const PATIENCE = 3600;

/** Does something to the cluster while nobody uses it; the database is brought back in any case, the application not. */
export async function whileStopped(
  server: ServerOnHost,
  show: Show,
  work: () => Promise<void>,
): Promise<void> {
  for (const name of [server.application, server.database]) await stop(server, name, show);
  try {
    await work();
  } finally {
    await startAgain(server, server.database, show);
  }
}

type Host = Pick<ServerOnHost, "host" | "docker">;

/** Whether a container runs; one that is not there does not. */
export async function runs({ docker }: Host, name: string): Promise<boolean> {
  const found = await docker
    .getContainer(name)
    .inspect()
    .catch((error: Refused) => {
      if (error.statusCode === 404) return undefined;
      throw error;
    });
  return found?.State.Running ?? false;
}

/** Stops one of the server's containers, if it runs. */
export async function stop({ docker }: Host, name: string, show: Show): Promise<void> {
  await show(`stopping ${name}`);
  await docker.getContainer(name).stop({ t: GRACE }).catch(stoppedAlready);
}

/** Starts one of the server's containers, and waits until it is well. */
export async function startAgain({ host, docker }: Host, name: string, show: Show): Promise<void> {
  await show(`starting ${name}`);
  await docker.getContainer(name).start().catch(startedAlready);
  await waitUntilHealthy(host, name, PATIENCE, show, docker);
}

type Refused = Error & { statusCode?: number };

/** A container that is not there does not run either. */
function stoppedAlready(error: Refused): void {
  if (error.statusCode !== 304 && error.statusCode !== 404) throw error;
}

function startedAlready(error: Refused): void {
  if (error.statusCode !== 304) throw error;
}
