import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contents, createEveryKindOfObject } from "../testing/everyKindOfObject";
import { client, importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";

const run = promisify(execFile);

let postgres: TestPostgres;
let origin: Record<string, string>;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await createEveryKindOfObject(postgres, "everything");
  origin = await contents(postgres, "everything");
});
afterAll(() => stop());

async function dump(name: string, parameters: string[], program = "pg_dump"): Promise<string> {
  const path = work.path(name);
  const database = program === "pg_dump" ? ["everything"] : [];
  await client(postgres, program, [...parameters, "-f", path, ...database]);
  return path;
}

/** Imports, and compares structure and rows with the original. */
async function expectSame(path: string): Promise<void> {
  const result = await importInto(postgres, path, { reimport: true });
  expect(result.outcome).toBe("imported");
  expect(await contents(postgres, "live")).toEqual(origin);
  expect(result.rows).toBeGreaterThan(90_000);
  if (result.kept !== undefined) await postgres.query(`DROP DATABASE "${result.kept}"`);
}

describe("a dump comes in as it was", () => {
  it.each([
    ["plain SQL", "plain.sql", []],
    ["without owners and rights", "bare.sql", ["--no-owner", "--no-acl"]],
    ["with CREATE DATABASE", "create.sql", ["-C"]],
    ["with CREATE DATABASE and DROP", "clean.sql", ["-C", "-c", "--if-exists"]],
    ["as INSERTs", "inserts.sql", ["--inserts"]],
    ["as INSERTs of many rows", "many.sql", ["--column-inserts", "--rows-per-insert=100"]],
    ["by way of the partitions' root", "root.sql", ["--load-via-partition-root"]],
    ["quoting all identifiers", "quoted.sql", ["--quote-all-identifiers"]],
    ["in LATIN1", "latin1.sql", ["--encoding=LATIN1"]],
    ["in WIN1252", "windows.sql", ["--encoding=WIN1252"]],
    ["custom", "custom.dump", ["-Fc"]],
    ["custom, not compressed", "custom0.dump", ["-Fc", "-Z0"]],
    ["custom, as INSERTs", "custom-inserts.dump", ["-Fc", "--inserts"]],
    ["tar", "tar.dump", ["-Ft"]],
  ] as [string, string, string[]][])("%s", async (_title, name, parameters) => {
    await expectSame(await dump(name, parameters));
  });

  it("gzip, zstd, zip, whatever they are called", async () => {
    const plain = await dump("packed.sql", []);
    await run("gzip", ["-k", plain]);
    await run("zstd", ["-q", plain]);
    await run("zip", ["-q", "-j", work.path("packed.bak"), plain]);
    await expectSame(`${plain}.gz`);
    await expectSame(`${plain}.zst`);
    await expectSame(work.path("packed.bak"));
  });

  it("directory, packed as tar", async () => {
    const directory = work.path("directory");
    await client(postgres, "pg_dump", ["-Fd", "-f", directory, "everything"]);
    await run("tar", ["-cf", work.path("directory.tar"), "-C", directory, "."]);
    await expectSame(work.path("directory.tar"));
  });

  it("one database of a pg_dumpall", async () => {
    const path = await dump("all.sql", ["--no-role-passwords"], "pg_dumpall");
    const { reimport, fromDatabase } = { reimport: true, fromDatabase: "everything" };
    const result = await importInto(postgres, path, { reimport, fromDatabase });
    expect(await contents(postgres, "live")).toEqual(origin);
    if (result.kept !== undefined) await postgres.query(`DROP DATABASE "${result.kept}"`);
  });
});

it("belongs to the application's role, which is all that is left of the import", async () => {
  await importInto(postgres, await dump("owned.sql", []), { reimport: true });
  const foreign = await postgres.query(
    `SELECT c.oid::regclass::text AS name, pg_get_userbyid(relowner) AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relkind <> 'c' AND pg_get_userbyid(relowner) <> 'dhis'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
     AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_depend d ON d.objid = i.indrelid WHERE i.indexrelid = c.oid AND d.deptype = 'e')`,
    undefined,
    "live",
  );
  expect(foreign).toEqual([]);
  expect(await postgres.query("SELECT rolname FROM pg_roles WHERE rolname LIKE '%import%'")).toEqual([]);
  expect(
    await postgres.query("SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'live'"),
  ).toEqual([{ owner: "dhis" }]);
  // It can use what it owns, and make more.
  const role = { user: "dhis", password: "dhis" };
  const dhis = new Client({ connectionString: postgres.url("live", role) });
  await dhis.connect();
  await dhis.query("UPDATE public.plain SET name = 'changed' WHERE id = 1; CREATE TABLE mine (a int)");
  const { rows } = await dhis.query(
    "SELECT changed, nspname FROM public.plain, pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE id = 1 AND relname = 'mine'",
  );
  expect(rows).toEqual([{ changed: "trigger; ran", nspname: "public" }]);
  await dhis.end();
});

it("says in its summary what was left out and why", async () => {
  const path = await dump("summary.sql", []);
  const result = await importInto(postgres, path, { reimport: true });
  const reasons = result.leftOut.map(({ what }) => what).join("\n");
  expect(reasons).toMatch(/owners: everything belongs to the server's own role/);
  expect(reasons).toMatch(/grants: rights are the server's/);
  const text = await readFile(path, "utf8");
  const big = text.split("COPY public.big ")[1]?.split("\\.\n")[0]?.split("\n").length ?? 0;
  expect(result.tables.find(({ name }) => name === "public.big")?.rows).toBe(big - 2);
});
