import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../bundle";
import { createDhis2Like } from "../testing/dhis2";
import { contents } from "../testing/everyKindOfObject";
import { client, createApplicationRole, importInto, workDirectory } from "../testing/importing";
import { generator } from "../testing/killing";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { Server } from "./server";

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof workDirectory>>;
/** Contents of the live database after an import of each dump. */
const whole: Record<string, Record<string, string>> = {};
const dumps = ["a.sql", "b.dump"] as const;

beforeAll(async () => {
  postgres = await startPostgres();
  work = await workDirectory();
  await bundle(work.path("."));
  await createApplicationRole(postgres);
  await writeFile(work.path("password"), postgres.password);
  await createDhis2Like(postgres, "a", { dataValues: 80_000, events: 4_000 });
  await createDhis2Like(postgres, "b", { dataValues: 60_000, events: 8_000 });
  for (const [database, letter] of [
    ["a", "A"],
    ["b", "B"],
  ]) {
    const sql = `CREATE TABLE which (letter text); INSERT INTO which VALUES ('${letter}')`;
    await postgres.query(sql, undefined, database);
  }
  await client(postgres, "pg_dump", ["-f", work.path("a.sql"), "a"]);
  await client(postgres, "pg_dump", ["-Fc", "-f", work.path("b.dump"), "b"]);
  for (const dump of dumps) {
    await importInto(postgres, work.path(dump), { reimport: true });
    whole[dump] = await contents(postgres, "live");
  }
});
afterAll(async () => {
  await postgres.stop();
  await work.remove();
});

/** The command as the container runs it. */
function start(dump: string) {
  const { host, port, user } = postgres;
  const server = `postgres://${user}@${host}:${port}/postgres`;
  return spawn(
    process.execPath,
    [
      ...[work.path("import.cjs"), "run", work.path(dump), "--server", server, "--json", "--reimport"],
      ...["--password-file", work.path("password"), "--database", "live"],
    ],
    // What a killed one leaves on this machine goes with the rest.
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, TMPDIR: work.path(".") } },
  );
}

/** Which dump the live database says it holds. */
async function recorded(): Promise<string> {
  const [row] = await postgres.query<{ comment: string }>(
    "SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = 'live'",
  );
  const note = JSON.parse(row?.comment ?? "{}") as { import: { dump: string } };
  return note.import.dump.split("/").at(-1) ?? "";
}

async function connect(): Promise<Server> {
  const { host, port, user, password } = postgres;
  return Server.connect({ host, port, user, password, database: "postgres" });
}

async function dropKept(): Promise<void> {
  const kept = await postgres.query<{ name: string }>(
    "SELECT datname AS name FROM pg_database WHERE datname LIKE 'live\\_before\\_%'",
  );
  for (const { name } of kept) await postgres.query(`DROP DATABASE "${name}"`);
}

/** Reads the live database as the application would, again and again, until it is stopped. */
function reader() {
  const seen = new Set<string>();
  const failures: string[] = [];
  let stopped = false;
  const reading = (async () => {
    while (!stopped) {
      const role = { user: "dhis", password: "dhis" };
      const connection = new Client({ connectionString: postgres.url("live", role) });
      // A connection ended between two queries says why in an event, and the next query only that it ended.
      let lost: Error | undefined;
      connection.on("error", (error) => (lost ??= error));
      try {
        await connection.connect();
        const { rows } = await connection.query<{ seen: string }>(
          "SELECT letter || ' ' || (SELECT count(*) FROM datavalue) || ' ' || (SELECT count(*) FROM event) AS seen FROM which",
        );
        seen.add(rows[0]?.seen ?? "nothing");
      } catch (error) {
        const cause = (lost ?? error) as { code?: string };
        failures.push(cause.code ?? String(cause));
      } finally {
        await connection.end().catch(() => undefined);
      }
      await sleep(5);
    }
  })();
  return {
    seen,
    failures,
    stop: () => {
      stopped = true;
      return reading;
    },
  };
}

