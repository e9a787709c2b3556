/**
 * Ends an import that takes too long for one statement, or more of the server's disk than it may: its temporary files
 * count, too. All is measured from the administrator's session, which nothing in the dump can reach: a function of the
 * dump may switch the statement timeout of its own session off, or catch the error that it raises.
 */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DumpError } from "./errors";
import { ServerError, type Server } from "./server";
import { bytesText } from "./spool";
import { abridge } from "./sql/split";

/** How often it is looked at, in milliseconds. */
const interval = 500;
/** How long, in seconds, the server's own statement timeout has to end a statement, which names it better. */
const grace = 3;

export interface Limits {
  /** The new database, and the role that fills it. */
  database: string;
  role: string;
  /** Most bytes of the database and its temporary files together. Without it only a disk on this machine is watched. */
  maxBytes?: number;
  /** Longest time of one statement, in seconds. */
  statementTimeout: number;
}

export interface LimitWatch {
  /** Aborted, with a ServerError or DumpError as its reason, when a limit is reached. */
  signal: AbortSignal;
  stop(): Promise<void>;
}

/**
 * Watches until it is stopped. At a limit it ends all connections of the role. Where the server's files are on this
 * machine, a tenth of their disk (at most 1 GiB) has to stay free.
 */
export async function watchLimits(server: Server, limits: Limits): Promise<LimitWatch> {
  const controller = new AbortController();
  const directory = await localDataDirectory(server);
  if (limits.maxBytes !== undefined) await server.limitTemporaryFiles(limits.role, limits.maxBytes);
  let stopped = false;
  const watching = (async () => {
    while (!stopped && !controller.signal.aborted) {
      // A server that does not answer is noticed by those who load.
      const problem = await limitReached(server, limits, directory).catch(() => undefined);
      if (problem !== undefined) {
        controller.abort(problem);
        await endConnections(server, limits.role).catch(() => undefined);
      } else for (let i = 0; i < 10 && !stopped; i++) await sleep(interval / 10);
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
  { database, role, maxBytes, statementTimeout }: Limits,
  directory: string | undefined,
): Promise<Error | undefined> {
  const [late] = await server.query<{ query: string; seconds: number }>(
    "SELECT query, extract(epoch FROM clock_timestamp() - query_start)::int AS seconds FROM pg_stat_activity" +
      " WHERE usename = $1 AND backend_type = 'client backend' AND state <> 'idle'" +
      " AND state NOT LIKE 'idle in transaction%'" +
      " AND query_start < clock_timestamp() - make_interval(secs => $2) LIMIT 1",
    [role, statementTimeout + grace],
  );
  if (late) {
    return new DumpError(
      "refused",
      `refused: a statement has run for ${late.seconds} s. --statement-timeout allows ${statementTimeout} s; a function ` +
        `of the dump has switched that off, or caught the error\n  ${abridge(late.query)}`,
    );
  }
  if (maxBytes !== undefined) {
    const size = await server.size(database);
    const temporary = await temporaryBytes(server, role);
    if (size + temporary > maxBytes) {
      const what = temporary > 0 ? ` and ${bytesText(temporary)} of temporary files` : "";
      return new ServerError(
        `The new database has grown to ${bytesText(size)}${what}, more than the ${bytesText(maxBytes)} allowed; ` +
          "allow more with --max-database-size, if the server's disk has space for it.",
      );
    }
  }
  if (directory === undefined) return undefined;
  const { bavail, blocks, bsize } = await statfs(directory);
  const reserve = Math.min(2 ** 30, (blocks * bsize) / 10);
  return bavail * bsize < reserve
    ? new ServerError(
        `The disk of the database server has only ${bytesText(bavail * bsize)} left; the import was stopped before it filled it.`,
      )
    : undefined;
}

/** Temporary files of a role's connections: their names begin with the process. 0 where the account may not see them. */
async function temporaryBytes(server: Server, role: string): Promise<number> {
  const [row] = await server
    .query<{ bytes: string }>(
      "SELECT coalesce(sum(f.size), 0) AS bytes FROM pg_ls_tmpdir() f JOIN pg_stat_activity a" +
        " ON a.usename = $1 AND f.name LIKE 'pgsql\\_tmp' || a.pid || '.%'",
      [role],
    )
    .catch(() => []);
  return Number(row?.bytes ?? 0);
}

async function endConnections(server: Server, role: string): Promise<void> {
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", [role]);
}
