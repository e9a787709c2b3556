import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDhis2Like } from "../testing/dhis2";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import type { TableCount } from "./load/lanes";
import { majorVersion } from "./dhis2";
import { validate } from "./validate";

let postgres: TestPostgres;
let client: Client;

beforeAll(async () => {
  postgres = await startPostgres();
  await createDhis2Like(postgres, "dhis2", { dataValues: 100, events: 100 });
  client = new Client({ connectionString: postgres.url("dhis2") });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await postgres.stop();
});

/** Validates what `sql` makes of the database, and undoes it. */
async function after(sql: string, serverVersion?: string, tables = new Map<string, TableCount>()) {
  await client.query("BEGIN");
  try {
    await client.query(sql);
    return await validate(client, tables, serverVersion);
  } finally {
    await client.query("ROLLBACK");
  }
}

describe("versions", () => {
  it.each([
    ["42.5.2", 42],
    ["2.42.5.2", 42],
    ["2.41", 41],
    ["43", 43],
    ["2.43.0-SNAPSHOT", 43],
  ])("%s is %i", (text, major) => expect(majorVersion(text)).toBe(major));

  it.each(["", "latest", "4", "1.42"])("%j is none", (text) => expect(majorVersion(text)).toBeUndefined());

  it("a dump of the server's version or an older one is taken, a newer one refused", async () => {
    expect(await after("", "42.0")).toMatchObject({ dhis2: "2.42", newestMigration: "2.42.20" });
    expect(await after("", "43.1")).toMatchObject({ dhis2: "2.42" });
    await expect(after("", "41.9")).rejects.toThrow(/DHIS2 2\.42, newer than the server's 41\.9/);
    expect(await after("")).toMatchObject({ dhis2: "2.42" });
  });

  it("a database that is no DHIS2's is refused where one is expected", async () => {
    const sql = "DROP TABLE flyway_schema_history";
    expect(await after(sql)).toEqual({ problems: [] });
    await expect(after(sql, "42.0")).rejects.toThrow(/no DHIS2 database/);
  });

  it("a dump without accounts is refused for a server: DHIS2 would make admin with its default password", async () => {
    const sql = "TRUNCATE userinfo CASCADE";
    await expect(after(sql, "42.0")).rejects.toThrow(/The dump has no account .* lets anybody in/);
    expect(await after(sql)).toMatchObject({ dhis2: "2.42" });
  });

  it("a failed migration is refused", async () => {
    const sql = "UPDATE flyway_schema_history SET success = false WHERE version = '2.42.7'";
    await expect(after(sql, "42.0")).rejects.toThrow(/\(2\.42\.7\) had failed/);
  });
});

describe("counts", () => {
  const counts = (rows: number, stored: number, there?: number) =>
    new Map([["public.event", { rows, stored, bytes: 0, ...(there !== undefined && { there }) }]]);

  it("as in the dump: taken", async () => {
    await after("", undefined, counts(100, 100, 100));
  });

  it.each([
    ["a row was lost on the way", 101, 100, 100],
    ["the server stored another number", 100, 99, 100],
    ["a row has vanished since", 100, 100, 99],
    ["nobody has counted", 100, 100, undefined],
  ])("%s: refused", async (_what, rows, stored, there) => {
    await expect(after("", undefined, counts(rows, stored, there))).rejects.toThrow(
      /public\.event: \d+ in the dump, \d+ stored, .+ in the database/,
    );
  });
});

it("without PostGIS: refused", async () => {
  await expect(after("DROP EXTENSION postgis CASCADE")).rejects.toThrow(/PostGIS is not in the new database/);
});

describe("what will stop an upgrade is reported", () => {
  const dump41 = "DELETE FROM flyway_schema_history WHERE version LIKE '2.42.%';";

  it.each([
    [
      42,
      dump41,
      "ALTER TABLE event ALTER organisationunitid DROP NOT NULL; UPDATE event SET organisationunitid = NULL WHERE eventid < 4",
      "events without an organisation unit",
      3,
    ],
    [43, "", "UPDATE event SET occurreddate = NULL", "single events without a date", 50],
    [
      43,
      "",
      "UPDATE categoryoptioncombo SET name = 'default', uid = 'x' || substr(uid, 2) WHERE categoryoptioncomboid < 3",
      "category option combos named default",
      2,
    ],
    [
      43,
      "",
      "UPDATE dataelement SET valuetype = 'TRACKER_ASSOCIATE' WHERE dataelementid = 1",
      "TRACKER_ASSOCIATE",
      1,
    ],
  ])("DHIS2 %i: %s%s", async (version, dump, sql, what, rows) => {
    const { problems } = await after(`${dump}${sql}`, "43.0");
    expect(problems).toMatchObject([
      { version, rows, see: expect.stringContaining(`releases/2.${version}/`) as string },
    ]);
    expect(problems[0]?.what).toContain(what);
  });

  it("in the tables' older names", async () => {
    const sql =
      "DELETE FROM flyway_schema_history WHERE version >= '2.41'; ALTER TABLE event RENAME TO programstageinstance;" +
      "ALTER TABLE programstageinstance RENAME occurreddate TO executiondate; UPDATE programstageinstance SET executiondate = NULL";
    expect((await after(sql, "43.0")).problems).toMatchObject([{ version: 43, rows: 50 }]);
  });

  it("only what is due: not what the server's version does not ask for, nor what is done", async () => {
    expect((await after("UPDATE event SET occurreddate = NULL", "42.0")).problems).toEqual([]);
    expect((await after("", "43.0")).problems).toEqual([]);
  });
});
