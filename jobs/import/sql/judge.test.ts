import { describe, expect, test } from "vitest";
import { inPieces, judgeAll } from "../../testing/dumps";
import { dumpWith, hostileCorpus } from "../../testing/hostile";
import type { Verdict } from "./dump";
import { DumpError } from "../errors";
import { Judge, refusal } from "./judge";
import { splitDump } from "./split";

describe("refused, with the line", () => {
  test.each(hostileCorpus("/tmp/canary"))("$what", async ({ sql, line = 1, reason }) => {
    const { dump, firstLine } = dumpWith(sql);
    const refused = (await judgeAll(dump)).find(({ verdict }) => verdict.verdict === "refuse");
    if (refused?.verdict.verdict !== "refuse") throw new Error("not refused");
    expect(refused.verdict.reason).toMatch(reason);
    expect(refused.item.line).toBe(firstLine + line - 1);
    const error = refusal(refused.item, refused.verdict.reason);
    expect(error.message).toContain(`Line ${refused.item.line}: refused: `);
  });
});

describe("refused in every encoding", () => {
  /** The character's second byte looks like a backslash: a reader of bytes would take the quote for escaped. */
  test.each([
    ["SJIS", "\x83\x5c"],
    ["SHIFT_JIS_2004", "\x83\x5c"],
    ["BIG5", "\xa5\x5c"],
    ["GBK", "\x81\x5c"],
    ["GB18030", "\x81\x5c"],
    ["JOHAB", "\x88\x5c"],
    ["LATIN1", "\xe9"],
    ["WIN1252", "\xe9"],
    ["EUC_JP", "\xa4\xa2"],
    ["SQL_ASCII", "\xc3\xa9"],
    ["UTF8", "\xc3\xa9"],
  ])("%s", async (encoding, character) => {
    const text = `/* ${character} */ \\! touch x\nCOMMENT ON TABLE public.honest IS E'${character}'; \\! touch x\n';`;
    const { dump, firstLine } = dumpWith(Buffer.from(text, "latin1"), encoding);
    const lines: number[] = [];
    try {
      const judge = await Judge.create();
      for await (const item of splitDump(inPieces(dump, 7))) {
        if (judge.judge(item).verdict === "refuse" && item.kind === "meta") lines.push(item.line);
      }
    } catch (error) {
      // The statement is not decoded where nothing here can; the one before it is refused by then.
      expect(error).toBeInstanceOf(DumpError);
    }
    const readable = !["SHIFT_JIS_2004", "JOHAB"].includes(encoding);
    expect(lines.slice(0, 2)).toEqual(readable ? [firstLine, firstLine + 1] : [firstLine]);
  });
});

