/** Rows in = rows out + rows named as left out, for whatever tables are called and however they are dumped. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { client, importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";
import { quote } from "./load/constraint";
import { joinName } from "./sql/tree";

const run = promisify(execFile);

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;
let count = 0;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
});
afterAll(() => stop());

/** What a reader of names, comments and rows could stumble over. */
const nasty = [
  ...[" ", ".", '"', "'", "\\", "\n", ";", "--", "/*", "$", "$$", "%", "é", "漢", "A", "b", "_"],
  ...["public", "analytics", "analytics_2025", "_orgunitstructure", "COPY", "\\."],
];
const name = fc
  .array(fc.constantFrom(...nasty), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(""))
  .filter((text) => !text.startsWith("pg_"));
const value = fc.oneof(
  fc.constant(null),
  fc.array(fc.constantFrom(...nasty, "\t", "\r"), { maxLength: 4 }).map((parts) => parts.join("")),
);
const table = fc.record({
  schema: fc.oneof({ weight: 2, arbitrary: fc.constant("public") }, name),
  // Names that DHIS2 itself makes, and others.
  name: fc.oneof(
    { weight: 3, arbitrary: name },
    fc.constantFrom("analytics_2025", "analytics_rs_orgunitstructure"),
  ),
  column: name,
  rows: fc.array(value, { maxLength: 3 }),
  key: fc.boolean(),
});
const anyOf = (...flags: string[]) => fc.subarray(flags);
const plain = fc
  .tuple(
    fc.constantFrom([], ["--inserts"], ["--column-inserts"], ["--inserts", "--rows-per-insert=2"]),
    anyOf(
      "--clean",
      "--create",
      "--quote-all-identifiers",
      "--disable-dollar-quoting",
      "--no-owner",
      "--no-comments",
    ),
  )
  .map(([rows, more]) => ["-Fp", ...rows, ...more]);
const archive = fc
  .tuple(fc.constantFrom("-Fc", "-Ft", "-Fd"), anyOf("--inserts", "--no-owner", "--quote-all-identifiers"))
  .map(([format, more]) => [format, ...more]);

type Table = typeof table extends fc.Arbitrary<infer T> ? T : never;

async function create(database: string, tables: Table[]): Promise<void> {
  await postgres.query(`CREATE DATABASE ${database}`);
  const literal = (text: string | null) => (text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`);
  const statements = tables.flatMap(({ schema, name, column, rows, key }) => {
    const full = `${quote(schema)}.${quote(name)}`;
    const id = column === "id" ? "number" : "id";
    return [
      `CREATE SCHEMA IF NOT EXISTS ${quote(schema)};`,
      `CREATE TABLE ${full} (${id} int${key ? " PRIMARY KEY" : ""}, ${quote(column)} text);`,
      `COMMENT ON TABLE ${full} IS ${literal(column)};`,
      ...rows.map((text, i) => `INSERT INTO ${full} VALUES (${i}, ${literal(text)});`),
    ];
  });
  await postgres.query(statements.join("\n"), undefined, database);
}

/** Number and contents of each table's rows. */
async function rowsOf(database: string): Promise<Map<string, { rows: number; sum: string }>> {
  const tables = await postgres.query<{ schema: string; name: string }>(
    "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" +
      " WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)' AND c.relname <> 'spatial_ref_sys'",
    undefined,
    database,
  );
  const found = new Map<string, { rows: number; sum: string }>();
  for (const { schema, name } of tables) {
    const [row] = await postgres.query<{ rows: number; sum: string }>(
      `SELECT count(*)::int AS rows, md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) AS sum FROM ${quote(schema)}.${quote(name)} t`,
      undefined,
      database,
    );
    found.set(joinName([schema, name]), row ?? { rows: -1, sum: "" });
  }
  return found;
}

async function expectNothingLost(source: string, flags: string[]): Promise<void> {
  const path = work.path(`${source}${flags[0]}`);
  await client(postgres, "pg_dump", [...flags, "-f", path, source]);
  const packed = flags[0] === "-Fd" ? `${path}.tgz` : path;
  if (packed !== path) await run("tar", ["-czf", packed, "-C", path, "."]);
  const into = `${source}_imported`;
  const { leftOut, tables } = await importInto(postgres, packed, { database: into, extensions: ["postgis"] });
  const named = leftOut.flatMap((each) => each.tables ?? []);
  const out = await rowsOf(into);
  const empty = (await rowsOf("nothing")).get("public.t")?.sum;
  for (const [name, { rows, sum }] of await rowsOf(source)) {
    const left = named.filter((each) => each.name === name).reduce((total, each) => total + each.rows, 0);
    const there = out.get(name);
    const told = tables.find((each) => each.name === name)?.rows ?? 0;
    expect([name, there?.rows, told]).toEqual([name, rows - left, rows - left]);
    expect([name, there?.sum]).toEqual([name, left > 0 ? empty : sum]);
  }
  await postgres.query(`DROP DATABASE ${into}`);
}

it(
  "no row is lost without being named, from plain dumps and archives alike",
  { timeout: 600_000 },
  async () => {
    await postgres.query("CREATE DATABASE nothing");
    await postgres.query("CREATE TABLE t (a int)", undefined, "nothing");
    const tables = fc.uniqueArray(table, {
      ...{ minLength: 6, maxLength: 16, selector: (each: Table) => joinName([each.schema, each.name]) },
    });
    await fc.assert(
      fc.asyncProperty(tables, plain, archive, async (generated, plainFlags, archiveFlags) => {
        const source = `source_${count++}`;
        const one = { schema: "public", name: "always", column: "b", rows: ["x"], key: true };
        await create(source, [...generated, one]);
        await expectNothingLost(source, plainFlags);
        await expectNothingLost(source, archiveFlags);
        await postgres.query(`DROP DATABASE ${source}`);
      }),
      { numRuns: 5, endOnFailure: true },
    );
  },
);
