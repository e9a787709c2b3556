/** An export never stalls DHIS2: it does not lock the tables that analytics drop and rename, and waits for none for ever. */
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import type { ExportResult } from "./export";

let world: BackupWorld;
let dhis2: Client;
const sql = (text: string, database = "hmis") => world.postgres.query(text, undefined, database);

beforeAll(async () => {
  world = await startBackupWorld({ dataValues: 300_000, events: 200 });
  dhis2 = new Client({ connectionString: world.postgres.url("hmis") });
  await dhis2.connect();
}, 300_000);
afterAll(async () => {
  await dhis2.end();
  await world.stop();
});

/** As DHIS2 makes its analytics: a new table under a temporary name takes the place of the one before. */
const ANALYTICS = ["analytics_2025", "analytics_rs_orgunitstructure"].map(
  (table) =>
    `CREATE TABLE ${table}_temp AS SELECT * FROM ${table};` +
    `DROP TABLE ${table} CASCADE; ALTER TABLE ${table}_temp RENAME TO ${table};`,
);

it("analytics run through while a backup is made", { timeout: 300_000 }, async () => {
  await dhis2.query("SET lock_timeout = '2s'");
  const child = world.start(...world.exportTo(world.path("busy")));
  let over = false;
  const end = ended(child).then((code) => ((over = true), code));
  const locked = new Set<string>();
  let runs = 0;
  while (!over) {
    for (const table of ANALYTICS) await dhis2.query(table);
    runs++;
    const { rows } = await dhis2.query<{ name: string }>(
      "SELECT c.relname AS name FROM pg_locks l JOIN pg_class c ON c.oid = l.relation" +
        " JOIN pg_stat_activity a ON a.pid = l.pid WHERE a.application_name IN ('pg_dump', 'dhistance export')",
    );
    rows.forEach(({ name }) => locked.add(name));
  }
  expect(await end).toBe(0);
  expect(runs).toBeGreaterThan(5);
  expect(locked).toContain("datavalue");
  expect([...locked].filter((name) => name.startsWith("analytics_"))).toEqual([]);
  expect(await world.backup("drill", ...world.inLocation(world.path("busy")))).toMatchObject({ code: 0 });
});

it(
  "views, types, functions and children keep the structure that they need",
  { timeout: 300_000 },
  async () => {
    await sql(`
    CREATE TABLE _orgunitstructure (organisationunitid bigint, level int);
    CREATE VIEW ministry_levels AS SELECT level FROM _orgunitstructure;
    CREATE TABLE _periodstructure (iso text);
    CREATE FUNCTION periods(_periodstructure[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE _dataelementstructure (id bigint);
    CREATE TABLE ministry_child (note text) INHERITS (_dataelementstructure);
    INSERT INTO ministry_child VALUES (1, 'kept');
    CREATE TABLE _categorystructure (id bigint);`);
    const run = await world.backup(...world.exportTo(world.path("needed")), "--json");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent<ExportResult>(run.stdout, "exported")?.leftOut).toHaveLength(6);
    const restore = ["restore", ...world.inLocation(world.path("needed")), ...world.server()];
    expect(await world.backup(...restore, "--database", "needed")).toMatchObject({ code: 0 });
    expect(await sql("SELECT * FROM ministry_levels", "needed")).toEqual([]);
    expect(await sql("SELECT note FROM ministry_child", "needed")).toEqual([{ note: "kept" }]);
    expect(
      await sql(
        "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '^(_|analytics_)' ORDER BY 1",
        "needed",
      ),
    ).toEqual([
      { name: "_dataelementstructure" },
      { name: "_orgunitstructure" },
      { name: "_periodstructure" },
    ]);
  },
);

it(
  "a table that somebody has locked ends the export after a minute, and names it",
  { timeout: 300_000 },
  async () => {
    await dhis2.query("BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE");
    const began = Date.now();
    const run = await world.backup(...world.exportTo(world.path("locked")));
    expect(Date.now() - began).toBeLessThan(110_000);
    await dhis2.query("ROLLBACK");
    expect(run.code).toBe(5);
    expect(run.stderr).toMatch(
      /No backup was made: public\.event has been locked for 60s by another session/,
    );
    expect(await world.backup(...world.exportTo(world.path("locked")))).toMatchObject({ code: 0 });
  },
);
