/**
 * Whether what was loaded may become the live database. Asked as the role that loaded it: a view, a policy or a
 * function of the dump must not run with more rights than that.
 */
import type { Client } from "pg";
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

interface Check {
  version: number;
  what: string;
  see: string;
  /** `table.column` that have to be there; the tables had other names before. */
  needs: string[];
  /** Gives the number of rows in the way. */
  sql: string;
}

const notes = (version: number, anchor: string) =>
  `https://github.com/dhis2/dhis2-releases/blob/master/releases/2.${version}/migration-notes.md#${anchor}`;

/** As DHIS2's migration notes have them, in the tables' names since 41 and before. */
export const checks: Check[] = [
  ...["event", "programstageinstance"].map((table) => ({
    version: 42,
    what: "events without an organisation unit",
    see: notes(42, "null-organisation-unit"),
    needs: [`${table}.organisationunitid`],
    sql: `SELECT count(*) AS rows FROM public.${table} WHERE organisationunitid IS NULL`,
  })),
  ...["enrollment", "programinstance"].map((table) => ({
    version: 42,
    what: "enrollments without an organisation unit",
    see: notes(42, "null-organisation-unit"),
    needs: [`${table}.organisationunitid`, "program.type"],
    sql:
      `SELECT count(*) AS rows FROM public.${table} e JOIN public.program p USING (programid)` +
      " WHERE e.organisationunitid IS NULL AND p.type = 'WITH_REGISTRATION'",
  })),
  ...(
    [
      ["event", "occurreddate"],
      ["programstageinstance", "executiondate"],
    ] as const
  ).map(([table, column]) => ({
    version: 43,
    what: "single events without a date",
    see: notes(43, "null-occurred-date-for-single-events"),
    needs: [`${table}.${column}`, "programstage.programid", "program.type"],
    sql:
      `SELECT count(*) AS rows FROM public.${table} e JOIN public.programstage s USING (programstageid)` +
      ` JOIN public.program p ON p.programid = s.programid WHERE e.${column} IS NULL AND p.type = 'WITHOUT_REGISTRATION'`,
  })),
  {
    version: 43,
    what: "category option combos named default, but none has the UID HllvX50cXC0",
    see: notes(43, "enrollment-attribute-option-combo"),
    needs: ["categoryoptioncombo.name", "categoryoptioncombo.uid"],
    sql:
      "SELECT CASE WHEN count(*) > 1 AND count(*) FILTER (WHERE uid = 'HllvX50cXC0') = 0 THEN count(*) ELSE 0 END AS rows" +
      " FROM public.categoryoptioncombo WHERE name = 'default'",
  },
  ...["trackedentityattribute", "dataelement"].map((table) => ({
    version: 43,
    what: `rows of ${table} of the value type TRACKER_ASSOCIATE`,
    see: notes(43, "tracker-associate"),
    needs: [`${table}.valuetype`],
    sql: `SELECT count(*) AS rows FROM public.${table} WHERE valuetype = 'TRACKER_ASSOCIATE'`,
  })),
];

/** `to` limits it to the migrations that are due; without it all later ones are asked for. */
async function findProblems(client: Client, from: number, to = Infinity): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { version, what, see, needs, sql } of checks) {
    if (version <= from || version > to) continue;
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
