/** What a ministry's own people have added to the database: each backup carries it, or names what a restore leaves out. */
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import type { ExportResult } from "./export";
import type { RestoreResult } from "./restore";

let world: BackupWorld;
const sql = (text: string, database = "hmis") => world.postgres.query(text, undefined, database);
const exportTo = (location: string, ...more: string[]) =>
  world.backup(...world.exportTo(world.path(location)), "--json", ...more);
const inLocation = (command: string, location: string, ...more: string[]) =>
  world.backup(command, ...world.inLocation(world.path(location)), "--json", ...more);
const restore = (location: string, database: string) =>
  inLocation("restore", location, ...world.server(), "--database", database);
const alarm = (stdout: string) => lastEvent<{ message: string }>(stdout, "error")?.message;

beforeAll(async () => {
  world = await startBackupWorld();
});
afterAll(() => world.stop());

describe("is carried", { timeout: 300_000 }, () => {
  let restored: RestoreResult | undefined;
  const one = async (question: string) => Object.values((await sql(question, "restored"))[0] ?? {})[0];

  beforeAll(async () => {
    await sql(`
      CREATE ROLE bi_group; CREATE ROLE bi_reader LOGIN PASSWORD 'x' IN ROLE bi_group; CREATE ROLE etl;
      CREATE ROLE "data clerk";
      ALTER TABLE dataelement ENABLE ROW LEVEL SECURITY;
      CREATE POLICY p ON dataelement TO bi_reader USING (dataelementid < 10);
      ALTER TABLE program ENABLE ROW LEVEL SECURITY; ALTER TABLE program FORCE ROW LEVEL SECURITY;
      CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext;
      CREATE TABLE hs (h ext.hstore); INSERT INTO hs VALUES ('a=>1');
      INSERT INTO spatial_ref_sys (srid, srtext) VALUES (990001, 'ours');
      CREATE FUNCTION owned() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION owned() OWNER TO etl;
      REVOKE EXECUTE ON FUNCTION owned() FROM PUBLIC; GRANT EXECUTE ON FUNCTION owned() TO "data clerk";
      GRANT SELECT ON datavalue TO bi_group WITH GRANT OPTION;
      SET ROLE bi_group; GRANT SELECT ON datavalue TO bi_reader; RESET ROLE;
      GRANT UPDATE (name) ON program TO "data clerk";
      GRANT USAGE ON SCHEMA ext TO bi_reader; GRANT CREATE ON SCHEMA public TO etl;
      GRANT USAGE ON SEQUENCE hibernate_sequence TO etl;
      GRANT CONNECT, TEMPORARY ON DATABASE hmis TO bi_reader;
      ALTER DEFAULT PRIVILEGES FOR ROLE etl IN SCHEMA public GRANT SELECT ON TABLES TO bi_reader;
      ALTER DATABASE hmis SET search_path TO public, ext;
      ALTER DATABASE hmis SET default_transaction_read_only TO off;
      ALTER DATABASE hmis SET "app.note" TO 'it''s, "quoted"';
      ALTER ROLE bi_reader IN DATABASE hmis SET statement_timeout TO '7s';`);
    const exported = await exportTo("carried");
    expect(exported).toMatchObject({ code: 0, stderr: "" });
    // The throwaway server of a drill has none of these roles.
    const drilled = await inLocation("drill", "carried");
    expect(drilled.code, drilled.stdout).toBe(0);
    // Nor has the server that it is restored on, but for one.
    for (const role of ["bi_reader", "bi_group", "data clerk"])
      await sql(`ALTER ROLE "${role}" RENAME TO "former ${role}"`);
    const run = await restore("carried", "restored");
    expect(run).toMatchObject({ code: 0, stderr: "" });
    restored = lastEvent<RestoreResult>(run.stdout, "restored");
  }, 300_000);

  it("as roles without login or password", async () => {
    expect(restored).toMatchObject({ rolesMade: ["bi_group", "bi_reader", "data clerk"], lacking: [] });
    expect(
      await sql(
        "SELECT rolname, rolcanlogin, rolsuper, rolpassword FROM pg_authid WHERE rolname IN ('bi_reader', 'etl') ORDER BY 1",
      ),
    ).toMatchObject([
      { rolname: "bi_reader", rolcanlogin: false, rolsuper: false, rolpassword: null },
      { rolname: "etl" },
    ]);
    expect(await one("SELECT pg_has_role('bi_reader', 'bi_group', 'MEMBER')")).toBe(true);
  });

  it("as rows, in extensions' tables and types of other schemas, too", async () => {
    expect(await one("SELECT h -> 'a' FROM hs")).toBe("1");
    expect(await one("SELECT srtext FROM spatial_ref_sys WHERE srid = 990001")).toBe("ours");
    expect(await one("SELECT count(*)::int FROM program")).toBe(2);
    expect(await one("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'program'")).toBe(true);
  });

  it.each([
    ["a policy", "SELECT roles::text FROM pg_policies WHERE policyname = 'p'", "{bi_reader}"],
    ["a grant on a table", "SELECT has_table_privilege('bi_group', 'datavalue', 'SELECT WITH GRANT OPTION')"],
    [
      "a grant by somebody who was granted it",
      "SELECT relacl::text LIKE '%bi_reader=r/bi_group%' FROM pg_class WHERE relname = 'datavalue'",
    ],
    ["a grant on a column", "SELECT has_column_privilege('data clerk', 'program', 'name', 'UPDATE')"],
    ["a grant on a schema", "SELECT has_schema_privilege('bi_reader', 'ext', 'USAGE')"],
    ["a grant on the schema public", "SELECT has_schema_privilege('etl', 'public', 'CREATE')"],
    ["a grant on a function", "SELECT has_function_privilege('data clerk', 'owned()', 'EXECUTE')"],
    [
      "a right taken from everybody",
      "SELECT NOT proacl::text LIKE '%{=X%' AND NOT proacl::text LIKE '%,=X%' FROM pg_proc WHERE proname = 'owned'",
    ],
    ["a grant on a sequence", "SELECT has_sequence_privilege('etl', 'hibernate_sequence', 'USAGE')"],
    ["a grant on the database", "SELECT has_database_privilege('bi_reader', 'restored', 'CONNECT')"],
    [
      "default privileges",
      "SELECT defaclacl::text FROM pg_default_acl WHERE defaclrole = 'etl'::regrole",
      "{bi_reader=r/etl}",
    ],
    ["settings of the database", "SHOW search_path", "public, ext"],
    ["a setting that has to be quoted", `SELECT current_setting('app.note')`, `it's, "quoted"`],
    [
      "a role's settings in the database",
      "SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = 'bi_reader'::regrole AND setdatabase = (SELECT oid FROM pg_database WHERE datname = 'restored')",
      "{statement_timeout=7s}",
    ],
    [
      "the application's ownership",
      "SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'owned'",
      "dhis",
    ],
  ])("as %s", async (_, question, answer: unknown = true) => {
    expect(await one(question)).toEqual(answer);
  });

  it("but not for whoever signed nothing: grants are made by an administrator", async () => {
    const unsigned = world.inLocation(world.path("carried")).filter((each) => !/public|signing/.test(each));
    const run = await world.backup("restore", ...unsigned, ...world.server(), "--database", "unsigned");
    expect(run).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Not restored: grants and settings of the database/) as string,
    });
  });

  it("and a restore that fails leaves no role behind", async () => {
    for (const database of ["restored", "unsigned"]) await sql(`DROP DATABASE ${database}`, "postgres");
    for (const role of ["bi_reader", "bi_group", "data clerk"]) await sql(`DROP ROLE "${role}"`);
    const run = await world.backup(
      "restore",
      ...world.inLocation(world.path("carried")),
      ...world.server(),
      ...["--database", "never", "--files-to", "/proc/nowhere"],
    );
    expect(run.code).not.toBe(0);
    expect(await sql("SELECT FROM pg_roles WHERE rolname IN ('bi_reader', 'bi_group')")).toEqual([]);
    for (const role of ["bi_reader", "bi_group", "data clerk"])
      await sql(`ALTER ROLE "former ${role}" RENAME TO "${role}"`);
  });
});

