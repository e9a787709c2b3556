/** Ends an import before it fills the disk that the live database is on. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServerError, type Server } from "./server";
import { bytesText } from "./spool";

/** How often it is looked at, in milliseconds. */
const interval = 500;

export interface SpaceWatch {
  /** Aborted, with a ServerError as its reason, when a limit is reached. */
  signal: AbortSignal;
  stop(): Promise<void>;
}

/**
 * Watches the size of the new database against `maxBytes`, if that is given; and where the server's files are on this
 * machine, the free space of their disk; a tenth of it (at most 1 GiB) has to stay free.
 */
export function watchSpace(server: Server, database: string, maxBytes?: number): SpaceWatch {
  const controller = new AbortController();
  const directory = localDataDirectory(server);
  let stopped = false;
  const watching = (async () => {
    while (!stopped && !controller.signal.aborted) {
      // A server that does not answer is noticed by those who load.
      const problem = await limitReached(server, database, maxBytes, await directory).catch(() => undefined);
      if (problem !== undefined) controller.abort(new ServerError(problem));
      else for (let i = 0; i < 10 && !stopped; i++) await sleep(interval / 10);
    }
  })();
  return {
    signal: controller.signal,
    stop: () => {
      stopped = true;
      return watching;
    },
  };
}

/** Where the server's files are, if that is on this machine. */
async function localDataDirectory(server: Server): Promise<string | undefined> {
  // Only superusers and members of pg_read_all_settings can read it.
  const rows = await server
    .query<{ directory: string }>(
      "SELECT setting AS directory FROM pg_settings WHERE name = 'data_directory'" +
        " AND coalesce(inet_server_addr() <<= inet '127.0.0.0/8' OR inet_server_addr() = inet '::1', true)",
    )
    .catch(() => []);
  const directory = rows[0]?.directory;
  return directory !== undefined && existsSync(join(directory, "PG_VERSION")) ? directory : undefined;
}

async function limitReached(
  server: Server,
  database: string,
  maxBytes: number | undefined,
  directory: string | undefined,
): Promise<string | undefined> {
  if (maxBytes !== undefined) {
    const size = await server.size(database);
    if (size > maxBytes) {
      return `The new database has grown to ${bytesText(size)}, more than the ${bytesText(maxBytes)} allowed; allow more with --max-database-size, if the server's disk has space for it.`;
    }
  }
  if (directory === undefined) return undefined;
  const { bavail, blocks, bsize } = await statfs(directory);
  const reserve = Math.min(2 ** 30, (blocks * bsize) / 10);
  return bavail * bsize < reserve
    ? `The disk of the database server has only ${bytesText(bavail * bsize)} left; the import was stopped before it filled it.`
    : undefined;
}
