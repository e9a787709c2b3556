import { compare, hash } from "bcryptjs";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepare } from "../prepare/prepare";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { logIn, missingForStandIn, startStandIn, type StandIn } from "../testing/standIn";
import { afterStart } from "./afterStart";
import { beforeStart } from "./beforeStart";
import { missingInPassword } from "./defaultPassword";

const PASSWORD = "Nobody-knows-this-1";
const rolePassword = "role";
let postgres: TestPostgres;
let count = 0;
let database: string;
beforeAll(async () => {
  postgres = await startPostgres();
  const { host, port, user, password } = postgres;
  const server = { host, port, user, password, database: "postgres" };
  await prepare({ server, database: "prepared", role: "dhis2", rolePassword });
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  database = `dhis2_${++count}`;
  await postgres.query(`CREATE DATABASE ${database} TEMPLATE prepared OWNER dhis2`);
});

const connection = () => ({
  host: postgres.host,
  port: postgres.port,
  user: "dhis2",
  password: rolePassword,
  database,
});
const before = (former?: string) =>
  beforeStart({ connection: connection(), password: PASSWORD, watch: 1500, ...(former && { former }) });

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

describe("before DHIS2's start", () => {
  it("nobody gets into an imported or restored server with the default password, and nobody else's is changed", async () => {
    await accounts("userinfo", ", passwordlastupdated timestamp", [
      ["someone", "district"],
      ["admin", "district"],
    ]);
    expect(await before()).toBe("replaced");
    expect(await compare(PASSWORD, await passwordOf("admin"))).toBe(true);
    expect(await compare("district", await passwordOf("someone"))).toBe(true);
    expect(
      await postgres.query("SELECT count(passwordlastupdated)::int AS n FROM userinfo", undefined, database),
    ).toEqual([{ n: 1 }]);
    expect(await before()).toBe("kept");
  });

  it("nor by the account that DHIS2 made when it has another name, is disabled, or has 2FA", async () => {
    await accounts("userinfo", ", uid text, disabled boolean, twofactortype text", [["boss", "district"]]);
    const set = "UPDATE userinfo SET uid = 'M5zQapPyTZI', disabled = true, twofactortype = 'TOTP_ENABLED'";
    await postgres.query(set, undefined, database);
    expect(await before()).toBe("replaced");
    expect(await compare(PASSWORD, await passwordOf("boss"))).toBe(true);
  });

  it("a password that is the administrator's own is left as it is, one that was ours earlier gives way", async () => {
    await accounts("userinfo", "", [["admin", "chosen by a person"]]);
    const own = await passwordOf("admin");
    expect(await before("another")).toBe("kept");
    expect(await passwordOf("admin")).toBe(own);
    expect(await before("chosen by a person")).toBe("replaced");
    expect(await compare(PASSWORD, await passwordOf("admin"))).toBe(true);
  });

  it("accounts are found where DHIS2 had them before 2.38", async () => {
    await postgres.query("CREATE TABLE userinfo (surname text)", undefined, database);
    await accounts("users", "", [["admin", "district"]]);
    expect(await before()).toBe("replaced");
    expect(await compare(PASSWORD, await passwordOf("admin", "users"))).toBe(true);
  });

  it("there is nothing to do without accounts, or without the default one", async () => {
    expect(await before()).toBe("none");
    await accounts("userinfo", "", []);
    expect(await before()).toBe("none");
    await postgres.query("INSERT INTO userinfo VALUES ('boss', 'x')", undefined, database);
    expect(await before()).toBe("absent");
  });

  it("what an imported database brings runs only as the application's role, and cannot keep the default", async () => {
    await accounts("userinfo", "", [["admin", "district"]]);
    await postgres.query(
      "CREATE TABLE seen (who text); ALTER TABLE seen OWNER TO dhis2",
      undefined,
      database,
    );
    await postgres.query(
      `CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN INSERT INTO public.seen VALUES (session_user || ' ' || current_user); RETURN OLD; END $$`,
      undefined,
      database,
    );
    await postgres.query(
      "CREATE TRIGGER spy BEFORE UPDATE ON userinfo FOR EACH ROW EXECUTE FUNCTION spy()",
      undefined,
      database,
    );
    await expect(before()).rejects.toThrow(/"admin" in dhis2_\d+ still has DHIS2's default password/);
    expect(await postgres.query("SELECT who FROM seen", undefined, database)).toEqual([
      { who: "dhis2 dhis2" },
    ]);
  });

  it("a connection that a killed DHIS2 has left prevents nothing", async () => {
    await accounts("userinfo", "", [["admin", "district"]]);
    const left = new Client(connection());
    left.on("error", () => undefined);
    await left.connect();
    expect(await before()).toBe("replaced");
  });
});

const lacking = missingForStandIn();
describe.skipIf(lacking)(`with DHIS2's stand-in${lacking ? ` (skipped: ${lacking})` : ""}`, () => {
  let standIn: StandIn;
  afterEach(() => standIn?.stop());
  const start = async (version: string) => {
    standIn = await startStandIn({ version, postgres, database, rolePassword });
    await standIn.ready();
  };
  const after = (password = PASSWORD, wait = 60) =>
    afterStart({ application: standIn.url, password, wait, pause: 100 });
  const triedBy = async (...passwords: string[]) => {
    const answers: string[] = [];
    for (const password of passwords) answers.push(await logIn(standIn.url, "admin", password));
    return answers;
  };

  it.each(["42.5.2", "43.1.0"])(
    "a new server of %s lets nobody in with the default password, also where somebody had logged in before",
    async (version) => {
      await start(version);
      expect(await triedBy("district")).toEqual(["SUCCESS"]);
      expect(await after()).toBe("changed");
      expect(await triedBy("district", "district", "district", PASSWORD)).toEqual([
        "401",
        "401",
        "401",
        "SUCCESS",
      ]);
      expect(await after()).toBe("ours");
      await standIn.restart();
      await standIn.ready();
      expect(await triedBy("district", "district", "district", PASSWORD)).toEqual([
        "401",
        "401",
        "401",
        "SUCCESS",
      ]);
    },
  );

  it("an imported one lets nobody in either, when its password was replaced before the start", async () => {
    await start("42.5.2");
    await standIn.stop();
    expect(await before()).toBe("replaced");
    await start("42.5.2");
    expect(await after()).toBe("ours");
    expect(await triedBy("district", "district", "district", PASSWORD)).toEqual([
      "401",
      "401",
      "401",
      "SUCCESS",
    ]);
  });

  it("nothing is changed by SQL while DHIS2 runs, which would write it back", async () => {
    await start("42.5.2");
    await expect(before()).rejects.toThrow("DHIS2 runs on this database");
    expect(await compare("district", await passwordOf("admin"))).toBe(true);
  });

  it("a password that DHIS2 gives back is reported as a failure, not as done", async () => {
    await start("42.5.2");
    const change = "UPDATE userinfo SET password = $1 WHERE username = 'admin'";
    await postgres.query(change, [await hash(PASSWORD, 4)], database);
    // Refused once, then the cached account is back.
    await expect(after()).rejects.toThrow("DHIS2's default password still opens the account admin");
  });

  it("an account that is closed, or has a password of its own, stays so; an expired default is a failure", async () => {
    await start("42.5.2");
    await standIn.stop();
    const set = async (values: string) => {
      await standIn.stop();
      await postgres.query(`UPDATE userinfo SET ${values}`, undefined, database);
      await start("42.5.2");
    };
    await set("disabled = true");
    expect(await after()).toBe("own");
    await set(`disabled = false, password = '${await hash("Of-somebody-1", 4)}'`);
    expect(await after()).toBe("own");
    expect(await triedBy("Of-somebody-1")).toEqual(["SUCCESS"]);
    await postgres.query(
      "CREATE TABLE systemsetting AS SELECT 'credentialsExpires' AS name, '3' AS value; ALTER TABLE systemsetting OWNER TO dhis2",
      undefined,
      database,
    );
    await set(`password = '${await hash("district", 4)}', passwordlastupdated = now() - interval '1 year'`);
    await expect(after()).rejects.toThrow(
      "still opens the account admin: a log-in is answered with PASSWORD_EXPIRED",
    );
  });

  it("says what DHIS2 does not take, and that a start has failed, at once", async () => {
    await start("42.5.2");
    await expect(after("nospecialcharacter1A")).rejects.toThrow(
      /did not take the new password.*special character/,
    );
    await standIn.stop();
    standIn = await startStandIn({ version: "42.5.2", postgres, database, rolePassword: "another" });
    await expect(after()).rejects.toThrow("the start of DHIS2 has failed: it answers 404 to everything");
  });
});

it.each([
  ["Short-1", "8 to 72 characters"],
  ["x-1A".repeat(19), "8 to 72 characters"],
  ["No-digit-in-it", "a digit"],
  ["no-capital-1", "a capital"],
  ["NO-SMALL-1", "a small letter"],
  ["NoSpecialOne1", "a special character"],
  ["The-Admin-1", 'no word such as "admin"'],
  ["Good-enough-1", undefined],
])("judges %s as DHIS2 does", (password, lacking) => {
  expect(missingInPassword(password)).toBe(lacking);
});