describe("left out", () => {
  async function verdicts(sql: string): Promise<string[]> {
    const judged = await judgeAll(sql);
    return judged
      .filter(({ item }) => item.kind !== "begin" && item.kind !== "end")
      .map(({ verdict }) => (verdict.verdict === "skip" ? verdict.reason || "silently" : verdict.verdict));
  }

  test("roles and tablespaces, but only among pg_dumpall's globals", async () => {
    const globals =
      "CREATE ROLE a;\nALTER ROLE a WITH SUPERUSER;\nGRANT a TO b GRANTED BY c;\nCREATE TABLESPACE t LOCATION '/x';\n";
    const cluster = `-- PostgreSQL database cluster dump\n${globals}\\connect dhis2\n`;
    const [create, alter, grant, tablespace, connect, ...later] = await verdicts(`${cluster}${globals}`);
    expect([create, alter, grant]).toEqual(Array(3).fill(expect.stringMatching(/^roles/)));
    expect([tablespace, connect]).toEqual([expect.stringMatching(/^tablespaces/), "silently"]);
    expect(later).toEqual(Array(4).fill("refuse"));
    // The part of a database begins with pg_dump's comment too.
    const inPart = await verdicts(
      `-- PostgreSQL database cluster dump\n-- PostgreSQL database dump\n${globals}`,
    );
    expect(inPart).toEqual(Array(4).fill("refuse"));
  });

  test("settings of the dump's own database, refused of another", async () => {
    const settings =
      "ALTER DATABASE d SET a = 'b';ALTER ROLE r IN DATABASE d SET a = 'b';ALTER DATABASE e SET a = 'b';";
    const ours = expect.stringMatching(/^the database itself/) as string;
    expect(await verdicts(`CREATE DATABASE d;\n\\connect d\n${settings}`)).toEqual([
      ours,
      "silently",
      ours,
      ours,
      "refuse",
    ]);
  });

  test.each([
    ["ALTER TABLE public.t OWNER TO x;", /^owners/],
    ["ALTER FUNCTION public.f() OWNER TO x;", /^owners/],
    ["ALTER SCHEMA s OWNER TO x;", /^owners/],
    ["ALTER LARGE OBJECT 1 OWNER TO x;", /^owners/],
    ["GRANT ALL ON TABLE public.t TO x;", /^grants/],
    ["REVOKE ALL ON SCHEMA public FROM PUBLIC;", /^grants/],
    ["ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA public GRANT SELECT ON TABLES TO y;", /^grants/],
    ["CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;", /^extensions/],
    ["CREATE EXTENSION pg_stat_statements;", /pg_stat_statements/],
    ["CREATE EXTENSION postgis_topology WITH SCHEMA topology;", /postgis_topology/],
    ["CREATE SCHEMA topology;", /postgis_topology/],
    ["COPY topology.layer (topology_id) FROM stdin;\n\\.", /postgis_topology/],
    ["COPY public.spatial_ref_sys (srid) FROM stdin;\n\\.", /postgis/],
    ["SELECT pg_catalog.setval('topology.topology_id_seq', 1, false);", /postgis_topology/],
    ["COMMENT ON EXTENSION postgis IS 'x';", /silently/],
    ["COMMENT ON SCHEMA public IS 'x';", /silently/],
    ["CREATE SCHEMA public;", /silently/],
    ["CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;", /^extensions/],
    ["DROP TABLE IF EXISTS public.t;", /^DROP/],
    ["ALTER TABLE IF EXISTS ONLY public.t DROP CONSTRAINT IF EXISTS c;", /^DROP/],
    ["ALTER TABLE public.t ALTER COLUMN a DROP DEFAULT;", /^DROP/],
    ["DROP DATABASE dhis2;", /^DROP/],
    ["CREATE OR REPLACE VIEW public.v AS SELECT NULL::integer AS a;", /^DROP/],
    ["UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'template1';", /^the database/],
    ["BEGIN;", /silently/],
    ["COMMIT;", /silently/],
    ["SET default_tablespace = fast;", /silently/],
    ["CREATE PUBLICATION p FOR ALL TABLES;", /^publications/],
    ["ALTER TABLE public.t DISABLE TRIGGER ALL;", /TRIGGER ALL/],
    ["CREATE POLICY p ON public.t TO x USING (true);", /policies/],
    ["SECURITY LABEL FOR selinux ON TABLE public.t IS 'x';", /labels/],
    ["ALTER INDEX public.i DEPENDS ON EXTENSION postgis;", /dependencies/],
    ["SELECT pg_catalog.lo_unlink('1') FROM pg_catalog.pg_largeobject_metadata WHERE oid = '1';", /silently/],
    ["SELECT * FROM pg_catalog.pg_restore_relation_stats('version', '180000'::integer);", /statistics/],
  ])("%s", async (sql, reason) => {
    expect(await verdicts(sql)).toEqual([expect.stringMatching(reason)]);
  });

  test("the data of tables that are not wanted", async () => {
    const judged = await judgeAll(
      "CREATE TABLE public._a (b int);CREATE TABLE public.c (b int);" +
        "COPY public._a FROM stdin;\n1\n\\.\nINSERT INTO public._a VALUES (1);COPY public.c FROM stdin;\n\\.\n",
      { excludeData: (table) => table.startsWith("public._") },
    );
    expect(judged.map(({ verdict }) => verdict.verdict)).toEqual(["run", "run", "skip", "skip", "run"]);
  });
});

