import { compare, hash } from "bcryptjs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { prepare } from "../prepare/run";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { secureAdmin } from "./run";

const PASSWORD = "a-new-one-that-nobody-knows";
const rolePassword = "role";
let postgres: TestPostgres;
let count = 0;
let database: string;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  database = `dhis2_${++count}`;
  const { host, port, user, password } = postgres;
  await prepare({
    server: { host, port, user, password, database: "postgres" },
    database,
    role: "dhis2",
    rolePassword,
  });
});

const run = (wait = 0) =>
  secureAdmin({
    connection: { host: postgres.host, port: postgres.port, user: "dhis2", password: rolePassword, database },
    password: PASSWORD,
    wait,
    pause: 20,
  });

/** As DHIS2 makes them, and as its role. */
async function accounts(
  table: string,
  columns: string,
  rows: [name: string, password: string][],
): Promise<void> {
  await postgres.query(
    `CREATE TABLE ${table} (username text, password varchar(60)${columns})`,
    undefined,
    database,
  );
  await postgres.query(`ALTER TABLE ${table} OWNER TO dhis2`, undefined, database);
  for (const [name, password] of rows)
    await postgres.query(`INSERT INTO ${table} VALUES ($1, $2)`, [name, await hash(password, 4)], database);
}
const passwordOf = async (name: string, table = "userinfo") =>
  (
    await postgres.query<{ password: string }>(
      `SELECT password FROM ${table} WHERE username = $1`,
      [name],
      database,
    )
  )[0]?.password ?? "";

it("replaces the default password, and nobody else's", async () => {
  await accounts("userinfo", ", passwordlastupdated timestamp", [
    ["someone", "district"],
    ["admin", "district"],
  ]);
  expect(await run()).toBe("replaced");
  expect(await compare(PASSWORD, await passwordOf("admin"))).toBe(true);
  expect(await compare("district", await passwordOf("someone"))).toBe(true);
  expect(
    await postgres.query("SELECT count(passwordlastupdated)::int AS n FROM userinfo", undefined, database),
  ).toEqual([{ n: 1 }]);
  expect(await run()).toBe("kept");
});

it("leaves a password that is the administrator's own", async () => {
  await accounts("userinfo", "", [["admin", "chosen by a person"]]);
  const before = await passwordOf("admin");
  expect(await run()).toBe("kept");
  expect(await passwordOf("admin")).toBe(before);
});

it("finds accounts where DHIS2 had them before 2.38", async () => {
  await postgres.query("CREATE TABLE userinfo (surname text)", undefined, database);
  await accounts("users", "", [["admin", "district"]]);
  expect(await run()).toBe("replaced");
  expect(await compare(PASSWORD, await passwordOf("admin", "users"))).toBe(true);
});

it("has nothing to do where there is no such account", async () => {
  await accounts("userinfo", "", [["boss", "district"]]);
  expect(await run()).toBe("absent");
});

it("waits for a start that makes them, and says so when it waited in vain", async () => {
  await expect(run()).rejects.toThrow(/after 0 s DHIS2 has made no accounts in dhis2_\d+/);
  const waiting = run(60);
  await sleep(100);
  await accounts("userinfo", "", []);
  await sleep(100);
  await postgres.query("INSERT INTO userinfo VALUES ('admin', $1)", [await hash("district", 4)], database);
  expect(await waiting).toBe("replaced");
});

it("runs what an imported database brings only as the application's role", async () => {
  await accounts("userinfo", "", [["admin", "district"]]);
  await postgres.query("CREATE TABLE seen (who text); ALTER TABLE seen OWNER TO dhis2", undefined, database);
  await postgres.query(
    `CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN INSERT INTO public.seen VALUES (session_user || ' ' || current_user); RETURN NEW; END $$`,
    undefined,
    database,
  );
  await postgres.query(
    "CREATE TRIGGER spy BEFORE UPDATE ON userinfo FOR EACH ROW EXECUTE FUNCTION spy()",
    undefined,
    database,
  );
  expect(await run()).toBe("replaced");
  expect(await postgres.query("SELECT who FROM seen", undefined, database)).toEqual([{ who: "dhis2 dhis2" }]);
});
