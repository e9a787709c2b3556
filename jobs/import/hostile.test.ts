import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { dumpWith, hostileCorpus } from "../testing/hostile";
import { client, createApplicationRole, importInto, workDirectory } from "../testing/importing";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import type { DumpError } from "./errors";
import { Server } from "./server";

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof workDirectory>>;
let before: Awaited<ReturnType<typeof serverState>>;
// Where the server, which runs as another user, could make it as well.
const canary = `/tmp/dhistance-canary-${process.pid}`;

beforeAll(async () => {
  postgres = await startPostgres();
  work = await workDirectory();
  await createApplicationRole(postgres);
  await postgres.query("CREATE ROLE administrator LOGIN CREATEDB CREATEROLE PASSWORD 'secret'");
  await postgres.query("GRANT pg_monitor TO administrator");
  await writeFile(work.path("honest.sql"), dumpWith("").dump);
  await importInto(postgres, work.path("honest.sql"));
  before = await serverState();
});
afterAll(async () => {
  await postgres.stop();
  await work.remove();
  await rm(canary, { force: true });
});

/** Everything that a dump could have changed. */
async function serverState() {
  return {
    live: await contents(postgres, "live"),
    databases: await postgres.query(
      "SELECT datname, datacl, shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1",
    ),
    roles: await postgres.query("SELECT rolname, rolsuper FROM pg_roles ORDER BY 1"),
    settings: await postgres.query("SELECT * FROM pg_db_role_setting ORDER BY 1, 2"),
    files: await postgres.query("SELECT sourcefile, name, setting FROM pg_file_settings ORDER BY 1, 2"),
    tablespaces: await postgres.query("SELECT spcname FROM pg_tablespace ORDER BY 1"),
  };
}

async function refusal(path: string): Promise<DumpError> {
  // Without extensions, which take most of the time and are not asked for before the dump is through.
  return importInto(postgres, path, { reimport: true, extensions: [] }).then(
    () => expect.fail("it was imported"),
    (error: unknown) => error as DumpError,
  );
}

describe("a hostile dump is refused with line and statement, and nothing of it has happened", () => {
  it("each of the corpus", { timeout: 900_000 }, async () => {
    const wrong: string[] = [];
    for (const { what, sql, line, reason } of hostileCorpus(canary)) {
      const { dump, firstLine } = dumpWith(sql);
      await writeFile(work.path("hostile.sql"), dump);
      const error = await refusal(work.path("hostile.sql")).catch((e: Error) => e as DumpError);
      if (error.name !== "DumpError" || !reason.test(error.message)) wrong.push(`${what}: ${error.message}`);
      const blamed = firstLine + (line ?? 1) - 1;
      if (error.line !== undefined && error.line !== blamed)
        wrong.push(`${what}: line ${error.line} is blamed, not ${blamed}`);
      if (existsSync(canary)) wrong.push(`${what}: the canary was made`);
    }
    expect(wrong).toEqual([]);
    expect(await serverState()).toEqual(before);
  });

  it("the canary is one that psql would make", async () => {
    const { dump } = dumpWith(`\\! touch ${canary}`);
    await writeFile(work.path("hostile.sql"), dump);
    await postgres.query("CREATE DATABASE psql");
    await client(postgres, "psql", ["-X", "-q", "-f", work.path("hostile.sql"), "psql"]);
    expect(existsSync(canary)).toBe(true);
    await rm(canary);
    await postgres.query("DROP DATABASE psql");
  });
});

describe("a hostile archive", () => {
  async function archive(sql: string, format = "-Fc"): Promise<string> {
    const path = work.path("hostile.dump");
    await postgres.query("CREATE DATABASE evil");
    await postgres.query(sql, undefined, "evil");
    await client(postgres, "pg_dump", [format, "-f", path, "evil"]);
    await postgres.query("DROP SUBSCRIPTION IF EXISTS s", undefined, "evil");
    await postgres.query("DROP DATABASE evil");
    return path;
  }

  it.each([
    [
      "an event trigger",
      "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
      /EVENT TRIGGER e/,
    ],
    [
      "a foreign server",
      "CREATE EXTENSION postgres_fdw; CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw",
      /postgres_fdw|SERVER s/,
    ],
    [
      "a function in C",
      "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/pgcrypto', 'pg_digest'",
      /LANGUAGE c/,
    ],
    [
      "SECURITY DEFINER",
      "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
      /SECURITY DEFINER/,
    ],
    [
      "a subscription",
      "CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p WITH (connect = false, slot_name = NONE)",
      /SUBSCRIPTION s/,
    ],
    ["an operator", "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", /OPERATOR/],
    ["a file read in a view", "CREATE VIEW v AS SELECT pg_read_file('/etc/passwd') AS a", /reaches beyond/],
  ])("with %s", async (_what, sql, reason) => {
    for (const format of ["-Fc", "-Ft"]) {
      expect((await refusal(await archive(sql, format))).message).toMatch(reason);
    }
    expect(await serverState()).toEqual(before);
  });

  it("whose table of contents says something else than it runs", async () => {
    const column = "a".repeat(60);
    const path = await archive(`CREATE TABLE t (${column} int); INSERT INTO t VALUES (1)`);
    const honest = `COPY public.t (${column}) FROM stdin;\n`;
    for (const evil of [
      `COPY public.t FROM PROGRAM 'touch ${canary}';`,
      `SELECT 1; ALTER SYSTEM SET work_mem = '1MB';`,
      `SELECT 1;\n\\! touch ${canary}\n`,
    ]) {
      const bytes = await readFile(path);
      const at = bytes.indexOf(honest);
      expect(at).toBeGreaterThan(0);
      bytes.write(evil.padEnd(honest.length), at);
      await writeFile(work.path("forged.dump"), bytes);
      expect((await refusal(work.path("forged.dump"))).message).toMatch(/PROGRAM|SELECT other|meta-command/);
    }
    expect(existsSync(canary)).toBe(false);
    expect(await serverState()).toEqual(before);
  });
});