describe("run", () => {
  async function run(sql: string): Promise<(Verdict & { verdict: "run" })[]> {
    return (await judgeAll(sql)).map(({ verdict }) => verdict).filter((verdict) => verdict.verdict === "run");
  }

  test.each<[sql: string, type: string, phase: string, step: string | undefined, objects: string[]]>([
    ["CREATE TABLE public.t (a int)", "CreateStmt", "pre-data", undefined, ["public.t"]],
    ['CREATE TABLE s."T x" (a int)', "CreateStmt", "pre-data", undefined, ["s.T x"]],
    ["CREATE SCHEMA s", "CreateSchemaStmt", "pre-data", undefined, ["s"]],
    ["CREATE TYPE public.e AS ENUM ('a')", "CreateEnumStmt", "pre-data", undefined, ["public.e"]],
    ["CREATE SEQUENCE public.s", "CreateSeqStmt", "pre-data", undefined, ["public.s"]],
    [
      "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT nextval('public.s'::regclass)",
      "AlterTableStmt",
      "pre-data",
      undefined,
      ["public.t"],
    ],
    [
      "ALTER TABLE ONLY public.t ATTACH PARTITION public.p FOR VALUES IN (1)",
      "AlterTableStmt",
      "pre-data",
      undefined,
      ["public.t", "public.p"],
    ],
    ["CREATE VIEW public.v AS SELECT 1", "ViewStmt", "pre-data", undefined, ["public.v"]],
    [
      "CREATE MATERIALIZED VIEW public.m AS SELECT 1 WITH NO DATA",
      "CreateTableAsStmt",
      "pre-data",
      undefined,
      ["public.m"],
    ],
    ["SELECT pg_catalog.setval('public.\"S x\"', 1, true)", "SelectStmt", "data", undefined, ["public.S x"]],
    ["CREATE INDEX i ON public.t USING btree (a)", "IndexStmt", "post-data", "index", ["public.t"]],
    [
      "ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (a)",
      "AlterTableStmt",
      "post-data",
      "index",
      ["public.t"],
    ],
    [
      "ALTER INDEX public.i ATTACH PARTITION public.j",
      "AlterTableStmt",
      "post-data",
      "attach",
      ["public.i", "public.j"],
    ],
    [
      "ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.u(a)",
      "AlterTableStmt",
      "post-data",
      "foreign-key",
      ["public.t", "public.u"],
    ],
    [
      "CREATE TRIGGER x BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
      "CreateTrigStmt",
      "post-data",
      "rest",
      ["public.t"],
    ],
    ["COMMENT ON INDEX public.i IS 'x'", "CommentStmt", "post-data", "rest", []],
    ["ALTER TABLE public.t ENABLE ROW LEVEL SECURITY", "AlterTableStmt", "post-data", "rest", ["public.t"]],
    ["REFRESH MATERIALIZED VIEW public.m", "RefreshMatViewStmt", "post-data", "refresh", ["public.m"]],
  ])("%s", async (sql, type, phase, step, objects) => {
    expect(await run(`${sql};`)).toEqual([
      { verdict: "run", sql, type, phase, objects, searchPath: "", ...(step && { step }) },
    ]);
  });

  test("rows, where the dump has made the table", async () => {
    const table = "CREATE TABLE public.t (a int, b text);";
    const [, copy, one, two, three] = await run(
      `${table}COPY public.t (a) FROM stdin;\n1\n\\.\nINSERT INTO public.t VALUES (1, 'a');` +
        "INSERT INTO public.t VALUES\n(1),\n(2);INSERT INTO public.t VALUES ('1'::integer), (ARRAY[1, -2]);",
    );
    expect(copy).toMatchObject({ type: "CopyStmt", phase: "data", objects: ["public.t"] });
    expect([one?.rows, two?.rows, three?.rows]).toEqual([1, 2, 2]);
    expect(three).toMatchObject({ type: "InsertStmt", phase: "data", objects: ["public.t"] });
  });

  test("extensions that PostgreSQL trusts, in our own words", async () => {
    expect(
      await run("CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA public VERSION '1.0' CASCADE;"),
    ).toMatchObject([
      { sql: 'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public', phase: "pre-data" },
    ]);
  });

  test("names of dumps before 2018 by their search_path", async () => {
    const [table, copy, other] = await run(
      "SET search_path = public, pg_catalog;CREATE TABLE t (a int);COPY t (a) FROM stdin;\n1\n\\.\n" +
        'SET search_path = "Odd", pg_catalog;CREATE TABLE t (a int);',
    );
    expect(table).toMatchObject({ objects: ["public.t"], searchPath: "public, pg_catalog" });
    expect(copy).toMatchObject({ objects: ["public.t"], searchPath: "public, pg_catalog" });
    expect(other).toMatchObject({ objects: ["Odd.t"], searchPath: '"Odd", pg_catalog' });
  });

  test("a whole dump as pg_dump 9.6 wrote it", async () => {
    const old = `SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';
SET search_path = public, pg_catalog;
CREATE FUNCTION f() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RETURN new; END $$;
ALTER FUNCTION public.f() OWNER TO dhis;
SET default_tablespace = '';
SET default_with_oids = false;
CREATE TABLE t (
    id bigint DEFAULT nextval('t_seq'::regclass) NOT NULL,
    name character varying(10)
);
ALTER TABLE t OWNER TO dhis;
CREATE SEQUENCE t_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE t_seq OWNER TO dhis;
ALTER SEQUENCE t_seq OWNED BY t.id;
SELECT pg_catalog.lo_create('16385');
ALTER LARGE OBJECT 16385 OWNER TO dhis;
COPY t (id, name) FROM stdin;
1	a
\\.
SELECT pg_catalog.setval('t_seq', 1, true);
SET search_path = pg_catalog;
BEGIN;
SELECT pg_catalog.lo_open('16385', 131072);
SELECT pg_catalog.lowrite(0, '\\x00');
SELECT pg_catalog.lo_close(0);
COMMIT;
SET search_path = public, pg_catalog;
ALTER TABLE ONLY t
    ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE PROCEDURE f();
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO postgres;
`;
    expect((await judgeAll(old)).filter(({ verdict }) => verdict.verdict === "refuse")).toEqual([]);
    expect((await run(old)).map(({ objects }) => objects[0])).toEqual([
      ...[
        "public.f",
        "public.t",
        "public.t_seq",
        "public.t_seq",
        "large object 16385",
        "public.t",
        "public.t_seq",
      ],
      ...["large object 16385", "large objects", "large objects", "public.t", "public.t"],
    ]);
  });

  test("large objects", async () => {
    const items = await run(
      "SELECT pg_catalog.lo_create('16385');BEGIN;SELECT pg_catalog.lo_open('16385', 131072);" +
        "SELECT pg_catalog.lowrite(0, '\\x00ff');SELECT pg_catalog.lo_close(0);COMMIT;",
    );
    expect(items.map(({ largeObject }) => largeObject)).toEqual(["create", "open", "write", "close"]);
  });

  test("a view that needs a primary key, and an index on what is made that late", async () => {
    const items = await run(
      "CREATE TABLE public.t (a int);CREATE VIEW public.v AS SELECT NULL::integer AS a;" +
        "ALTER TABLE ONLY public.t ADD CONSTRAINT k PRIMARY KEY (a);" +
        "CREATE OR REPLACE VIEW public.v AS SELECT * FROM public.t GROUP BY a;" +
        "CREATE MATERIALIZED VIEW public.m AS SELECT * FROM public.v WITH NO DATA;CREATE INDEX i ON public.m (a);",
    );
    expect(items.map(({ phase, step }) => step ?? phase)).toEqual([
      "pre-data",
      "pre-data",
      "index",
      "rest",
      "rest",
      "rest",
    ]);
  });
});

