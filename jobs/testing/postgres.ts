/** A throwaway PostgreSQL server with PostGIS for tests: Debian's own binaries, an empty cluster, gone afterwards. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chown, cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, type QueryResultRow } from "pg";
import { ensureRelease, type Release } from "./release";

const run = promisify(execFile);
const debianRoot = "/usr/lib/postgresql";

export interface TestPostgres {
  /** Always 127.0.0.1; the same port also answers on a Unix socket in `socketDirectory`. */
  readonly host: string;
  readonly port: number;
  readonly socketDirectory: string;
  readonly dataDirectory: string;
  /** The superuser, `postgres`, and its password: connections need one, as on a real server. */
  readonly user: string;
  readonly password: string;
  /** Directory of pg_dump, pg_restore, psql … of the server's own version. */
  readonly binDirectory: string;
  /** Major version, for example 15. */
  readonly version: number;
  /** A connection URL; the superuser's unless a role is named. */
  url(database?: string, role?: { user: string; password: string }): string;
  /** Rows of one query (or of several, without parameters: the last one's rows), as superuser. */
  query<R extends QueryResultRow = QueryResultRow>(
    sql: string,
    parameters?: unknown[],
    database?: string,
  ): Promise<R[]>;
  /** Kills the server as a power cut of its processes would (no checkpoint), and starts it again. */
  crash(): Promise<void>;
  /** Stops the server and removes all of it. Happens by itself when the test process dies. */
  stop(): Promise<void>;
}

/** Path of the newest PostgreSQL's programs on this machine. Throws, saying what to install, when there is none. */
export function postgresBinDirectory(): string {
  const versions = existsSync(debianRoot) ? readdirSync(debianRoot).map(Number) : [];
  const newest = versions
    .filter((version) => existsSync(join(debianRoot, String(version), "bin", "initdb")))
    .sort((a, b) => b - a)[0];
  if (newest === undefined) {
    throw new Error(
      `No PostgreSQL server below ${debianRoot}. Debian 12: apt-get install postgresql-15 postgresql-15-postgis-3; ` +
        "Debian 13: apt-get install postgresql-17 postgresql-17-postgis-3",
    );
  }
  return join(debianRoot, String(newest), "bin");
}

/** PostgreSQL refuses to run as root: the `postgres` account of Debian's package runs it then. */
export function postgresAccount(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

// Standard input is the life line: at its end (the test process died, however) the server goes, and its files with it.
const keeper = `
directory=$1; shift
start() { "$@" >>"$directory/log" 2>&1 & server=$!; }
end() { kill -QUIT "$server" 2>/dev/null; wait "$server"; }
start "$@"
while read -r _; do end; start "$@"; done
end
rm -rf "$directory"
`;

/**
 * Starts a server. `settings` are postgresql.conf's, added to those the tests need. `release`: of that version, which
 * has no PostGIS, instead of this machine's own. Takes about two seconds.
 */
export async function startPostgres(
  settings: Record<string, string> = {},
  release?: Release,
): Promise<TestPostgres> {
  const account = postgresAccount();
  const directory = await mkdtemp(join(tmpdir(), "dhistance-postgres-"));
  if (account.uid !== undefined && account.gid !== undefined)
    await chown(directory, account.uid, account.gid);
  const binDirectory =
    release === undefined ? postgresBinDirectory() : join(directory, String(release), "bin");
  if (release !== undefined) {
    // The cache is its owner's alone; the keeper removes this folder.
    const copy = dirname(binDirectory);
    await cp(await ensureRelease(release), copy, { recursive: true });
    if (account.uid !== undefined) await run("chown", ["-R", `${account.uid}:${account.gid}`, copy]);
  }
  const dataDirectory = join(directory, "data");
  const password = randomBytes(12).toString("hex");
  const passwordFile = join(directory, "password");
  await writeFile(passwordFile, password);
  await run(
    join(binDirectory, "initdb"),
    [
      ...["-D", dataDirectory, "-U", "postgres", `--pwfile=${passwordFile}`],
      ...["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
    ],
    { ...account, cwd: directory },
  );

  const port = await freePort();
  const all: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    // Files need not survive a power cut of the machine; what survives a crash of the server is unchanged.
    fsync: "off",
    jit: "off",
    max_locks_per_transaction: "128",
    ...settings,
    port: String(port),
  };
  const options = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(
    "/bin/sh",
    ["-c", keeper, "keeper", directory, join(binDirectory, "postgres"), "-D", dataDirectory, ...options],
    { ...account, cwd: directory, detached: true, stdio: ["pipe", "ignore", "ignore"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const { stdin } = child;
  if (!stdin) throw new Error("the keeper has no standard input");
  stdin.on("error", () => undefined);
  child.unref();

  const address = { host: "127.0.0.1", port };
  const url = (database = "postgres", role = { user: "postgres", password }) =>
    `postgres://${encodeURIComponent(role.user)}:${encodeURIComponent(role.password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const query = async <R extends QueryResultRow>(sql: string, parameters?: unknown[], database?: string) => {
    const client = new Client({ connectionString: url(database) });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const result = await client.query<R>(sql, parameters);
      const last = Array.isArray(result) ? (result as (typeof result)[]).at(-1) : result;
      return last?.rows ?? [];
    } finally {
      await client.end();
    }
  };
  const stop = async () => {
    stdin.end();
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const ready = async () => {
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        await query("SELECT 1");
        return;
      } catch (error) {
        if (Date.now() > deadline) {
          const log = existsSync(join(directory, "log")) ? readFileSync(join(directory, "log"), "utf8") : "";
          await stop();
          throw new Error(`PostgreSQL did not start: ${String(error)}\n${log.slice(-2000)}`);
        }
        await sleep(50);
      }
    }
  };
  await ready();

  return {
    ...address,
    socketDirectory: directory,
    dataDirectory,
    user: "postgres",
    password,
    binDirectory,
    version: Number(binDirectory.split("/").at(-2)),
    url,
    query,
    stop,
    crash: async () => {
      const started = () => query<{ t: Date }>("SELECT pg_postmaster_start_time() AS t").then((r) => r[0]?.t);
      const before = await started();
      stdin.write("\n");
      // The old server may still answer for a moment.
      for (;;) {
        await ready();
        const now = await started().catch(() => undefined);
        if (now && now.getTime() !== before?.getTime()) return;
        await sleep(20);
      }
    },
  };
}

/**
 * A TCP port of an address of this machine, which nobody listens on at the moment of the call. Below 32768, from where on
 * Linux gives ports to outgoing connections: one of another test would take it before the caller does.
 */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = randomInt(16_384, 32_768);
    const server = createServer().listen(port, address);
    const free = await once(server, "listening").then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") return false;
        throw error;
      },
    );
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
