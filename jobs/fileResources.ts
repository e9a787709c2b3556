/** Whether DHIS2's file store has the files that its database speaks of. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";

export interface RowsWithoutFile {
  /** Rows of `fileresource`. */
  rows: number;
  missing: number;
  /** Keys of the first that have no file. */
  first: string[];
}

const AT_ONCE = 1000;
const NAMED = 5;

/**
 * Looks for the file of each row of `fileresource`: DHIS2 keeps it under its storage key.
 * @returns undefined when the database has no such table
 */
export async function rowsWithoutFile(client: Client, files: string): Promise<RowsWithoutFile | undefined> {
  const there = await client.query(
    "SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.fileresource') AND attname = 'storagekey'",
  );
  if (there.rowCount === 0) return undefined;
  const found: RowsWithoutFile = { rows: 0, missing: 0, first: [] };
  for (let last: string | undefined = ""; last !== undefined;) {
    const { rows }: { rows: { key: string }[] } = await client.query(
      "SELECT storagekey AS key FROM public.fileresource WHERE storagekey > $1 ORDER BY 1 LIMIT $2",
      [last, AT_ONCE],
    );
    const keys = rows.map(({ key }) => key);
    const present = await Promise.all(keys.map((key) => isFile(join(files, key))));
    const missing = keys.filter((_, index) => !present[index]);
    found.rows += keys.length;
    found.missing += missing.length;
    found.first.push(...missing.slice(0, NAMED - found.first.length));
    last = keys.at(-1);
  }
  return found;
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

/** For a summary; undefined when there is nothing to say. */
export function missingFilesText({ rows, missing, first }: RowsWithoutFile): string | undefined {
  if (missing === 0) return undefined;
  const number = (value: number) => value.toLocaleString("en");
  const more = missing > first.length ? `, and ${number(missing - first.length)} more` : "";
  return `${number(missing)} of ${number(rows)} rows of fileresource have no file in the file store: ${first.join(", ")}${more}`;
}