describe("several databases", () => {
  const cluster =
    "-- PostgreSQL database cluster dump\nCREATE ROLE x;\n\\connect template1\nCREATE TABLE public.z (a int);\n" +
    "\\connect a\nCREATE TABLE public.t (a int);\n\\connect b\nCREATE TABLE public.u (a int);\n\\connect postgres\nCREATE EXTENSION adminpack;\n";

  async function tables(options = {}): Promise<string[]> {
    return (await judgeAll(cluster, options)).flatMap(({ verdict }) =>
      verdict.verdict === "run" ? verdict.objects : verdict.verdict === "refuse" ? [verdict.reason] : [],
    );
  }

  test("the one that was asked for", async () => {
    expect(await tables({ database: "b" })).toEqual(["public.u"]);
    expect(await tables({ database: "template1" })).toEqual(["public.z"]);
  });

  test("one that is not there is reported", async () => {
    const judge = await Judge.create({ database: "c" });
    const whole = `${cluster}-- PostgreSQL database cluster dump complete\n`;
    for await (const item of splitDump(inPieces(whole))) judge.judge(item);
    expect(() => {
      judge.finish();
    }).toThrow("there is no database c in the dump, only template1, a, b, postgres");
  });

  test("are refused when nobody chose", async () => {
    expect(await tables()).toEqual([
      "public.t",
      expect.stringMatching(/several databases \(a, b\).*--from-database/),
    ]);
  });
});

describe("the end of the dump", () => {
  const [begin, end] = ["-- PostgreSQL database dump\n", "-- PostgreSQL database dump complete\n"];
  const cluster = "-- PostgreSQL database cluster dump\n";
  const clusterEnd = "-- PostgreSQL database cluster dump complete\n";

  async function finish(dump: string): Promise<void> {
    const judge = await Judge.create();
    for await (const item of splitDump(inPieces(dump))) judge.judge(item);
    judge.finish();
  }

  test.each([
    ["pg_dump's", `${begin}SELECT 1;\n${end}\\unrestrict x\n`],
    ["pg_dumpall's", `${cluster}${begin}SELECT 1;${end}${clusterEnd}`],
  ])("%s is enough", async (_what, dump) => {
    await expect(finish(dump)).resolves.toBeUndefined();
  });

  test.each([
    ["nothing", ""],
    ["no comment", `${begin}SELECT 1;`],
    ["something after it", `${begin}SELECT 1;\n${end}SELECT 2;`],
    ["the last database's of a cluster", `${cluster}${begin}SELECT 1;\n${end}`],
  ])("%s is not", async (_what, dump) => {
    await expect(finish(dump)).rejects.toThrow(/cut short/);
  });
});