describe("that only a superuser can make", { timeout: 300_000 }, () => {
  it("is left out of a restore, named, and an alarm until a person accepts that", async () => {
    await sql(`
      CREATE FUNCTION noticed() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
      CREATE EVENT TRIGGER audit_ddl ON ddl_command_end EXECUTE FUNCTION noticed();
      CREATE PUBLICATION everything FOR ALL TABLES;
      CREATE FUNCTION fast(text) RETURNS text LANGUAGE c AS '$libdir/fuzzystrmatch', 'soundex';
      CREATE VIEW fast_names AS SELECT fast(name) FROM dataelement;`);
    const run = await exportTo("left-out");
    expect(run.code, run.stdout).toBe(9);
    for (const what of [
      /EVENT TRIGGER audit_ddl \(permission denied/,
      /PUBLICATION everything \(must be superuser/,
      /FUNCTION fast\(text\) \(permission denied for language c\)/,
      /VIEW fast_names \(/,
    ])
      expect(alarm(run.stdout)).toMatch(what);
    expect(await exportTo("left-out")).toMatchObject({ code: 9 });
    const accepted = await exportTo("left-out", "--accept-shrink");
    expect(accepted).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent<ExportResult>(accepted.stdout, "exported")?.accepted).toHaveLength(4);
    expect(await exportTo("left-out")).toMatchObject({ code: 0, stderr: "" });
    expect(await inLocation("drill", "left-out")).toMatchObject({ code: 0, stderr: "" });
    const restored = await restore("left-out", "left_out");
    expect(restored).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent<RestoreResult>(restored.stdout, "restored")?.lacking).toHaveLength(4);
  });

  it("and that a table needs, makes the export fail: the message names both", async () => {
    await sql("CREATE TABLE sounds (name text DEFAULT fast('a')); INSERT INTO sounds VALUES ('b')");
    const run = await exportTo("impossible");
    expect(run).toMatchObject({ code: 5 });
    expect(alarm(run.stdout)).toMatch(
      /No backup was made, because a restore could not make public\.sounds: .*FUNCTION fast\(text\)/,
    );
    expect(await inLocation("list", "impossible")).toMatchObject({ code: 3 });
    await sql("DROP TABLE sounds; DROP FUNCTION fast CASCADE; DROP PUBLICATION everything");
    await sql("DROP EVENT TRIGGER audit_ddl");
  });
});

it(
  "a connection of the application sees what a restored policy lets it see",
  { timeout: 300_000 },
  async () => {
    expect(await restore("carried", "seen")).toMatchObject({ code: 0 });
    const { host, port } = world.postgres;
    const client = new Client({ host, port, user: "bi_reader", password: "x", database: "seen" });
    await client.connect();
    await sql("GRANT SELECT ON dataelement TO bi_reader", "seen");
    const { rows } = await client.query("SELECT dataelementid FROM dataelement");
    await client.end();
    expect(rows).toHaveLength(9);
  },
);
