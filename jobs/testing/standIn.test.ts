/** The stand-in for DHIS2 has the habits of the real one: what is measured there is written out here. */
import { chmodSync, readFileSync, existsSync } from "node:fs";
import path from "node:path";
import { hash } from "bcryptjs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepare } from "../prepare/prepare";
import { startPostgres, type TestPostgres } from "./postgres";
import { logIn, missingForStandIn, startStandIn, type StandIn, type StandInOptions } from "./standIn";

const rolePassword = "role";
const lacking = missingForStandIn();
let postgres: TestPostgres;
let database: string;
let standIn: StandIn;
let count = 0;
beforeAll(async () => {
  if (lacking) return;
  postgres = await startPostgres();
  const { host, port, user, password } = postgres;
  const server = { host, port, user, password, database: "postgres" };
  await prepare({ server, database: "prepared", role: "dhis2", rolePassword });
});
afterAll(() => postgres?.stop());
beforeEach(async () => {
  if (lacking) return;
  database = `dhis2_${++count}`;
  await postgres.query(`CREATE DATABASE ${database} TEMPLATE prepared OWNER dhis2`);
});
afterEach(() => standIn?.stop());

const begin = async (version: string, more: Partial<StandInOptions> = {}) =>
  (standIn = await startStandIn({ version, postgres, database, rolePassword, ...more }));
const ready = async (version: string, more: Partial<StandInOptions> = {}) => {
  await begin(version, more);
  await standIn.ready();
};
const query = <T extends object>(sql: string, parameters?: unknown[]) =>
  postgres.query<T & Record<string, unknown>>(sql, parameters, database);
const hashOfAdmin = async () =>
  (await query<{ password: string }>("SELECT password FROM userinfo WHERE username = 'admin'"))[0]?.password;
const changeBySql = async (password: string) => {
  const now = await hash(password, 4);
  await query("UPDATE userinfo SET password = $1 WHERE username = 'admin'", [now]);
  return now;
};
const basic = (password: string) => ({ Authorization: `Basic ${btoa(`admin:${password}`)}` });
const ask = (method: string, at: string, headers: Record<string, string> = {}, body?: object) =>
  fetch(standIn.url + at, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    redirect: "manual",
    ...(body && { body: JSON.stringify(body) }),
  });
