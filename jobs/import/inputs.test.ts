/** Dumps that were once handled wrongly, and others of their kinds. They lie beside the checkout. */
import { execFile } from "node:child_process";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dumpWith } from "../testing/hostile";
import { importInto, startImporting } from "../testing/importing";
import type { TestPostgres } from "../testing/postgres";
import { openDump } from "./format";
import { inspectDump } from "./inspect";
import type { ImportOptions } from "./runImport";

const run = promisify(execFile);
const folder = join(__dirname, "../../../shared/faults/inputs/import");
const have = existsSync(folder);
const skipped = have ? "" : " (SKIPPED: needs ../shared/faults/inputs/import)";

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await postgres.query("CREATE DATABASE live; ");
  await postgres.query("CREATE TABLE here_before (a int)", undefined, "live");
});
afterAll(() => stop());

interface Expected {
  options?: Partial<ImportOptions>;
  /** Rows of each table; else it is refused. */
  rows?: Record<string, number>;
  leftOut?: RegExp[];
  refused?: RegExp;
  /** `inspect` cannot know it. */
  onlyRun?: true;
}

const honest = { "public.honest": 2 };
const userinfo = { "public.userinfo": 1 };

const expected: Record<string, Expected> = {
  "9.6-view-as-rule.sql": { rows: { "public.site": 1 } },
  "SQL_ASCII-latin1bytes.sql": { refused: /row 1 of COPY public.honest .*0xf4.* --encoding WIN1252/ },
  "archive-names-with-blanks.dump": {
    rows: {
      "public._x y": 0,
      "public.analytics 2020 notes": 2,
      "public.my table": 1,
      'public."odd""q"': 1,
      "my schema.t x": 1,
    },
  },
  "archive-negative-toc.dump": { refused: /damaged: its table of contents has -6 entries/ },
  "archive-of-empty-database.dump": { refused: /makes no table/ },
  "archive-through-docker-exec-t.dump.gz": { refused: /damaged by a terminal.*docker exec -t/ },
  "comment-on-ext-function.sql": { rows: honest, leftOut: [/comments on what extensions bring/] },
  "dhis2-gen_random_uuid.sql": { rows: honest, leftOut: [/public.gen_random_uuid\(\)/] },
  "event-trigger.sql": { refused: /event trigger.*--leave-out 'awsdms_intercept_ddl'/ },
  "flyway-rls.sql": { refused: /row-level security policy for table "flyway_schema_history"/, onlyRun: true },
  "google_vacuum_mgmt.sql": { rows: honest, leftOut: [/the extension google_vacuum_mgmt/] },
  "matview-temp-files.sql": {
    options: { maxDatabaseBytes: 60_000_000 },
    refused: /temporary file.*--max-database-size/,
    onlyRun: true,
  },
  "pg_cron.sql": {
    rows: honest,
    leftOut: [/the extension pg_cron/, /rows of cron.job, .* pg_cron/, /cron.jobid_seq/],
  },
  "sanitise-loop.sql": { options: { sanitise: {}, statementTimeout: 5 }, rows: userinfo },
  "sanitise-trigger-null.sql": { options: { sanitise: {} }, rows: userinfo },
  "sanitise-trigger-old.sql": { options: { sanitise: {} }, rows: userinfo },
  "schema-only.sql": { refused: /without --schema-only/ },
  "schema-with-dot.sql": { rows: { '"s.t".u': 1 } },
  "several-databases.sql": { refused: /\(dhis2, dhis2_training\); name one with --from-database/ },
  "subscription.sql": { refused: /a subscription.*--leave-out 'moved'/ },
  "sum-2000.sql": { rows: honest },
  "timeout-off-then-sleep.sql": {
    options: { statementTimeout: 2 },
    refused: /a statement has run for .*--statement-timeout allows 2 s/,
    onlyRun: true,
  },
  "underscore-table-data.sql": { rows: { "public._custom_target": 1, "hr._staff": 1 } },
  "view-on-excluded-table.sql": {
    rows: honest,
    leftOut: [/views .*public.district_report \(public._orgunitstructure\)/],
  },
  "view-on-left-out-extension.sql": {
    rows: honest,
    leftOut: [/pg_stat_statements/, /public.slow_queries \(public.pg_stat_statements\)/],
  },
  "with-oids.sql": { refused: /COPY … WITH OIDS.*without --oids/ },
};

