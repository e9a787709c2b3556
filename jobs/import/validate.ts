/**
 * Whether what was loaded may become the live database. Asked as the role that loaded it: a view, a policy or a
 * function of the dump must not run with more rights than that.
 */
import type { Client } from "pg";
import { checksBetween } from "../../plans/migrationChecks";
import {
  dhis2Version,
  majorVersion,
  newestMigration,
  startProblem,
  uncheckedRelease,
  type Migration,
} from "./dhis2";
import type { TableCount } from "./load/lanes";

/** The dump was loaded, but must not become the live database. The message is for the person who asked for it. */
export class ValidationError extends Error {
  override readonly name = "ValidationError";
}

/** What is in the way of an upgrade: DHIS2's own migrations fail on it. */
export interface Problem {
  /** The DHIS2 version with the migrations that fail, for example 43. */
  version: number;
  what: string;
  rows: number;
  /** Where it says how to repair it. */
  see: string;
}

export interface Validation {
  /** `2.42`; undefined for a database that is no DHIS2's. */
  dhis2?: string;
  /** The newest migration, for example `2.42.43`. */
  newestMigration?: string;
  /** What could not be compared with the server's version, in words. */
  unchecked?: string;
  problems: Problem[];
}

/** `serverVersion`: of the DHIS2 that is going to use the database; without it versions are not compared. */
export async function validate(
  client: Client,
  tables: ReadonlyMap<string, TableCount>,
  serverVersion?: string,
): Promise<Validation> {
  checkCounts(tables);
  await checkPostgis(client);
  const migrations = (await readMigrations(client)) ?? [];
  const problem = startProblem(migrations, serverVersion);
  if (problem !== undefined) throw new ValidationError(problem);
  if (serverVersion !== undefined && !(await hasAccounts(client))) throw new ValidationError(NO_ACCOUNTS);
  const dhis2 = dhis2Version(migrations);
  const newest = newestMigration(migrations);
  const unchecked = serverVersion === undefined ? undefined : uncheckedRelease(migrations, serverVersion);
  const wanted = serverVersion === undefined ? undefined : majorVersion(serverVersion);
  return {
    ...(dhis2 !== undefined && { dhis2 }),
    ...(newest !== undefined && { newestMigration: newest }),
    ...(unchecked !== undefined && { unchecked }),
    problems: dhis2 === undefined ? [] : await findProblems(client, majorVersion(dhis2) ?? 0, wanted),
  };
}

const NO_ACCOUNTS =
  "The dump has no account (no row in the table userinfo, or users before DHIS2 2.38). DHIS2 would make the account admin " +
  "with its default password at its next start, which lets anybody in. Make the dump with all tables of the schema public.";

/** DHIS2's accounts: the table that has their passwords. */
async function hasAccounts(client: Client): Promise<boolean> {
  for (const table of ["userinfo", "users"]) {
    if (!(await columnExists(client, table, "password"))) continue;
    const { rows } = await client.query(`SELECT FROM ONLY public.${table} LIMIT 1`);
    if (rows.length > 0) return true;
  }
  return false;
}

/** Rows read from the dump, rows the server said it stored, and rows that are there have to be the same. */
function checkCounts(tables: ReadonlyMap<string, TableCount>): void {
  const wrong = [...tables]
    .filter(([, { rows, stored, there }]) => rows !== stored || rows !== there)
    .map(
      ([table, { rows, stored, there = "nobody knows how many" }]) =>
        `${table}: ${rows} in the dump, ${stored} stored, ${there} in the database`,
    );
  if (wrong.length > 0) {
    throw new ValidationError(
      `Rows are missing, or too many, after the load:\n  ${wrong.slice(0, 20).join("\n  ")}`,
    );
  }
}

async function checkPostgis(client: Client): Promise<void> {
  const { rows } = await client.query("SELECT FROM pg_catalog.pg_extension WHERE extname = 'postgis'");
  if (rows.length === 0) {
    throw new ValidationError("PostGIS is not in the new database; DHIS2 does not start without it.");
  }
}

async function readMigrations(client: Client): Promise<Migration[] | undefined> {
  if (!(await columnExists(client, "flyway_schema_history", "version"))) return undefined;
  const { rows } = await client.query<{ version: string | null; success: boolean }>(
    "SELECT version, success FROM ONLY public.flyway_schema_history WHERE version IS NOT NULL" +
      " ORDER BY installed_rank",
  );
  return rows.map(({ version, success }) => ({ version: version ?? undefined, succeeded: success }));
}

/** `to` limits it to the migrations that are due; without it all later ones are asked for. */
async function findProblems(client: Client, from: number, to = Infinity): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { version, what, see, needs, sql } of checksBetween(from, to)) {
    if (!(await allExist(client, needs))) continue;
    const { rows } = await client.query<{ rows: string }>(sql);
    const count = Number(rows[0]?.rows);
    if (count > 0) problems.push({ version, what, rows: count, see });
  }
  return problems;
}

async function allExist(client: Client, columns: string[]): Promise<boolean> {
  for (const name of columns) {
    const [table = "", column = ""] = name.split(".");
    if (!(await columnExists(client, table, column))) return false;
  }
  return true;
}

/** Whether a table of the schema public has a column. */
export async function columnExists(client: Client, table: string, column: string): Promise<boolean> {
  const { rows } = await client.query(
    "SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid" +
      " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = $1" +
      " AND a.attname = $2 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')",
    [table, column],
  );
  return rows.length > 0;
}
