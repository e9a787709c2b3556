/** Dumps that PostgreSQL's own tools make of a real database: none of what is in them is refused, and none is lost. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { openDump } from "./format";
import { inspectDump, type Inspection, type InspectOptions } from "./inspect";
import { loadDump, newProgress } from "./load";
import { Judge } from "./sql/judge";
import { splitDump } from "./sql/split";
import { joinName } from "./sql/tree";

const run = promisify(execFile);

let postgres: TestPostgres;
let directory: string;

beforeAll(async () => {
  postgres = await startPostgres();
  directory = await mkdtemp(join(tmpdir(), "dhistance-honest-"));
  await postgres.query("CREATE DATABASE rich");
  await postgres.query(readFileSync(join(__dirname, "../testing/rich.sql"), "utf8"), undefined, "rich");
});

afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Runs pg_dump or pg_dumpall into a file, whose path comes back. */
async function dump(flags: string[], program = "pg_dump", database = "rich"): Promise<string> {
  const path = join(directory, `dump-${Math.random()}`);
  const which = program === "pg_dump" ? ["--dbname", postgres.url(database)] : [];
  // pg_dumpall gives its pg_dumps no password of a URL.
  const { host, port, user, password } = postgres;
  const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password };
  await run(join(postgres.binDirectory, program), [...which, ...flags, "--file", path], { env });
  return path;
}

async function inspect(path: string, options?: InspectOptions): Promise<Inspection> {
  const opened = await openDump(path);
  try {
    return await inspectDump(opened, options);
  } finally {
    await opened.remove();
  }
}

/** Rows of each table, as the server counts them. */
async function counted(): Promise<Record<string, number>> {
  const tables = await postgres.query<{ schema: string; name: string; rows: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, (xpath('/row/n/text()',
       query_to_xml(format('SELECT count(*) AS n FROM ONLY %s', c.oid::regclass), false, true, '')))[1]::text AS rows
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' AND c.relname <> 'spatial_ref_sys'`,
    [],
    "rich",
  );
  return Object.fromEntries(tables.map(({ schema, name, rows }) => [joinName([schema, name]), Number(rows)]));
}

const plain: [what: string, flags: string[], program?: string][] = [
  ["plain", []],
  ["--inserts", ["--inserts"]],
  ["--column-inserts", ["--column-inserts", "--rows-per-insert=2", "--on-conflict-do-nothing"]],
  ["--create", ["--create"]],
  ["--create --clean --if-exists", ["--create", "--clean", "--if-exists"]],
  ["--clean", ["--clean"]],
  ["--no-owner --no-acl", ["--no-owner", "--no-acl"]],
  ["--no-comments", ["--no-comments"]],
  ["--disable-dollar-quoting", ["--disable-dollar-quoting"]],
  ["--quote-all-identifiers", ["--quote-all-identifiers"]],
  ["--load-via-partition-root", ["--load-via-partition-root"]],
  ["--enable-row-security", ["--enable-row-security"]],
  ["--serializable-deferrable", ["--serializable-deferrable"]],
  ["pg_dumpall", [], "pg_dumpall"],
  ["pg_dumpall --clean", ["--clean", "--if-exists"], "pg_dumpall"],
  ["pg_dumpall --inserts", ["--inserts"], "pg_dumpall"],
];