const until = async (done: () => boolean | Promise<boolean>) => {
  for (let tries = 0; !(await done()); tries++) {
    if (tries > 400) throw new Error(`in vain:\n${standIn.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
};
/** Nothing, where the port takes the connection and nobody answers. */
const silent = () =>
  fetch(`${standIn.url}/api/ping`, { signal: AbortSignal.timeout(300) }).then(
    () => false,
    (error: Error) => error.name === "TimeoutError",
  );

describe.skipIf(lacking)(`the stand-in for DHIS2${lacking ? ` (skipped: ${lacking})` : ""}`, () => {
  it("takes its port, then answers nothing until it is ready; then a ping, and a log-in for the rest", async () => {
    await begin("42.5.2", { told: { "migration-seconds": "1.5" } });
    await until(silent);
    await standIn.ready();
    expect(await (await ask("GET", "/api/ping")).text()).toBe("");
    expect((await ask("GET", "/api/dataElements")).status).toBe(401);
    const { status, headers } = await ask("GET", "/dhis-web-dashboard/", { "X-Forwarded-Proto": "https" });
    expect({ status, location: headers.get("location") }).toEqual({
      status: 302,
      location: `${standIn.url}/login/`,
    });
    expect((await ask("GET", "/api/me", basic("district"))).status).toBe(200);
  });

  it.each([
    ["42.5.2", true, {}],
    ["43.1.0", false, {}],
    ["43.1.0", true, { "failed-start-stays": "" }],
  ])("of %s stays after a failed start with 404 everywhere: %s", async (version, stays, told) => {
    await begin(version, { settings: { "connection.password": "another" }, told });
    if (stays) {
      await until(async () => (await ask("GET", "/api/ping").catch(() => undefined))?.status === 404);
      expect((await ask("GET", "/")).status).toBe(404);
      expect(standIn.runs()).toBe(true);
    } else await until(() => !standIn.runs());
    expect(standIn.output()).toContain("the database cannot be reached");
  });

  it("finds its dhis.conf only in a home that it can write to", async () => {
    await begin("42.5.2");
    chmodSync(standIn.home, 0o500);
    await standIn.restart();
    await until(() => standIn.output().includes("dhis.conf was not found"));
  });

  describe("keeps users in a cache:", () => {
    it("on 42 a row that was changed by SQL lets nobody in once, then is written over", async () => {
      await ready("42.5.2");
      const before = await hashOfAdmin();
      await changeBySql("Another-1");
      expect(await logIn(standIn.url, "admin", "district")).toBe("401");
      expect(await logIn(standIn.url, "admin", "district")).toBe("SUCCESS");
      expect(await hashOfAdmin()).toBe(before);
      expect(await logIn(standIn.url, "admin", "Another-1")).toBe("401");
    });

    it("on 43 the same, but only if somebody had logged in before", async () => {
      await ready("43.1.0");
      await changeBySql("Another-1");
      expect(await logIn(standIn.url, "admin", "district")).toBe("401");
      expect(await logIn(standIn.url, "admin", "district")).toBe("401");
      expect(await logIn(standIn.url, "admin", "Another-1")).toBe("SUCCESS");
      await changeBySql("A-third-1");
      expect(await logIn(standIn.url, "admin", "Another-1")).toBe("401");
      expect(await logIn(standIn.url, "admin", "Another-1")).toBe("SUCCESS");
    });

    it("after a restart the database counts", async () => {
      await ready("42.5.2");
      const now = await changeBySql("Another-1");
      await standIn.restart();
      await standIn.ready();
      for (const _ of [1, 2, 3]) expect(await logIn(standIn.url, "admin", "district")).toBe("401");
      expect(await logIn(standIn.url, "admin", "Another-1")).toBe("SUCCESS");
      expect(await hashOfAdmin()).toBe(now);
    });
  });

  it("changes a password at once, by the rules, and ends its sessions", async () => {
    await ready("42.5.2");
    const login = await ask("POST", "/api/auth/login", {}, { username: "admin", password: "district" });
    const Cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect((await ask("GET", "/api/me", { Cookie })).status).toBe(200);
    const change = async (newPassword: string, oldPassword = "district") => {
      const response = await ask("PUT", "/api/me/changePassword", basic("district"), {
        oldPassword,
        newPassword,
      });
      return [response.status, await response.text()] as const;
    };
    for (const refused of [
      "Sh-1",
      "nocapital-1",
      "NOSMALL-1",
      "NoDigit-x",
      "NoSpecial1",
      "My-Admin-1",
      "Use-user-1",
      "x-1A".repeat(19),
    ])
      expect(await change(refused)).toEqual([409, expect.stringMatching(/Password must|Username/) as string]);
    expect(await change("Correct-1", "wrong")).toEqual([409, expect.stringContaining("incorrect") as string]);
    expect(await change("Correct-1")).toEqual([202, ""]);
    expect((await ask("GET", "/api/me", { Cookie })).status).toBe(401);
    for (const _ of [1, 2, 3]) expect(await logIn(standIn.url, "admin", "district")).toBe("401");
    expect(await logIn(standIn.url, "admin", "Correct-1")).toBe("SUCCESS");
  });

  it("says what prevents a log-in with the right password", async () => {
    await ready("42.5.2");
    await standIn.stop();
    await query("CREATE TABLE systemsetting (name text, value text)");
    await query("ALTER TABLE systemsetting OWNER TO dhis2");
    await query("INSERT INTO systemsetting VALUES ('credentialsExpires', '3')");
    await query("UPDATE userinfo SET passwordlastupdated = now() - interval '200 days'");
    await ready("42.5.2");
    expect(await logIn(standIn.url, "admin", "district")).toBe("PASSWORD_EXPIRED");
    await standIn.stop();
    await query("UPDATE userinfo SET disabled = true");
    await ready("42.5.2");
    expect(await logIn(standIn.url, "admin", "district")).toBe("ACCOUNT_DISABLED");
  });

  it("takes no database that a later release has migrated, be it a patch, and touches it not", async () => {
    await ready("42.6.0");
    await standIn.restart("42.5.2");
    await until(async () => (await ask("GET", "/api/ping").catch(() => undefined))?.status === 404);
    expect(standIn.output()).toContain("Detected applied migration not resolved locally: 2.42.54");
    await standIn.restart("43.1.0");
    await standIn.ready();
    expect(await query("SELECT version FROM flyway_schema_history ORDER BY installed_rank")).toEqual([
      { version: "2.42.54" },
      { version: "2.43.64" },
    ]);
  });

  it("of 43 shows no analytics on a database that began empty, until it has output period types", async () => {
    const types = "/api/configuration/dataOutputPeriodTypes";
    const shown = async () => {
      await ask("POST", "/api/resourceTables/analytics", basic("district"), {});
      const answer = await ask("GET", "/api/analytics", basic("district"));
      return ((await answer.json()) as { rows: unknown[] }).rows.length;
    };
    await ready("43.1.0");
    await ask("POST", "/api/note");
    expect(await (await ask("GET", types, basic("district"))).json()).toEqual([]);
    expect(await shown()).toBe(0);
    expect((await ask("POST", types, basic("district"), [{ name: "Monthly" }])).status).toBe(204);
    expect(await (await ask("GET", types, basic("district"))).json()).toEqual([
      { name: "Monthly" },
      { name: "Yearly" },
    ]);
    expect(await shown()).toBe(1);
  });

  it("of 43 has them on a database that 42 made, which knows nothing of them", async () => {
    const types = "/api/configuration/dataOutputPeriodTypes";
    await ready("42.5.2");
    expect((await ask("GET", types, basic("district"))).status).toBe(404);
    await standIn.restart("43.1.0");
    await standIn.ready();
    expect(await (await ask("GET", types, basic("district"))).json()).toHaveLength(5);
  });

  it("undoes all of a migration that fails", async () => {
    await ready("42.5.2");
    for (const _ of [1, 2, 3]) await ask("POST", "/api/note");
    await standIn.stop();
    await begin("42.6.0", { told: { "fail-migration-to-42.6.0": "" } });
    await until(() => standIn.output().includes("the migration to 2.42.54 failed"));
    expect(await query("SELECT count(*)::int AS n FROM note")).toEqual([{ n: 3 }]);
    await standIn.restart("42.5.2");
    await standIn.ready();
  });

  it("fails one request when the database was away, then goes on by itself", async () => {
    await ready("42.5.2");
    expect((await ask("GET", "/api/me", basic("district"))).status).toBe(200);
    await postgres.crash();
    expect((await ask("GET", "/api/me", basic("district"))).status).toBe(401);
    expect((await ask("GET", "/api/me", basic("district"))).status).toBe(200);
  });

  it.each<[Record<string, string>, string[], number]>([
    [{}, ["METADATA", "AGGREGATE"], 0],
    [{ "audit.logger": "on" }, ["METADATA", "AGGREGATE", "TRACKER"], 0],
    [{ "audit.logger": "off", "audit.database": "on" }, [], 3],
  ])("audits with %o to the file %j, and %i to the database", async (settings, inFile, inDatabase) => {
    await ready("42.5.2", { settings });
    for (const at of ["/api/metadata", "/api/dataValueSets", "/api/tracker"])
      expect((await ask("POST", at, basic("district"), {})).status).toBe(200);
    const file = path.join(standIn.home, "logs/dhis-audit.log");
    const lines = existsSync(file) ? readFileSync(file, "utf8") : "";
    expect([...lines.matchAll(/"auditScope": "(\w+)"/g)].map(([, scope]) => scope)).toEqual(inFile);
    const table = await query("SELECT to_regclass('audit')::text AS it");
    const rows = table[0]?.["it"] ? await query("SELECT 1 FROM audit") : [];
    expect(rows).toHaveLength(inDatabase);
    expect(standIn.output()).not.toContain("auditScope");
  });
});
