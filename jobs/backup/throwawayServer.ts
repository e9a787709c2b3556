/** A throwaway PostgreSQL server: on a socket in a private directory, without any network, gone with us. */
import { execFileSync, spawn } from "node:child_process";
import { chown, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";
import { LocationError } from "./errors";
import { environment } from "./restic";
import { killedWithParent, postgresProgram, runTool } from "./runTool";

/** How long it may take to start, in milliseconds. */
const PATIENCE = 60_000;

/**
 * Runs `work` with a new server below `directory`, which is removed at the end.
 * @throws LocationError when it does not start
 */
export async function withThrowawayServer<T>(
  directory: string,
  signal: AbortSignal,
  work: (superuser: ClientConfig) => Promise<T>,
): Promise<T> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const account = unprivileged();
  if (account.uid !== undefined && account.gid !== undefined)
    await chown(directory, account.uid, account.gid);
  const data = join(directory, "data");
  const options = { env: environment(), signal, cwd: directory, ...account };
  try {
    // Who reaches the socket is let in: the directory is private, and all of it gone in the end.
    const parameters = ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"];
    await runTool(postgresProgram("initdb"), [...parameters, "--no-sync"], options);
    const settings = {
      ...{ listen_addresses: "", unix_socket_directories: directory, port: "5432" },
      // It need not survive anything.
      ...{ fsync: "off", full_page_writes: "off", synchronous_commit: "off", autovacuum: "off" },
      ...{ max_wal_size: "2GB", maintenance_work_mem: "256MB", max_locks_per_transaction: "256" },
      // A container has little shared memory; files in its own directory do as well.
      dynamic_shared_memory_type: "mmap",
      ...{ logging_collector: "on", log_directory: directory, log_filename: "log" },
    };
    const child = spawn(
      ...killedWithParent(postgresProgram("postgres"), [
        ...["-D", data],
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ]),
      { stdio: "ignore", cwd: directory, env: options.env, ...account },
    );
    const ended = new Promise<void>((resolve) =>
      child.on("close", () => resolve()).on("error", () => resolve()),
    );
    try {
      const superuser = { host: directory, port: 5432, user: "postgres", database: "postgres" };
      const log = () => readFile(join(directory, "log"), "utf8").catch(() => "it wrote no log");
      const isUp = await answers(superuser, signal, () => child.exitCode !== null);
      if (!isUp)
        throw new LocationError(`The throwaway PostgreSQL does not start: ${(await log()).slice(-400)}`);
      return await work(superuser);
    } finally {
      child.kill("SIGQUIT");
      await ended;
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  try {
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    throw new LocationError("PostgreSQL does not run as root, and there is no account postgres to run it.");
  }
}

async function answers(config: ClientConfig, signal: AbortSignal, isDead: () => boolean): Promise<boolean> {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline && !isDead();) {
    signal.throwIfAborted();
    const client = new Client(config);
    client.on("error", () => undefined);
    const up = await client.connect().then(
      () => true,
      () => false,
    );
    await client.end().catch(() => undefined);
    if (up) return true;
    await sleep(50);
  }
  return false;
}
