import { text } from "node:stream/consumers";
import { extract } from "tar-stream";
import { DATABASE_PATIENCE } from "../patience";
import { runJob } from "./job";
import { startAgain, whileStopped, type ServerOnHost, type Show } from "./server";
import { POSTGRES } from "../../components/contract/dockerTarget";

/** How a cluster is kept before an upgrade, and comes back: the `upgrade` of the image of PostgreSQL does it. */

/** What is written in a cluster that is one from before an upgrade. */
export interface Mark {
  /** Versions of DHIS2. */
  from: string;
  to: string;
  /** When, such as `2026-11-28 10:00:00+00`. */
  at: string;
}

/** Where the image has its volume, and in it the live cluster and the one that is kept. */
const DATA = "/var/lib/postgresql/data";
const CLUSTERS = { live: "cluster", kept: "cluster.upgrade" } as const;

/** The mark of a server's cluster, if it is one from before an upgrade. Its container may be stopped. */
export async function markOf(
  { docker, database }: ServerOnHost,
  which: keyof typeof CLUSTERS,
): Promise<Mark | undefined> {
  const path = `${DATA}/${CLUSTERS[which]}/before-upgrade`;
  const archive = await docker
    .getContainer(database)
    .getArchive({ path })
    .catch((error: Error & { statusCode?: number }) => {
      if (error.statusCode === 404) return undefined;
      throw error;
    });
  if (!archive) return undefined;
  const files = archive.pipe(extract());
  for await (const file of files) return JSON.parse(await text(file)) as Mark;
  return undefined;
}

/** What a job on a server's clusters needs. */
export interface ClusterJob {
  server: ServerOnHost;
  /** Image of PostgreSQL. */
  image: string;
  /** Of the database. */
  volume: string;
  show: Show;
}

/** One command of `upgrade`, in a container that has the volume and no network. */
export function onClusters(
  title: string,
  { server, image, volume, show }: ClusterJob,
  ...command: string[]
): Promise<void> {
  return runJob(
    title,
    {
      ...{ host: server.host, name: `${server.name}-upgrade`, image, command: ["upgrade", ...command] },
      ...{ network: "none", volumes: { [DATA]: volume }, user: `${POSTGRES}:${POSTGRES}` },
      ...{ memory: 256, patience: DATABASE_PATIENCE },
      environment: { TENANT: server.tenant, SERVER: server.server },
    },
    show,
    server.docker,
  );
}

/**
 * Keeps a server's cluster as it is before an upgrade. DHIS2 is stopped before, so that nothing is entered that the
 * kept one has not; it is left stopped.
 * @throws Error if it cannot be kept; then DHIS2 runs again as it did
 */
export async function keepCluster(
  title: string,
  job: ClusterJob,
  { from, to }: Omit<Mark, "at">,
): Promise<void> {
  const { server, show } = job;
  try {
    await onClusters(title, job, "check", from, to);
    await whileStopped(server, show, () => onClusters(title, job, "keep", from, to));
  } catch (error) {
    const then = await startAgain(server, server.application, show).then(
      () => `Nothing was changed, and DHIS2 ${from} runs again.`,
      (again: Error) => `Nothing was changed, but DHIS2 ${from} does not run again: ${again.message}`,
    );
    throw new Error(`${(error as Error).message}\n${then}`, { cause: error });
  }
}