it("what gets past the judge can do nothing: the role that loads has no rights anywhere else", async () => {
  // A function's text is judged, but it could put its statements together as it runs.
  const { host, port, user, password } = postgres;
  const admin = await Server.connect({ host, port, user, password, database: "postgres" });
  const fresh = await admin.createNew("live", ["postgis"]);
  const role = new Client(fresh.connection);
  await role.connect();
  for (const [sql, reason] of [
    [`COPY (SELECT 1) TO PROGRAM 'touch ${canary}'`, /permission denied|must be superuser/],
    ["SELECT pg_read_file('/etc/passwd')", /permission denied/],
    ["SELECT lo_import('/etc/passwd')", /permission denied/],
    ["CREATE EXTENSION dblink", /permission denied/],
    ["CREATE ROLE canary", /permission denied/],
    ["CREATE DATABASE canary", /permission denied/],
    ["SET ROLE postgres", /permission denied/],
    ["SET ROLE dhis", /permission denied/],
    ["SET session_replication_role = replica", /permission denied/],
    ["ALTER SYSTEM SET work_mem = '1MB'", /permission denied|must be superuser/],
    ["ALTER DATABASE live RENAME TO canary", /must be owner/],
    ["DROP DATABASE live", /must be owner/],
  ] as const) {
    await expect(role.query(sql), sql).rejects.toThrow(reason);
  }
  await role.end();
  const elsewhere = new Client({ ...fresh.connection, database: "live" });
  await expect(elsewhere.connect()).rejects.toThrow(/permission denied for database/);
  await admin.discard(fresh.name);
  await admin.close();
  expect(await serverState()).toEqual(before);
});

describe("a dump cannot give itself more time:", () => {
  const userinfo = `CREATE TABLE public.userinfo (username text, password text);
COPY public.userinfo (username, password) FROM stdin;
admin\t$2a$10$hash
\\.
`;
  const slow = (body: string, when = "") =>
    `CREATE FUNCTION public.slow(t text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
${userinfo}ALTER TABLE public.userinfo ADD CONSTRAINT slow CHECK (${when}public.slow(password));
`;
  const caught =
    "LOOP BEGIN PERFORM pg_sleep(1000); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; RETURN true;";
  const off = "PERFORM pg_sleep(1000); RETURN true;";

  it.each([
    ["its function sets the timeout to 0", slow(`SET statement_timeout TO 0; ${off}`), {}],
    [
      "its first check does, its second one sleeps",
      `CREATE FUNCTION public.off(t text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET statement' || '_timeout TO 0'; RETURN true; END $$;
ALTER TABLE public.honest ADD CONSTRAINT off CHECK (public.off(name));
${slow(off)}`,
      {},
    ],
    ["its check does so while it is sanitised", slow(caught, "password <> '!' OR "), { sanitise: {} }],
    ["its function catches the timeout's error", slow(caught), {}],
  ])("%s", async (_what, sql, more) => {
    await writeFile(work.path("slow.sql"), dumpWith(sql).dump);
    const began = Date.now();
    await expect(
      importInto(postgres, work.path("slow.sql"), { reimport: true, statementTimeout: 1, ...more }),
    ).rejects.toThrow(
      /refused: a statement has run for \d+ s. --statement-timeout allows 1 s|statement timeout/,
    );
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(await serverState()).toEqual(before);
    const activity = "SELECT query FROM pg_stat_activity WHERE usename LIKE 'live_import_%'";
    expect(await postgres.query(activity)).toEqual([]);
  });
});

it("the temporary files of a dump count as its database's", async () => {
  const { dump } = dumpWith(
    `CREATE MATERIALIZED VIEW public.m AS SELECT count(*) AS n FROM (SELECT g FROM generate_series(1::bigint, 100000000000) g ORDER BY md5(g::text)) x WITH NO DATA;
REFRESH MATERIALIZED VIEW public.m;\n`,
  );
  await writeFile(work.path("temporary.sql"), dump);
  const importing = importInto(postgres, work.path("temporary.sql"), {
    ...{ reimport: true, maxDatabaseBytes: 60_000_000 },
  });
  await expect(importing).rejects.toThrow(/temporary file.*--max-database-size/);
  expect(await serverState()).toEqual(before);
});

it("the same holds where the administrator is not a superuser, as on RDS", async () => {
  const { host, port } = postgres;
  const server = { host, port, user: "administrator", password: "secret", database: "postgres" };
  const importing = (name: string, maxDatabaseBytes?: number) =>
    importInto(postgres, work.path(name), {
      ...{ server, reimport: true, extensions: [], statementTimeout: maxDatabaseBytes ? 60 : 1 },
      ...(maxDatabaseBytes && { maxDatabaseBytes }),
    });
  await expect(importing("slow.sql")).rejects.toThrow(/refused: a statement has run for/);
  await expect(importing("temporary.sql", 60_000_000)).rejects.toThrow(
    /of temporary files, more than .*--max-database-size/,
  );
  expect(await serverState()).toEqual(before);
});

it("a function that never returns is stopped", async () => {
  const { dump } = dumpWith(
    `CREATE FUNCTION public.f(a text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN LOOP END LOOP; END $$;
CREATE INDEX forever ON public.honest (public.f(name));\n`,
  );
  await writeFile(work.path("forever.sql"), dump);
  const options = { reimport: true, statementTimeout: 1 };
  await expect(importInto(postgres, work.path("forever.sql"), options)).rejects.toThrow(/statement timeout/);
  expect(await serverState()).toEqual(before);
});
