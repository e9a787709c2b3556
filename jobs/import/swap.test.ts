import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Client } from "pg";
import { dumpWith } from "../testing/hostile";
import { createApplicationRole, importInto, workDirectory } from "../testing/importing";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { ImportProgress } from "./runImport";
import { Server } from "./server";
import { confirm, keptDatabases, rollback, swap } from "./swap";

let postgres: TestPostgres;
let server: Server;
let work: Awaited<ReturnType<typeof workDirectory>>;

beforeAll(async () => {
  postgres = await startPostgres({ max_prepared_transactions: "5" });
  work = await workDirectory();
  await createApplicationRole(postgres);
  for (const letter of ["a", "b"]) {
    const { dump } = dumpWith(`INSERT INTO public.honest VALUES (2, '${letter}');`);
    await writeFile(work.path(letter), dump);
  }
  const { host, port, user, password } = postgres;
  server = await Server.connect({ host, port, user, password, database: "postgres" });
});
afterAll(async () => {
  await server.close();
  await postgres.stop();
  await work.remove();
});
afterEach(async () => {
  const rows = await postgres.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datname LIKE 'live%'",
  );
  for (const { name } of rows) await postgres.query(`DROP DATABASE "${name}" WITH (FORCE)`);
});

const run = (letter: string, options: Parameters<typeof importInto>[2] = {}) =>
  importInto(postgres, work.path(letter), { extensions: ["postgis"], ...options });

async function letter(database = "live"): Promise<string | undefined> {
  const rows = await postgres.query<{ name: string }>(
    "SELECT name FROM honest WHERE id = 2",
    undefined,
    database,
  );
  return rows[0]?.name;
}

describe("what may be replaced", () => {
  it("nothing is there: the dump becomes the live database", async () => {
    expect(await run("a")).toMatchObject({ outcome: "imported", rows: 2 });
    expect(await letter()).toBe("a");
  });

  it("an empty database, as `prepare` makes it: it is filled, and nothing kept", async () => {
    await postgres.query("CREATE DATABASE live");
    await postgres.query("CREATE EXTENSION postgis", undefined, "live");
    expect((await run("a")).kept).toBeUndefined();
    expect(await keptDatabases(server, "live")).toEqual([]);
  });

  it("a database with tables that are from no import: only when asked", async () => {
    await postgres.query("CREATE DATABASE live");
    await postgres.query("CREATE TABLE precious (a int)", undefined, "live");
    await expect(run("a")).rejects.toThrow(/live holds tables already.*--reimport/);
    const { kept = "" } = await run("a", { reimport: true });
    expect(await postgres.query("SELECT FROM precious", undefined, kept)).toEqual([]);
  });

  it("the same dump again: nothing is done", async () => {
    await run("a");
    await postgres.query("UPDATE honest SET name = 'entered since' WHERE id = 2", undefined, "live");
    expect(await run("a")).toMatchObject({ outcome: "unchanged", rows: 0 });
    expect(await letter()).toBe("entered since");
  });

  it("another dump: only when asked", async () => {
    await run("a");
    await expect(run("b")).rejects.toThrow(/live holds another dump: .*\/a .*reimport: true/);
    expect(await letter()).toBe("a");
    const { kept = "" } = await run("b", { reimport: true });
    expect([await letter(), await letter(kept)]).toEqual(["b", "a"]);
  });

  it("the same dump, now to be sanitised: only when asked", async () => {
    await run("a");
    await expect(run("a", { sanitise: {} })).rejects.toThrow(/not sanitised/);
  });
});

describe("the swap", () => {
  it("keeps who may connect, settings and the limit; ends the old connections and none gets to the old data", async () => {
    await run("a");
    await postgres.query(
      `CREATE ROLE monitor; GRANT CONNECT ON DATABASE live TO monitor; ALTER DATABASE live SET work_mem = '7MB';
       ALTER DATABASE live SET search_path = "odd ""name", public; ALTER ROLE dhis IN DATABASE live SET statement_timeout = '9s'; ALTER DATABASE live CONNECTION LIMIT 33`,
    );
    const old = new Client({ connectionString: postgres.url("live") });
    const lost = new Promise((resolve) => old.on("error", resolve));
    await old.connect();
    const { kept = "" } = await run("b", { reimport: true });
    expect(await lost).toMatchObject({ code: "57P01" });
    const dhis = new Client({ connectionString: postgres.url("live", { user: "dhis", password: "dhis" }) });
    await dhis.connect();
    const shown = await dhis.query(
      "SELECT current_setting('work_mem') AS a, current_setting('search_path') AS b, current_setting('statement_timeout') AS c",
    );
    expect(shown.rows).toEqual([{ a: "7MB", b: '"odd ""name", public', c: "9s" }]);
    await dhis.end();
    expect(
      await postgres.query(
        "SELECT datconnlimit, has_database_privilege('monitor', datname, 'CONNECT') AS monitor FROM pg_database WHERE datname IN ('live', $1) ORDER BY datname",
        [kept],
      ),
    ).toEqual([
      { datconnlimit: 33, monitor: true },
      { datconnlimit: 0, monitor: true },
    ]);
    const stale = new Client({ connectionString: postgres.url(kept, { user: "dhis", password: "dhis" }) });
    await expect(stale.connect()).rejects.toThrow(/too many connections/);
  });

  it("keeps a person's comment", async () => {
    await postgres.query("CREATE DATABASE live");
    await postgres.query("COMMENT ON DATABASE live IS 'HMIS of Exampleland'");
    await postgres.query("CREATE TABLE precious (a int)", undefined, "live");
    await run("a", { reimport: true });
    await rollback(server, "live");
    const [row] = await postgres.query(
      "SELECT shobj_description(oid, 'pg_database') AS c FROM pg_database WHERE datname = 'live'",
    );
    expect(row).toEqual({ c: "HMIS of Exampleland" });
  });

  it("is refused with the reason, and the live database unchanged, when a prepared transaction holds it", async () => {
    await run("a");
    await postgres.query("BEGIN; INSERT INTO honest VALUES (9); PREPARE TRANSACTION 'p'", undefined, "live");
    await expect(run("b", { reimport: true })).rejects.toThrow(/live is unchanged.*prepared transaction/s);
    await postgres.query("ROLLBACK PREPARED 'p'", undefined, "live");
    expect(await letter()).toBe("a");
    expect(await postgres.query("SELECT FROM pg_database WHERE datname LIKE '%import%'")).toEqual([]);
  });
});