/** Imports it; what `inspect` says has to be the same. */
async function expectOutcome(path: string, { options = {}, rows, leftOut = [], refused, onlyRun }: Expected) {
  const oid = "SELECT oid FROM pg_database WHERE datname = 'live'";
  const before = await postgres.query(oid);
  const extensions = options.sanitise || onlyRun || !refused ? ["postgis"] : [];
  const imported = await importInto(postgres, path, { reimport: true, extensions, ...options }).then(
    (result) => ({ ...result, refused: undefined }),
    (error: Error) => ({ tables: undefined, leftOut: [], kept: undefined, refused: error.message }),
  );
  const { leaveOut, encoding, fromDatabase } = options;
  const inspected = await openDump(path)
    .then((opened) =>
      inspectDump(opened, {
        ...(leaveOut && { leaveOut }),
        ...(encoding && { encoding }),
        ...(fromDatabase && { database: fromDatabase }),
      }).finally(() => opened.remove()),
    )
    .then(
      (found) => found.refused.map(({ reason }) => reason).join("\n"),
      (error: Error) => error.message,
    );
  if (refused) {
    expect(imported.refused).toMatch(refused);
    if (!onlyRun) expect(inspected).toMatch(refused);
    expect(await postgres.query(oid)).toEqual(before);
    return;
  }
  expect([imported.refused, inspected]).toEqual([undefined, ""]);
  const tables = Object.fromEntries((imported.tables ?? []).map((table) => [table.name, table.rows]));
  expect(tables).toEqual(rows);
  const what = imported.leftOut.map((each) => each.what).join("\n");
  for (const each of leftOut) expect(what).toMatch(each);
  await postgres.query(`DROP DATABASE IF EXISTS "${imported.kept}"`);
}

describe.runIf(have)(`the right outcome of${skipped}`, () => {
  it("each input, and there is no other", () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(expected).sort());
  });
  it.each(Object.entries(expected))("%s", (name, outcome) => expectOutcome(join(folder, name), outcome));

  it("archive-through-docker-exec-t.dump.gz, unpacked", async () => {
    const packed = work.path("through.dump.gz");
    await copyFile(join(folder, "archive-through-docker-exec-t.dump.gz"), packed);
    await run("gunzip", ["-f", packed]);
    await expectOutcome(work.path("through.dump"), { refused: /damaged by a terminal.*docker exec -t/ });
  });

  it.each([
    ["SQL_ASCII-latin1bytes.sql", { encoding: "LATIN1" }, honest, []],
    [
      "event-trigger.sql",
      { leaveOut: ["awsdms_intercept_ddl"] },
      honest,
      [/--leave-out.*awsdms_intercept_ddl/],
    ],
    ["subscription.sql", { leaveOut: ["moved"] }, honest, [/--leave-out.*moved/]],
    ["several-databases.sql", { fromDatabase: "dhis2_training" }, honest, [/the database dhis2/]],
  ] as const)("%s, with the option that its message names", async (name, options, rows, leftOut) => {
    const more = "leaveOut" in options ? { leaveOut: [...options.leaveOut] } : options;
    await expectOutcome(join(folder, name), { options: more, rows, leftOut: [...leftOut] });
  });

  it("of a sanitised one: no password of the dump's is left", async () => {
    for (const name of Object.keys(expected).filter((each) => each.startsWith("sanitise"))) {
      await importInto(postgres, join(folder, name), {
        reimport: true,
        sanitise: {},
        extensions: ["postgis"],
      });
      const found = await postgres.query("SELECT DISTINCT password FROM userinfo", undefined, "live");
      expect(found).toEqual([{ password: "!" }]);
    }
  });
});

