import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { checksBetween } from "../../plans/migrationChecks";
import type { ServerOnHost } from "./server";

/** A failed one has no version that any DHIS2 knows. */
const MIGRATIONS =
  "SELECT CASE WHEN success THEN version ELSE '999' END FROM flyway_schema_history WHERE version IS NOT NULL";
const PSQL = 'cd && PGPASSWORD="$(cat given/administrator-password)" psql -XqAt -U "$1" -d "$2" -c "$0"';

/** A server's database, and who may read all of it. */
export interface DatabaseOnHost extends Pick<ServerOnHost, "docker" | "database"> {
  administrator: string;
  /** Its name in PostgreSQL. */
  name: string;
}

/** The migrations that DHIS2 has made in a server's database; none where the database does not run or has none. */
export async function migrationsIn(database: DatabaseOnHost): Promise<string[]> {
  return (await isRunning(database)) ? linesOf(database, MIGRATIONS).catch(() => []) : [];
}

/** What would make the migrations of an upgrade fail, each with the number of rows and where to read of their repair. */
export async function obstaclesIn(database: DatabaseOnHost, from: number, to: number): Promise<string[]> {
  const checks = checksBetween(from, to);
  if (checks.length === 0 || !(await isRunning(database))) return [];
  const columns = new Set(await linesOf(database, COLUMNS));
  const obstacles: string[] = [];
  for (const { what, see, needs, sql } of checks) {
    if (!needs.every((column) => columns.has(column))) continue;
    const rows = Number((await linesOf(database, sql))[0]);
    if (rows > 0) obstacles.push(`${rows} ${what} (${see})`);
  }
  return obstacles;
}

const COLUMNS =
  "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'";

async function isRunning({ docker, database }: DatabaseOnHost): Promise<boolean> {
  return docker
    .getContainer(database)
    .inspect()
    .then(
      ({ State }) => State.Running,
      (error: Error & { statusCode?: number }) => {
        if (error.statusCode === 404) return false;
        throw error;
      },
    );
}

/** @throws Error with PostgreSQL's own words */
async function linesOf(
  { docker, database, administrator, name }: DatabaseOnHost,
  sql: string,
): Promise<string[]> {
  const exec = await docker.getContainer(database).exec({
    Cmd: ["sh", "-c", PSQL, sql, administrator, name],
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({});
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => [out, err].forEach((each) => each.end()));
  const [lines, complaint] = await Promise.all([text(out), text(err)]);
  if ((await exec.inspect()).ExitCode !== 0) throw new Error(`${database}: ${complaint.trim()}`);
  return lines.split("\n").filter((line) => line !== "");
}
