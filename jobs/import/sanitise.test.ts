import { compare } from "bcryptjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDhis2Like } from "../testing/dhis2";
import { client, importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await createDhis2Like(postgres, "origin", { dataValues: 1000, events: 100 });
  await client(postgres, "pg_dump", ["-f", work.path("origin.sql"), "origin"]);
});
afterAll(() => stop());

const live = <R extends object>(sql: string) => postgres.query<R>(sql, undefined, "live");

it("makes a clone that reaches nobody, and that one account alone can log in to", async () => {
  const result = await importInto(postgres, work.path("origin.sql"), {
    reimport: true,
    sanitise: { account: { username: "user7", password: "a new one for the clone" } },
  });

  expect(await live("SELECT jobtype FROM jobconfiguration WHERE enabled")).toEqual([
    { jobtype: "HOUSEKEEPING" },
  ]);
  expect(await live("SELECT name FROM systemsetting ORDER BY 1")).toEqual([
    { name: "applicationTitle" },
    { name: "credentialsExpires" },
  ]);
  // Nobody can register, or come in by an invitation.
  expect(await live("SELECT selfregistrationrole, selfregistrationorgunit FROM configuration")).toEqual([
    { selfregistrationrole: null, selfregistrationorgunit: null },
  ]);
  expect(await live("SELECT FROM userinfo WHERE invitation")).toEqual([]);
  // The one account was disabled, invited and expired, and its password was years old.
  expect(
    await live(
      "SELECT disabled, accountexpiry, passwordlastupdated > now() - interval '1 hour' AS new FROM userinfo WHERE username = 'user7'",
    ),
  ).toEqual([{ disabled: false, accountexpiry: null, new: true }]);
  expect(await live("SELECT namespacekey AS key, jbvalue AS value FROM keyjsonvalue ORDER BY 1")).toEqual([
    { key: "config", value: {} },
    { key: "settings", value: { a: 1 } },
    { key: "tokens", value: {} },
    {
      key: "upstream",
      value: {
        url: "https://x.example.org",
        auth: { user: "u", password: "" },
        apiKey: "",
        note: 'say "password": please',
      },
    },
    { key: "vault", value: {} },
  ]);
  expect(await live("SELECT jbvalue FROM userkeyjsonvalue")).toEqual([
    { jbvalue: { accessToken: "", theme: "dark" } },
  ]);
  expect(await live("SELECT FROM outbound_sms")).toEqual([]);
  expect(await live("SELECT disabled, targets FROM eventhook")).toEqual([{ disabled: true, targets: [] }]);
  expect(await live("SELECT disabled, auth FROM route")).toEqual([{ disabled: true, auth: null }]);
  expect(await live("SELECT target FROM aggregatedataexchange ORDER BY 1")).toEqual([
    { target: { type: "EXTERNAL" } },
    { target: { type: "INTERNAL" } },
  ]);
  for (const table of [
    "api_token",
    "oauth2_client",
    "previouspasswords",
    "programnotificationtemplate_deliverychannel",
  ]) {
    expect(await live(`SELECT FROM ${table}`), table).toEqual([]);
  }
  expect(await live("SELECT name FROM programnotificationinstance")).toEqual([{ name: "Sent" }]);
  expect(
    await live(
      "SELECT FROM userinfo WHERE secret IS NOT NULL OR twofactortype <> 'NOT_ENABLED' OR externalauth OR openid IS NOT NULL OR restoretoken IS NOT NULL",
    ),
  ).toEqual([]);

  const accounts = await live<{ username: string; password: string }>(
    "SELECT username, password FROM userinfo",
  );
  expect(accounts).toHaveLength(60);
  const hashes = accounts.filter(({ password }) => password.startsWith("$2"));
  expect(hashes.map(({ username }) => username)).toEqual(["user7"]);
  expect(await compare("a new one for the clone", hashes[0]?.password ?? "")).toBe(true);

  // Nowhere in the database a secret of the original.
  const rest = await client(postgres, "pg_dump", ["--data-only", "live"]);
  expect(rest.match(/\tsecret|"secret|\$2a\$10|smtp\.moh|national\.example|JBSWY3/g)).toBeNull();
  expect(result.sanitised).toContainEqual({ what: "scheduled jobs", table: "jobconfiguration", rows: 3 });
  // And everything else is there.
  expect(await live("SELECT count(*)::int AS n FROM datavalue")).toEqual([{ n: 1000 }]);
});

it("without an account, nobody can log in", async () => {
  await importInto(postgres, work.path("origin.sql"), { reimport: true, sanitise: {} });
  expect(await live("SELECT DISTINCT password FROM userinfo")).toEqual([{ password: "!" }]);
});

it("an account that is not there: refused, and the live database unchanged", async () => {
  await postgres.query("UPDATE userinfo SET email = 'entered since'", undefined, "live");
  const sanitise = { account: { username: "nobody", password: "whatever it is" } };
  await expect(importInto(postgres, work.path("origin.sql"), { reimport: true, sanitise })).rejects.toThrow(
    /ValidationError|no account "nobody"/,
  );
  expect(await live("SELECT DISTINCT email FROM userinfo")).toEqual([{ email: "entered since" }]);
});

it("not asked for, nothing of that is touched", async () => {
  await importInto(postgres, work.path("origin.sql"), { reimport: true });
  const rows =
    "SELECT (SELECT count(*) FROM jobconfiguration WHERE enabled)::int AS jobs, (SELECT count(*) FROM api_token)::int AS tokens";
  expect(await live(rows)).toEqual([{ jobs: 4, tokens: 3 }]);
});

describe("a clone is not called sanitised when", () => {
  const trigger = (body: string) =>
    "CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " +
    `${body} END $$; CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON public.userinfo FOR EACH ROW EXECUTE FUNCTION public.keep()`;

  async function dumpWith(name: string, sql: string): Promise<string> {
    await postgres.query(`CREATE DATABASE ${name} TEMPLATE origin`);
    await postgres.query(sql, undefined, name);
    await client(postgres, "pg_dump", ["-f", work.path(`${name}.sql`), name]);
    await postgres.query(`DROP DATABASE ${name}`);
    return work.path(`${name}.sql`);
  }

  it.each([
    ["keeps_old", "NEW.password := OLD.password; RETURN NEW;", "ENABLE"],
    ["skips", "RETURN NULL;", "ENABLE ALWAYS"],
    ["never_ends", "PERFORM pg_sleep(1000); RETURN NEW;", "ENABLE"],
  ])(
    "a trigger of the dump (%s) would keep its passwords: it is off meanwhile, and on again",
    async (name, body, how) => {
      const enable = `ALTER TABLE public.userinfo ${how} TRIGGER keep`;
      const dump = await dumpWith(name, `${trigger(body)}; ${enable}`);
      await importInto(postgres, dump, { reimport: true, sanitise: {}, statementTimeout: 30 });
      expect(await live("SELECT DISTINCT password FROM userinfo")).toEqual([{ password: "!" }]);
      expect(await live("SELECT tgenabled FROM pg_trigger WHERE tgname = 'keep'")).toEqual([
        { tgenabled: how === "ENABLE" ? "O" : "A" },
      ]);
    },
  );

  it.each([
    [
      "its_accounts_are_elsewhere",
      "ALTER TABLE userinfo RENAME TO accounts",
      /no account in the tables userinfo or users/,
    ],
    [
      "it_has_no_accounts",
      "UPDATE event SET assigneduserid = NULL; DELETE FROM userinfo",
      /no account in the tables userinfo or users/,
    ],
    [
      "its_rows_are_hidden",
      "ALTER TABLE userinfo ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY none ON userinfo USING (false)",
      /cannot be checked or sanitised: .*row-level security/,
    ],
  ])("%s: it is refused, and the live database stays", async (name, sql, reason) => {
    const dump = await dumpWith(name, sql);
    const oid = "SELECT oid FROM pg_database WHERE datname = 'live'";
    const before = await postgres.query(oid);
    await expect(importInto(postgres, dump, { reimport: true, sanitise: {} })).rejects.toThrow(reason);
    expect(await postgres.query(oid)).toEqual(before);
  });
});