describe("of the same kinds:", () => {
  async function expectDump(sql: string, outcome: Expected): Promise<void> {
    await writeFile(work.path("dump.sql"), dumpWith(sql).dump);
    await expectOutcome(work.path("dump.sql"), outcome);
  }
  const one = { "public.honest": 1 };

  it.each([
    [
      "a materialized view, its index, its view, its comment and its refresh",
      `CREATE MATERIALIZED VIEW public.m AS SELECT a.b FROM public.analytics a WITH NO DATA;
CREATE VIEW public.v AS WITH c AS (SELECT m.b FROM public.m) SELECT c.b FROM c;
CREATE VIEW public.stays AS WITH analytics AS (SELECT honest.id FROM public.honest) SELECT analytics.id FROM analytics;
COMMENT ON MATERIALIZED VIEW public.m IS 'x';
CREATE INDEX i ON public.m USING btree (b);
REFRESH MATERIALIZED VIEW public.m;
`,
      { rows: one, leftOut: [/public.m \(public.analytics\)/, /public.v \(public.m\)/] },
    ],
    [
      "rows of an extension in the schema of its own that the dump makes",
      `CREATE SCHEMA partman;
CREATE EXTENSION IF NOT EXISTS pg_partman WITH SCHEMA partman;
COPY partman.part_config (a) FROM stdin;
1
\\.
`,
      { rows: one, leftOut: [/rows of partman.part_config, .*pg_partman/] },
    ],
    [
      "but not rows of a table that is nobody's",
      `CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
COPY public.lost (a) FROM stdin;
1
\\.
`,
      { refused: /rows for public.lost, a table the dump does not make/ },
    ],
    [
      "a rule that is no view",
      "CREATE RULE r AS ON INSERT TO public.honest DO INSTEAD NOTHING;",
      {
        refused: /the rule r rewrites queries/,
      },
    ],
    [
      "a rule that would empty a table",
      `CREATE RULE "_RETURN" AS ON SELECT TO public.honest DO INSTEAD SELECT 1 AS id, 'x'::text AS name;`,
      { refused: /"_RETURN" of public.honest in another form/ },
    ],
    [
      "a rule that reads a file",
      `CREATE TABLE public.v (a text);
CREATE RULE "_RETURN" AS ON SELECT TO public.v DO INSTEAD SELECT pg_read_file('/etc/passwd') AS a;`,
      { refused: /"_RETURN" of public.v in another form|reaches beyond/ },
    ],
  ] as [string, string, Expected][])("%s", (_what, sql, outcome) => expectDump(sql, outcome));

  const needed = `CREATE TABLE public.facility (id integer NOT NULL);
COPY public.facility (id) FROM stdin;
1
2
\\.
CREATE FUNCTION public.secret() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN NEW; END $$;
CREATE VIEW public.report AS SELECT facility.id FROM public.facility;
COMMENT ON TABLE public.facility IS 'x';
ALTER TABLE ONLY public.facility ADD CONSTRAINT facility_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.honest ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES public.facility(id);
CREATE TRIGGER t BEFORE INSERT ON public.honest FOR EACH ROW EXECUTE FUNCTION public.secret();
`;

  it("what is left out by name takes what is built on it along, and its rows are counted", async () => {
    await expectDump(needed, { refused: /SECURITY DEFINER.*--leave-out 'public.secret'/ });
    await expectDump(needed, {
      options: { leaveOut: ["secret", "public.facility"] },
      rows: one,
      leftOut: [/--leave-out .*secret/, /--leave-out .*public.facility/, /public.report \(public.facility\)/],
    });
    await writeFile(work.path("dump.sql"), dumpWith(needed).dump);
    const { leftOut } = await importInto(postgres, work.path("dump.sql"), {
      ...{ reimport: true, extensions: ["postgis"], leaveOut: ["public.secret", "facility"] },
    });
    expect(leftOut.flatMap(({ tables = [] }) => tables)).toEqual([{ name: "public.facility", rows: 2 }]);
  });

  it("a name to leave out that nothing has is refused", () =>
    expectDump(needed, {
      options: { leaveOut: ["public.secret", "public.other"] },
      refused: /--leave-out public.other: nothing in the dump has that name/,
    }));

  it("a sum of 5,000 terms is judged, whatever is in it", async () => {
    const sum = (last: string) => `CREATE VIEW public.v AS SELECT ${"1 + ".repeat(1500)}${last} AS a;`;
    await expectDump(sum("1"), { rows: one });
    await expectDump(sum("length(pg_read_file('x'))"), { refused: /pg_read_file, which reaches beyond/ });
    await expectDump(sum("1 + ".repeat(20_000) + "1"), { refused: /parser does not accept|nested/ });
  });

  it("the comments of pg_dump are taken out", async () => {
    const bare = dumpWith("")
      .dump.toString("utf8")
      .replaceAll(/^--.*\n/gm, "");
    await writeFile(work.path("bare.sql"), bare);
    await expectOutcome(work.path("bare.sql"), { refused: /its comments were taken out/ });
    expect(await readFile(work.path("bare.sql"), "utf8")).not.toContain("--");
  });
});
