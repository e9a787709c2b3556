/** Which tables a backup holds, and how many rows each has. */
import type { Client } from "pg";
import { isGeneratedTable } from "../generatedTables";
import { quote } from "../import/load/constraint";
import { ServerError } from "../import/server";

export interface Table {
  schema: string;
  name: string;
}

/** `schema.table`. */
export function fullName({ schema, name }: Table): string {
  return `${schema}.${name}`;
}

/** Every table with rows of its own: none of PostgreSQL's, of extensions or of a session. */
export async function tablesOf(client: Client): Promise<Table[]> {
  const { rows } = await client.query<Table>(
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" +
      " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'" +
      " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')" +
      " ORDER BY 1, 2",
  );
  return rows;
}

/**
 * The tables whose data is not backed up, because DHIS2 generates it. One that a table with data refers to is kept:
 * without its rows the other's could not be loaded.
 */
export async function leftOutOf(client: Client, tables: Table[]): Promise<Set<string>> {
  const leftOut = new Set(tables.map(fullName).filter(isGeneratedTable));
  const { rows: keys } = await client.query<{ table: string; refersTo: string }>(
    "SELECT tn.nspname || '.' || t.relname AS table, rn.nspname || '.' || r.relname AS \"refersTo\" FROM pg_constraint c" +
      " JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace" +
      " JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE c.contype = 'f'",
  );
  const needed = () => keys.find(({ table, refersTo }) => leftOut.has(refersTo) && !leftOut.has(table));
  for (let key = needed(); key; key = needed()) leftOut.delete(key.refersTo);
  return leftOut;
}

/**
 * The tables without data that other objects are made of, such as a view that a ministry has made: they are backed up
 * empty. All others are not touched at all, so that DHIS2 can drop them while the backup is made.
 */
export async function neededEmpty(client: Client, leftOut: ReadonlySet<string>): Promise<Set<string>> {
  const { rows } = await client.query<{ table: string; by: string | null }>(NEEDS);
  const needed = new Set<string>();
  const isKept = (by: string | null) => by === null || !leftOut.has(by) || needed.has(by);
  const more = () => rows.find(({ table, by }) => leftOut.has(table) && !needed.has(table) && isKept(by));
  for (let next = more(); next; next = more()) needed.add(next.table);
  return needed;
}

/** Which table is needed, and by which relation: null for a function. */
const NEEDS = `
  WITH tables AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name, c.reltype, t.typarray
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_type t ON t.oid = c.reltype
  )
  SELECT t.name AS table, v.name AS by
    FROM tables t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
      JOIN tables v ON v.oid = r.ev_class WHERE v.oid <> t.oid
  UNION SELECT t.name, NULL
    FROM tables t JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.deptype = 'n' AND
      (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid OR
       d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.reltype, t.typarray))
  UNION SELECT t.name, u.name
    FROM tables t JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.reltype, t.typarray)
      JOIN tables u ON d.classid = 'pg_class'::regclass AND u.oid = d.objid WHERE u.oid <> t.oid
  UNION SELECT p.name, c.name FROM pg_inherits i JOIN tables p ON p.oid = i.inhparent JOIN tables c ON c.oid = i.inhrelid`;

/** Longest wait for a table that somebody else has locked. */
const LOCK_TIMEOUT = "60s";

/**
 * Keeps all of them from being changed or dropped until the transaction ends: from then on nothing waits for a lock.
 * @throws Error after a minute when somebody else has locked one, and does not let go
 */
export async function lockTables(client: Client, tables: Table[]): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
  for (const { schema, name } of tables) {
    await client
      .query(`LOCK TABLE ONLY ${quote(schema)}.${quote(name)} IN ACCESS SHARE MODE`)
      .catch((error: Error & { code?: string }) => {
        if (error.code !== "55P03") throw error;
        throw new ServerError(
          `No backup was made: ${schema}.${name} has been locked for ${LOCK_TIMEOUT} by another session, such as a migration or ` +
            "VACUUM FULL. Wait for that to end (pg_stat_activity shows it), then export again.",
        );
      });
  }
}

export async function countRows(
  client: Client,
  tables: Table[],
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    signal.throwIfAborted();
    const from = `${quote(table.schema)}.${quote(table.name)}`;
    const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ONLY ${from}`);
    counts[fullName(table)] = Number(rows[0]?.count);
  }
  return counts;
}

/** What differs between what was exported and what is there, in words. */
export function differences(exported: Record<string, number>, restored: Record<string, number>): string[] {
  const number = (value: number) => value.toLocaleString("en");
  return Object.entries(exported).flatMap(([table, rows]) => {
    const there = restored[table];
    if (there === undefined) return [`${table} is missing`];
    return there === rows ? [] : [`${table} has ${number(there)} rows, not ${number(rows)}`];
  });
}
