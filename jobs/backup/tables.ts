/** Which tables a backup holds, and how many rows each has. */
import type { Client } from "pg";
import { isGeneratedTable } from "../generatedTables";
import { quote } from "../import/load/constraint";

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
 * The tables that are backed up without their data, because DHIS2 generates the data. One that a table with data refers to is kept:
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