describe("nothing is refused, and every row is seen, of", () => {
  test.each(plain)("%s", async (what, flags, program) => {
    const found = await inspect(await dump(flags, program), { excludeAnalytics: false });
    expect(found.refused).toEqual([]);
    expect(found).toMatchObject({ dhis2Version: "2.42", failedMigrations: [], encoding: "UTF8" });
    expect(found.serverVersion).toMatch(new RegExp(`^${postgres.version}\\.`));
    const rows = Object.fromEntries(found.tables.map(({ name, rows }) => [name, rows]));
    const expected = await counted();
    if (what.includes("partition-root")) {
      expected["public.part"] = (expected["public.part_2020"] ?? 0) + (expected["public.part_rest"] ?? 0);
      delete expected["public.part_2020"];
      delete expected["public.part_rest"];
    }
    for (const [name, count] of Object.entries(expected))
      expect([name, rows[name] ?? 0]).toEqual([name, count]);
  });

  test.each([
    ["custom", ["--format=custom"]],
    ["tar", ["--format=tar"]],
    ["custom, uncompressed", ["--format=custom", "--compress=0"]],
  ])("an archive: %s", async (_what, flags) => {
    const found = await inspect(await dump(flags), { excludeAnalytics: false });
    expect(found.refused).toEqual([]);
    expect(found.dhis2Version).toBe("2.42");
    expect(found.tables.find(({ name }) => name === "public.event")?.rows).toBe(3);
  });

  test("a directory, packed", async () => {
    const path = await dump(["--format=directory"]);
    await run("tar", ["-czf", `${path}.tgz`, "-C", path, "."]);
    const found = await inspect(`${path}.tgz`);
    expect(found).toMatchObject({
      refused: [],
      format: "directory",
      packing: ["gzip", "tar"],
      dhis2Version: "2.42",
    });
  });

  test("another encoding", async () => {
    await postgres.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    await postgres.query("CREATE TABLE t (a text); INSERT INTO t VALUES ('é;''')", undefined, "latin");
    for (const flags of [[], ["--inserts"]]) {
      const found = await inspect(await dump(flags, "pg_dump", "latin"));
      expect(found).toMatchObject({ refused: [], encoding: "LATIN1", rows: 1 });
    }
  });

  test("strings read as before PostgreSQL 9.1", async () => {
    await postgres.query("CREATE DATABASE old");
    await postgres.query("ALTER DATABASE old SET standard_conforming_strings = off");
    await postgres.query(
      "CREATE TABLE t (a text, b bytea); INSERT INTO t VALUES (E'\\\\; '' \\n', E'\\\\x5c27'); COMMENT ON TABLE t IS E'\\\\'",
      undefined,
      "old",
    );
    const path = await dump(["--inserts"], "pg_dump", "old");
    expect(readFileSync(path, "utf8")).toContain("SET standard_conforming_strings = off");
    expect(await inspect(path)).toMatchObject({ refused: [], rows: 1 });
    await load(path, "old_again");
    const rows = (database: string) =>
      postgres.query("SELECT *, obj_description('t'::regclass) FROM t", undefined, database);
    expect(await rows("old_again")).toEqual(await rows("old"));
  });
});

test("analytics are left out by default, their tables stay", async () => {
  const found = await inspect(await dump([]));
  const leftOut = found.tables
    .filter(({ leftOut }) => leftOut?.includes("analytics"))
    .map(({ name }) => name);
  expect(leftOut).toEqual([
    "public._orgunitstructure",
    "public.analytics_2020",
    "public.analytics_rs_orgunitstructure",
  ]);
});

/** Loads a dump as a role without rights into a new database, extensions as an import has them. */
async function load(path: string, database: string, from?: string): Promise<void> {
  const role = { user: `${database}_role`, password: "x" };
  await postgres.query(`CREATE ROLE ${role.user} LOGIN PASSWORD 'x'; GRANT ${role.user} TO postgres`);
  await postgres.query(`CREATE DATABASE ${database} TEMPLATE template0 OWNER ${role.user} ENCODING 'UTF8'`);
  await postgres.query(
    "CREATE EXTENSION postgis; CREATE EXTENSION btree_gin; CREATE EXTENSION pg_trgm",
    undefined,
    database,
  );
  const opened = await openDump(path);
  if (opened.kind !== "sql") throw new Error(opened.format);
  await loadDump(splitDump(opened.read()), {
    connection: { connectionString: postgres.url(database, role) },
    connections: 2,
    settings: { maintenanceMemory: 64, maintenanceWorkers: 0, statementTimeout: 60 },
    judge: await Judge.create(from === undefined ? {} : { database: from }),
    progress: newProgress(),
  });
}

/** A dump without what an import leaves out, in a form that can be compared. */
async function comparable(database: string): Promise<string> {
  const path = await dump(["--no-owner", "--no-acl", "--no-publications"], "pg_dump", database);
  return readFileSync(path, "utf8")
    .replace(/^\\(un)?restrict .*$/gm, "")
    .replace(/^CREATE POLICY reader .*$/gm, "")
    .replace(/^COMMENT ON (EXTENSION|SCHEMA public) .*$/gm, "")
    .replace(/^-- (Name|Data for Name|TOC): .*$/gm, "")
    .replace(/'\d+'(, \d+)?\);$/gm, "") // large objects' numbers
    .split("\n")
    .filter((line) => line !== "" && line !== "--")
    .sort()
    .join("\n");
}

describe("a dump of what was loaded is the dump it was loaded from:", () => {
  const loaded = plain.filter(
    ([what]) => !/comments|identifiers|deferrable|row-security|no-owner/.test(what),
  );
  test.each(loaded)("%s", async (what, flags, program) => {
    const database = `loaded_${plain.findIndex(([name]) => name === what)}`;
    await load(await dump(flags, program), database, program && "rich");
    expect(await comparable(database)).toEqual(await comparable("rich"));
    await postgres.query(`DROP DATABASE ${database}`);
  });
});
