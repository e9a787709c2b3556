/** A new server of DHIS2 43 shows analytics: by the stand-in, which shows none without output period types. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { makeAnalytics } from "./analytics/makeAnalytics";
import { giveOutputPeriodTypes } from "./outputPeriodTypes";
import { prepare } from "./prepare/prepare";
import { runCommand } from "./runCommand";
import { program } from "./secure-admin/cli";
import { startPostgres, type TestPostgres } from "./testing/postgres";
import { missingForStandIn, startStandIn, type StandIn } from "./testing/standIn";

const PASSWORD = "Nobody-knows-this-1";
const lacking = missingForStandIn();
const folder = mkdtempSync(path.join(tmpdir(), "period-types-"));
const passwordFile = path.join(folder, "password");
writeFileSync(passwordFile, PASSWORD);
let postgres: TestPostgres;
let standIn: StandIn;
let database: string;
let count = 0;

beforeAll(async () => {
  if (lacking) return;
  postgres = await startPostgres();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  return postgres?.stop();
});
beforeEach(async () => {
  if (lacking) return;
  database = `dhis2_${++count}`;
  const { host, port, user, password } = postgres;
  const server = { host, port, user, password, database: "postgres" };
  await prepare({ server, database, role: "dhis2", rolePassword: "role" });
});
afterEach(() => standIn?.stop());

async function start(version: string): Promise<void> {
  standIn = await startStandIn({ version, postgres, database, rolePassword: "role" });
  await standIn.ready();
}
async function secure(): Promise<string> {
  const log = vi.spyOn(console, "log").mockReturnValue();
  const parameters = ["after-start", "--application", standIn.url, "--admin-password-file", passwordFile];
  expect(await runCommand(program(), [...parameters, "--wait", "30s"])).toBe(0);
  const said = log.mock.calls.flat().join("\n");
  log.mockRestore();
  return said;
}
const get = async <T>(at: string) => {
  const Authorization = `Basic ${btoa(`admin:${PASSWORD}`)}`;
  return (await (await fetch(standIn.url + at, { headers: { Authorization } })).json()) as T;
};
async function analytics(): Promise<{ said: string[]; rows: number }> {
  const said: string[] = [];
  await makeAnalytics({
    ...{ application: standIn.url, account: "admin", password: PASSWORD, wait: 60, every: 0.01 },
    ...{ signal: new AbortController().signal, onNotice: ({ message }) => void said.push(message) },
  });
  return { said, rows: (await get<{ rows: unknown[] }>("/api/analytics")).rows.length };
}

describe.skipIf(lacking)(`output period types${lacking ? ` (skipped: ${lacking})` : ""}`, () => {
  it("are given to a new server before it opens, so that its first analytics show data", async () => {
    await start("43.1.0");
    expect(await secure()).toContain("DHIS2 had no output period types. It has all of them now.");
    await fetch(`${standIn.url}/api/note`, { method: "POST" });
    expect(await analytics()).toEqual({ said: ["Analytics tables updated"], rows: 1 });
  });

  it("are given once: what an administrator chose is left as it is", async () => {
    await start("43.1.0");
    await secure();
    await postgres.query(
      "DELETE FROM configuration_dataoutputperiodtype USING periodtype WHERE name <> 'Yearly' AND periodtype.periodtypeid = configuration_dataoutputperiodtype.periodtypeid",
      undefined,
      database,
    );
    expect(await secure()).not.toContain("output period types");
    expect(await get("/api/configuration/dataOutputPeriodTypes")).toEqual([{ name: "Yearly" }]);
  });

  it("are given with the analytics tables where a server has none, which is said", async () => {
    await start("43.1.0");
    await secure();
    await fetch(`${standIn.url}/api/note`, { method: "POST" });
    await postgres.query("DELETE FROM configuration_dataoutputperiodtype", undefined, database);
    expect(await analytics()).toEqual({
      said: [expect.stringContaining("DHIS2 had no output period types"), "Analytics tables updated"],
      rows: 1,
    });
  });

  it("are none of an earlier version's", async () => {
    await start("42.5.2");
    expect(await secure()).not.toContain("output period types");
    expect((await analytics()).said).toEqual(["Analytics tables updated"]);
  });
});

it("are asked for in vain where DHIS2 refuses them: said with its answer, and where to choose them", async () => {
  const ask = (method: string) =>
    Promise.resolve(method === "GET" ? { status: 200, text: "[]" } : { status: 403, text: "Access denied" });
  await expect(giveOutputPeriodTypes(ask)).rejects.toThrow(
    /answered with 403: Access denied.*System Settings/,
  );
});
