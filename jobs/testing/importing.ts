/** Runs imports for tests. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ImportProgress, runImport, type ImportOptions, type ImportResult } from "../import/runImport";
import { startPostgres, type TestPostgres } from "./postgres";

const run = promisify(execFile);

/** What most tests of the import need: a server with the application's role, and a directory for dumps. */
export async function startImporting(): Promise<{
  postgres: TestPostgres;
  work: Awaited<ReturnType<typeof workDirectory>>;
  stop: () => Promise<void>;
}> {
  const postgres = await startPostgres();
  const work = await workDirectory();
  await createApplicationRole(postgres);
  const stop = async () => {
    await postgres.stop();
    await work.remove();
  };
  return { postgres, work, stop };
}

/** Creates the application's role, `dhis`, with the password `dhis`. */
export async function createApplicationRole(postgres: TestPostgres): Promise<void> {
  await postgres.query("CREATE ROLE dhis LOGIN PASSWORD 'dhis'");
}

/** Imports as the superuser into the database `live`, unless told otherwise. */
export function importInto(
  postgres: TestPostgres,
  dump: string,
  options: Partial<ImportOptions> = {},
): Promise<ImportResult> {
  const { host, port, user, password } = postgres;
  return runImport({
    dump,
    server: { host, port, user, password, database: "postgres" },
    database: "live",
    role: "dhis",
    connections: 2,
    excludeAnalytics: true,
    reimport: false,
    statementTimeout: 60,
    progress: new ImportProgress(),
    signal: new AbortController().signal,
    ...options,
  });
}

/** Runs one of PostgreSQL's programs against the server; returns what it writes. */
export async function client(postgres: TestPostgres, program: string, parameters: string[]): Promise<string> {
  const { host, port, user, password, binDirectory } = postgres;
  const { stdout } = await run(
    join(binDirectory, program),
    ["-h", host, "-p", String(port), "-U", user, ...parameters],
    { env: { ...process.env, PGPASSWORD: password }, maxBuffer: 1 << 28 },
  );
  return stdout;
}

/** A directory for dumps, and how to be rid of it. */
export async function workDirectory(): Promise<{
  path: (name: string) => string;
  remove: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "dhistance-test-"));
  return {
    path: (name) => join(directory, name),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