describe("killed", () => {
  it(
    "at 24 points from the first to the last: the live database is intact, and a retry succeeds",
    { timeout: 900_000 },
    async () => {
      const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
      console.log(`kill.test.ts: SEED=${seed}`);
      const random = generator(seed);
      const follow = reader();
      const began = Date.now();
      expect(await ended(start("a.sql"))).toBe(0);
      const whole_run = Date.now() - began;
      const moments: string[] = [];
      const kills = 24;
      for (let i = 0; i < kills; i++) {
        const dump = (await recorded()) === "a.sql" ? "b.dump" : "a.sql";
        const process = start(dump);
        const moment = Math.round(((i + random()) / kills) * whole_run);
        await Promise.race([sleep(moment), ended(process)]);
        process.kill("SIGKILL");
        await ended(process);
        const live = await recorded();
        moments.push(`${moment} ms: ${live}`);
        expect(await contents(postgres, "live"), `killed after ${moment} ms`).toEqual(whole[live]);
        await dropKept();
      }
      console.log(`kill.test.ts: a run takes ${whole_run} ms; live after each kill: ${moments.join(", ")}`);
      const last = (await recorded()) === "a.sql" ? "b.dump" : "a.sql";
      expect(await ended(start(last))).toBe(0);
      expect(await recorded()).toBe(last);
      expect(await contents(postgres, "live")).toEqual(whole[last]);
      // Nothing is left of the dead ones.
      const left =
        "SELECT datname FROM pg_database WHERE datname LIKE '%\\_import\\_%' UNION SELECT rolname FROM pg_roles WHERE rolname LIKE '%\\_import\\_%'";
      expect(await postgres.query(left)).toEqual([]);
      await dropKept();
      await follow.stop();
      expect([...follow.seen].sort()).toEqual(["A 80000 4000", "B 60000 8000"]);
      // Ended by the swap, or connecting in the very moment of it: nothing else. One that was just sending its query
      // hears of its end from the network.
      const ends = ["57P01", "3D000", "ECONNRESET", "EPIPE", "Error: Connection terminated unexpectedly"];
      expect(follow.failures.filter((failure) => !ends.includes(failure))).toEqual([]);
    },
  );

  it("between the two renames, however often: the live database is there and whole", async () => {
    const server = await connect();
    const fresh = await server.createNew("live", []);
    await server.close();
    const live = await recorded();
    for (let i = 0; i < 10; i++) {
      const dying = new Client({ connectionString: postgres.url("postgres") });
      dying.on("error", () => undefined);
      await dying.connect();
      const { rows } = await dying.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await dying.query("BEGIN");
      await dying.query("ALTER DATABASE live RENAME TO live_before_20200101000000");
      if (i % 2 === 0) await dying.query(`ALTER DATABASE "${fresh.name}" RENAME TO live`);
      await postgres.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
      await dying.end().catch(() => undefined);
      expect(await recorded()).toBe(live);
    }
    expect(await contents(postgres, "live")).toEqual(whole[live]);
    const again = await connect();
    await again.discard(fresh.name);
    await again.close();
  });

  it("by SIGTERM: it cleans up after itself", async () => {
    const live = await recorded();
    const process = start(live === "a.sql" ? "b.dump" : "a.sql");
    const loading = "SELECT FROM pg_stat_activity WHERE datname LIKE 'live\\_import\\_%'";
    while ((await postgres.query(loading)).length === 0) await sleep(20);
    process.kill("SIGTERM");
    expect(await ended(process)).toBe(143);
    expect(await recorded()).toBe(live);
    expect(await postgres.query("SELECT FROM pg_database WHERE datname LIKE '%\\_import\\_%'")).toEqual([]);
  });
});

function ended(process: ReturnType<typeof spawn>): Promise<number | null> {
  if (process.exitCode !== null || process.signalCode !== null) return Promise.resolve(process.exitCode);
  return new Promise((resolve) => process.once("exit", (code) => resolve(code)));
}