describe("undo", () => {
  it("rollback restores the previous database, keeps the current one, and can be rolled back", async () => {
    await run("a");
    await run("b", { reimport: true });
    const first = await rollback(server, "live");
    expect([await letter(), await letter(first.kept)]).toEqual(["a", "b"]);
    // It is the dump a again, for the importer as well.
    expect(await run("a")).toMatchObject({ outcome: "unchanged" });
    await rollback(server, "live", first.kept);
    expect(await letter()).toBe("b");
  });

  it("confirm drops what was replaced; then there is no way back", async () => {
    await run("a");
    await run("b", { reimport: true });
    expect((await confirm(server, "live")).dropped).toHaveLength(1);
    expect(await keptDatabases(server, "live")).toEqual([]);
    await expect(rollback(server, "live")).rejects.toThrow(/no previous database/);
    expect(await letter()).toBe("b");
  });

  it("what was asked to be kept is kept though confirmed, and dropped by the next import after its time", async () => {
    const until = new Date(Date.now() + 3_600_000);
    await run("a");
    const { kept = "" } = await run("b", { reimport: true, keepUntil: until });
    const confirmed = await confirm(server, "live");
    expect(confirmed).toEqual({ dropped: [], stillKept: [{ name: kept, until: until.toISOString() }] });
    expect((await run("b")).removed).toEqual([]);
    expect(await letter(kept)).toBe("a");
    vi.useFakeTimers({ toFake: ["Date"], now: until.getTime() + 1 });
    try {
      expect((await run("b")).removed).toEqual([kept]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("a name that is none is refused", async () => {
    await run("a");
    await run("b", { reimport: true });
    await expect(rollback(server, "live", "postgres")).rejects.toThrow(
      /postgres is not a previous database of live. Kept are: live_before_/,
    );
  });
});

it("of two imports at once one wins, the other says who holds the lock", async () => {
  const outcomes = await Promise.allSettled([run("a"), run("a")]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const lost = outcomes.find(({ status }) => status === "rejected") as PromiseRejectedResult;
  expect(String(lost.reason)).toMatch(
    /BusyError: Another import into live is under way: server process \d+, from 127\.0\.0\.1, since/,
  );
  expect(await letter()).toBe("a");
});

it("an import whose lock is lost stops", async () => {
  const { dump } = dumpWith(
    `COPY public.honest (id, name) FROM stdin;\n${Array.from({ length: 300_000 }, (_, i) => `${i + 10}\tx\n`).join("")}\\.\n`,
  );
  await writeFile(work.path("long"), dump);
  const progress = new ImportProgress();
  const running = run("long", { progress });
  const stopped = expect(running).rejects.toThrow(/connection to the database server was lost/);
  while (progress.phase !== "loading") await new Promise((resolve) => setTimeout(resolve, 5));
  await postgres.query(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()",
  );
  await stopped;
  expect(await postgres.query("SELECT FROM pg_database WHERE datname = 'live'")).toEqual([]);
  // What it could not remove itself, the next one does.
  expect((await run("a")).removed).toHaveLength(1);
});

it("does without a superuser: an administrator who may create databases and roles is enough", async () => {
  await postgres.query("CREATE ROLE administrator LOGIN CREATEDB CREATEROLE PASSWORD 'secret'");
  const { host, port } = postgres;
  const account = { host, port, user: "administrator", password: "secret", database: "postgres" };
  // PostGIS is the one thing that needs more; RDS lets its administrator make it, Debian's PostgreSQL does not.
  const refused = run("a", { server: account });
  await expect(refused).rejects.toThrow(/postgis cannot be created.*permission denied/);
  expect(await postgres.query("SELECT FROM pg_database WHERE datname LIKE 'live%'")).toEqual([]);

  const administrator = await Server.connect(account);
  for (const text of ["first", "second"]) {
    const fresh = await administrator.createNew("live", ["pg_trgm"]);
    const role = new Client(fresh.connection);
    await role.connect();
    await role.query(`CREATE TABLE public.honest AS SELECT 2 AS id, '${text}' AS name`);
    await role.end();
    await administrator.handOver(fresh, "dhis");
    await swap(administrator, "live", { name: fresh.name, note: { dhistance: 1 } });
  }
  expect(await letter()).toBe("second");
  await rollback(administrator, "live");
  expect(await letter()).toBe("first");
  expect((await confirm(administrator, "live")).dropped).toHaveLength(1);
  await administrator.close();
});

it("an administrator without these rights is refused before anything is made", async () => {
  await postgres.query("CREATE ROLE nobody LOGIN PASSWORD 'secret'");
  const { host, port } = postgres;
  const account = { host, port, user: "nobody", password: "secret", database: "postgres" };
  await expect(run("a", { server: account })).rejects.toThrow(/nobody can neither create databases/);
  await expect(run("a", { role: "missing" })).rejects.toThrow(/no role missing/);
  await expect(run("a", { role: "postgres" })).rejects.toThrow(/postgres is a superuser/);
});
