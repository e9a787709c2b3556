/**
 * Things a dump must not do, each to be put into an otherwise honest dump. All that try to leave a trace leave it as
 * the file `canary`, or as a table, role or database of that name, so that a test can look for it afterwards.
 */
export interface Hostile {
  what: string;
  /** What is put in. */
  sql: string | Buffer;
  /** Which of its lines is to blame; the first is 1. */
  line?: number;
  /** What the refusal says. */
  reason: RegExp;
}

/** An honest dump up to its rows, the hostile part, and the honest rest. */
export function dumpWith(hostile: string | Buffer, encoding = "UTF8"): { dump: Buffer; firstLine: number } {
  const before = `--
-- PostgreSQL database dump
--

-- Dumped from database version 15.3
-- Dumped by pg_dump version 15.3

SET statement_timeout = 0;
SET client_encoding = '${encoding}';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;

CREATE TABLE public.honest (
    id integer NOT NULL,
    name text
);

COPY public.honest (id, name) FROM stdin;
1	one
\\.

`;
  const after = `

ALTER TABLE ONLY public.honest
    ADD CONSTRAINT honest_pkey PRIMARY KEY (id);

--
-- PostgreSQL database dump complete
--
`;
  return {
    dump: Buffer.concat([Buffer.from(before), Buffer.from(hostile), Buffer.from(after)]),
    firstLine: before.split("\n").length,
  };
}

const shell = /meta-command/;
const dangerous = /reaches beyond/;
const notWritten = /nothing that pg_dump writes|pg_dump does not write/;

/** `canary` is the path of a file that must never appear. */
export function hostileCorpus(canary: string): Hostile[] {
  const touch = `\\! touch ${canary}`;
  const program = `PROGRAM 'touch ${canary}'`;
  return [
    // Meta-commands, in every disguise
    { what: "a shell command", sql: touch, reason: shell },
    { what: "a shell command after a comment", sql: `/* harmless */ ${touch}`, reason: shell },
    { what: "a shell command after a line comment", sql: `-- harmless\n${touch}`, line: 2, reason: shell },
    { what: "a shell command after a nested comment", sql: `/* /* */ */${touch}`, reason: shell },
    { what: "a shell command after a statement", sql: `SET lock_timeout = 0; ${touch}`, reason: shell },
    {
      what: "a shell command in a statement",
      sql: `CREATE TABLE public.a (\n  id int ${touch}\n);`,
      line: 2,
      reason: shell,
    },
    { what: "a shell command in parentheses", sql: `SELECT (\n${touch}\n);`, line: 2, reason: shell },
    {
      what: "a shell command after rows",
      sql: `COPY public.honest FROM stdin;\n2\n\\.\n${touch}`,
      line: 4,
      reason: shell,
    },
    {
      what: "a shell command after a second end of rows",
      sql: `COPY public.honest FROM stdin;\n\\.\n\\.\n`,
      line: 3,
      reason: shell,
    },
    {
      what: "a shell command after a doubled quote",
      sql: `COMMENT ON TABLE public.honest IS 'it''s';${touch}`,
      reason: shell,
    },
    {
      what: "a shell command after an escape string",
      sql: `COMMENT ON TABLE public.honest IS E'\\'';${touch}`,
      reason: shell,
    },
    {
      what: "a shell command after a backslash string",
      sql: `COMMENT ON TABLE public.honest IS '\\';${touch}`,
      reason: shell,
    },
    {
      what: "a shell command after a dollar quote",
      sql: `COMMENT ON TABLE public.honest IS $a$ $b$ $a$;${touch}`,
      reason: shell,
    },
    {
      what: "a shell command of Windows",
      sql: `SET lock_timeout = 0;\r\n${touch}\r\n`,
      line: 2,
      reason: shell,
    },
    { what: "a shell command behind a form feed", sql: `\f${touch}`, reason: shell },
    {
      what: "a shell command in a restricted part",
      sql: `\\restrict abc\n${touch}\n\\unrestrict abc`,
      line: 2,
      reason: shell,
    },
    { what: "a restricted part opened twice", sql: `\\restrict abc\n\\restrict abc`, line: 2, reason: shell },
    {
      what: "a restricted part closed by another key",
      sql: `\\restrict abc\n\\unrestrict abd`,
      line: 2,
      reason: shell,
    },
    { what: "restrict with more on its line", sql: `\\restrict abc \\! touch ${canary}`, reason: shell },
    { what: "a backquote in an argument", sql: `\\connect \`touch ${canary}\``, reason: shell },
    { what: "a backquote in a key", sql: `\\restrict \`touch ${canary}\``, reason: shell },
    { what: "connect in a restricted part", sql: `\\restrict abc\n\\connect other`, line: 2, reason: shell },
    { what: "connect with a connection string", sql: `\\connect "host=evil.example.org"`, reason: shell },
    { what: "connect as somebody", sql: `\\connect - postgres`, reason: shell },
    { what: "connect in a statement", sql: `SELECT 1\n\\connect other\n;`, line: 2, reason: shell },
    {
      what: "client-side COPY of a program",
      sql: `\\copy public.honest from program 'touch ${canary}'`,
      reason: shell,
    },
    { what: "the query to a program", sql: `SELECT 1 \\g |touch ${canary}`, reason: shell },
    { what: "another file", sql: `\\i /tmp/evil.sql`, reason: shell },
    { what: "a variable from a program", sql: `\\set x \`touch ${canary}\``, reason: shell },
    { what: "another encoding", sql: `\\encoding SJIS`, reason: shell },
    { what: "results as commands", sql: `SELECT 'SELECT 1' \\gexec`, reason: shell },
    { what: "the large objects' own command", sql: `\\lo_import /etc/passwd`, reason: shell },
    {
      what: "a psql variable",
      sql: `COMMENT ON TABLE public.honest IS :'HOME';`,
      reason: /parser does not accept/,
    },

    // SQL where a careless reader sees none, and none where it sees some
    {
      what: "SQL after a quote that a wrong reader leaves open",
      sql: `COMMENT ON TABLE public.honest IS '\\'; ALTER SYSTEM SET a = 'b';`,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL after an escape string in two parts",
      sql: `COMMENT ON TABLE public.honest IS E'a'\n'\\'';ALTER SYSTEM SET a = 'b';`,
      line: 2,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL after a comment that a wrong reader leaves open",
      sql: `/* /* */ */ ALTER SYSTEM SET a = 'b'; /* */`,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL after dollars in an identifier",
      sql: `COMMENT ON TABLE public.honest IS NULL;COMMENT ON COLUMN public.a$$.b IS 'x';ALTER SYSTEM SET a = 1; --$$`,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL after rows that end early",
      sql: `COPY public.honest FROM stdin;\n1\tone\n\\.\nALTER SYSTEM SET a = 'b';\n2\ttwo\n\\.\n`,
      line: 4,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL in a DO block's dollar quotes",
      sql: `DO $x$ BEGIN EXECUTE $y$COPY (SELECT 1) TO ${program}$y$; END $x$;`,
      reason: /DO runs/,
    },
    {
      what: "SQL in a function's dollar quotes",
      sql: `CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN\n COPY public.honest TO ${program}; END $x$;`,
      reason: /CopyStmt/,
    },
    {
      what: "SQL in a function's EXECUTE",
      sql: `CREATE FUNCTION public.f() RETURNS void LANGUAGE plpgsql AS $x$ BEGIN EXECUTE 'ALTER SYSTEM SET ' || 'a = 1'; END $x$;`,
      reason: /ALTER SYSTEM/,
    },
    {
      what: "SQL in an SQL function",
      sql: `CREATE FUNCTION public.f() RETURNS void LANGUAGE sql AS 'SELECT 1; SET ROLE postgres';`,
      reason: /SET role/,
    },
    {
      what: "a closing comment before the end",
      sql: `--\n-- PostgreSQL database dump complete\n--\nALTER SYSTEM SET a = 'b';`,
      line: 4,
      reason: /ALTER SYSTEM/,
    },

    // Files, programs, other servers
    { what: "COPY to a program", sql: `COPY public.honest TO ${program};`, reason: /COPY … TO/ },
    { what: "COPY to a file", sql: `COPY public.honest TO '${canary}';`, reason: /COPY … TO/ },
    { what: "COPY to standard output", sql: "COPY public.honest TO stdout;", reason: /COPY … TO/ },
    { what: "COPY of a query", sql: `COPY (SELECT 1) TO ${program};`, reason: /COPY … TO/ },
    { what: "COPY from a program", sql: `COPY public.honest FROM ${program};`, reason: /PROGRAM/ },
    { what: "COPY from a file", sql: "COPY public.honest FROM '/etc/passwd';", reason: /FROM a file/ },
    {
      what: "COPY with a condition",
      sql: "COPY public.honest FROM stdin WHERE id > 0;\n\\.",
      reason: /options/,
    },
    {
      what: "COPY into PostgreSQL's catalogue",
      sql: "COPY pg_catalog.pg_proc FROM stdin;\n\\.",
      reason: /does not make/,
    },
    {
      what: "a file as large object",
      sql: "SELECT pg_catalog.lo_import('/etc/passwd');",
      reason: /SELECT other/,
    },
    {
      what: "a large object as file",
      sql: `SELECT pg_catalog.lo_export(1, '${canary}');`,
      reason: /SELECT other/,
    },
    { what: "a file read", sql: "SELECT pg_read_file('/etc/passwd');", reason: /SELECT other/ },
    {
      what: "a file read in a view",
      sql: "CREATE VIEW public.v AS SELECT pg_read_file('/etc/passwd');",
      reason: dangerous,
    },
    {
      what: "a file read in a default",
      sql: "CREATE TABLE public.a (b text DEFAULT pg_catalog.pg_read_file('/etc/passwd'));",
      reason: dangerous,
    },
    {
      what: "a file read in an index",
      sql: `CREATE INDEX i ON public.honest ("pg_read_file"(name));`,
      reason: dangerous,
    },
    {
      what: "a file read in a check",
      sql: "ALTER TABLE public.honest ADD CONSTRAINT c CHECK (pg_stat_file(name) IS NULL);",
      reason: dangerous,
    },
    {
      what: "a file read in a materialized view",
      sql: "CREATE MATERIALIZED VIEW public.m AS SELECT lo_import('/etc/passwd') WITH NO DATA;",
      reason: dangerous,
    },
    {
      what: "a file read in a value",
      sql: "INSERT INTO public.honest VALUES (1, pg_read_file('/etc/passwd'));",
      reason: /computed/,
    },
    {
      what: "a query in a value",
      sql: "INSERT INTO public.honest VALUES (1, (SELECT rolpassword FROM pg_authid LIMIT 1));",
      reason: /computed/,
    },
    {
      what: "a query for rows",
      sql: "INSERT INTO public.honest SELECT 1, rolpassword FROM pg_authid;",
      reason: /SELECT/,
    },
    {
      what: "a file read on conflict",
      sql: "INSERT INTO public.honest VALUES (1) ON CONFLICT (id) DO UPDATE SET name = pg_read_file('x');",
      reason: /ON CONFLICT/,
    },
    { what: "the extension dblink", sql: "CREATE EXTENSION IF NOT EXISTS dblink;", reason: /dblink/ },
    {
      what: "a call of dblink",
      sql: "CREATE VIEW public.v AS SELECT * FROM public.dblink('host=evil', 'SELECT 1') AS t(a int);",
      reason: dangerous,
    },
    {
      what: "a call of dblink in a function",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT public.dblink_exec('x', 'y'); END;",
      reason: dangerous,
    },
    { what: "the extension postgres_fdw", sql: "CREATE EXTENSION postgres_fdw;", reason: /postgres_fdw/ },
    {
      what: "an extension nobody knows",
      sql: "CREATE EXTENSION canary;",
      reason: /canary, which is not offered/,
    },
    {
      what: "a trusted extension over the dump's own objects",
      sql: "CREATE EXTENSION hstore;",
      reason: /never makes one/,
    },
    { what: "a foreign data wrapper", sql: "CREATE FOREIGN DATA WRAPPER w;", reason: /foreign data wrapper/ },
    {
      what: "a foreign server",
      sql: "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'evil');",
      reason: /foreign server/,
    },
    {
      what: "a foreign table",
      sql: "CREATE FOREIGN TABLE public.f (a int) SERVER s;",
      reason: /foreign table/,
    },
    { what: "a user mapping", sql: "CREATE USER MAPPING FOR CURRENT_USER SERVER s;", reason: /user mapping/ },
    {
      what: "a foreign schema",
      sql: "IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public;",
      reason: /foreign schema/,
    },
    {
      what: "a subscription",
      sql: "CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p;",
      reason: /subscription/,
    },
    { what: "a library", sql: "LOAD '/tmp/evil.so';", reason: /LOAD/ },

    // Code
    {
      what: "a function in C",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system';",
      reason: /LANGUAGE c/,
    },
    {
      what: "an internal function",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE internal AS 'pg_read_file';",
      reason: /LANGUAGE internal/,
    },
    {
      what: "a function in plpythonu",
      sql: `CREATE FUNCTION public.f() RETURNS int LANGUAGE plpythonu AS $$import os; os.system("touch ${canary}")$$;`,
      reason: /LANGUAGE plpythonu/,
    },
    {
      what: "a function in plpython3u",
      sql: `CREATE FUNCTION public.f() RETURNS int LANGUAGE 'plpython3u' AS $$import os$$;`,
      reason: /LANGUAGE plpython3u/,
    },
    {
      what: "a body in two parts",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'a', 'b';",
      reason: /two parts/,
    },
    {
      what: "SECURITY DEFINER",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
      reason: /SECURITY DEFINER/,
    },
    {
      what: "SECURITY DEFINER by its other name",
      sql: "CREATE PROCEDURE public.f() LANGUAGE sql EXTERNAL SECURITY DEFINER AS 'SELECT 1';",
      reason: /SECURITY DEFINER/,
    },
    {
      what: "SECURITY DEFINER afterwards",
      sql: "ALTER FUNCTION public.f() SECURITY DEFINER;",
      reason: notWritten,
    },
    {
      what: "LEAKPROOF",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql LEAKPROOF AS 'SELECT 1';",
      reason: /LEAKPROOF/,
    },
    {
      what: "a support function",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SUPPORT pg_catalog.like_support AS 'SELECT 1';",
      reason: /support/,
    },
    {
      what: "a function that sets the role",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET role TO postgres AS 'SELECT 1';",
      reason: /SET role/,
    },
    {
      what: "a function that switches triggers off",
      sql: "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql SET session_replication_role TO replica AS 'SELECT 1';",
      reason: /session_replication_role/,
    },
    { what: "a language", sql: "CREATE LANGUAGE plpython3u;", reason: /plpython3u/ },
    {
      what: "an event trigger",
      sql: "CREATE EVENT TRIGGER canary ON ddl_command_end EXECUTE FUNCTION public.f();",
      reason: /event trigger/,
    },
    {
      what: "a rule",
      sql: "CREATE RULE canary AS ON INSERT TO public.honest DO ALSO (SELECT 1; SELECT 2);",
      reason: /rule/,
    },
    { what: "a block of code", sql: "DO LANGUAGE plpgsql 'BEGIN END';", reason: /DO runs/ },
    { what: "a call", sql: "CALL public.p();", reason: notWritten },
    { what: "a query", sql: "SELECT public.f();", reason: /SELECT other/ },
    {
      what: "a query behind a setting",
      sql: "SELECT pg_catalog.set_config('search_path', '', false), public.f();",
      reason: /SELECT other/,
    },
    { what: "a query behind VALUES", sql: "VALUES (public.f());", reason: /SELECT other/ },
    {
      what: "a query in WITH",
      sql: "WITH a AS (DELETE FROM public.honest RETURNING 1) SELECT pg_catalog.setval('public.s', 1);",
      reason: /SELECT other/,
    },
    { what: "a query into a table", sql: "SELECT 1 AS a INTO public.canary;", reason: /SELECT other/ },
    {
      what: "a table of a query",
      sql: "CREATE TABLE public.canary AS SELECT public.f();",
      reason: /CREATE TABLE … AS/,
    },
    {
      what: "a materialized view with data",
      sql: "CREATE MATERIALIZED VIEW public.canary AS SELECT public.f();",
      reason: /WITH NO DATA/,
    },
    { what: "a prepared statement", sql: "PREPARE p AS SELECT 1;", reason: notWritten },
    {
      what: "a computed position",
      sql: "SELECT pg_catalog.setval('public.s', public.f());",
      reason: /SELECT other/,
    },
    {
      what: "a position by another setval",
      sql: "SELECT public.setval('public.s', 1);",
      reason: /SELECT other/,
    },
    {
      what: "a large object by another descriptor",
      sql: "SELECT pg_catalog.lowrite(1, 'x');",
      reason: /SELECT other/,
    },

    // Rights and settings
    { what: "a superuser", sql: "CREATE ROLE canary SUPERUSER LOGIN;", reason: /CREATE ROLE/ },
    { what: "a user", sql: "CREATE USER canary PASSWORD 'x';", reason: /CREATE ROLE/ },
    { what: "a role made superuser", sql: "ALTER ROLE CURRENT_USER SUPERUSER;", reason: /ALTER ROLE/ },
    {
      what: "a role's settings",
      sql: "ALTER ROLE ALL SET session_preload_libraries = 'evil';",
      reason: /ALTER ROLE … SET/,
    },
    {
      what: "membership",
      sql: "GRANT pg_execute_server_program TO CURRENT_USER;",
      reason: /GRANT of a role/,
    },
    { what: "a role taken on", sql: "SET ROLE postgres;", reason: /SET ROLE/ },
    {
      what: "a session's owner",
      sql: "SET SESSION AUTHORIZATION postgres;",
      reason: /SET SESSION AUTHORIZATION/,
    },
    { what: "a role given back", sql: "RESET ROLE;", reason: /SET ROLE/ },
    { what: "everything given back", sql: "RESET ALL;", reason: /RESET/ },
    {
      what: "the server's configuration",
      sql: "ALTER SYSTEM SET archive_command = 'touch canary';",
      reason: /ALTER SYSTEM/,
    },
    {
      what: "another database's settings",
      sql: "ALTER DATABASE postgres SET session_preload_libraries = 'evil';",
      reason: /ALTER DATABASE/,
    },
    {
      what: "triggers and keys switched off",
      sql: "SET session_replication_role = replica;",
      reason: /session_replication_role/,
    },
    {
      what: "triggers switched off by another way",
      sql: "SELECT pg_catalog.set_config('session_replication_role', 'replica', false);",
      reason: /set_config/,
    },
    {
      what: "a library preloaded",
      sql: "SET local_preload_libraries = 'evil';",
      reason: /local_preload_libraries/,
    },
    {
      what: "a setting of one transaction",
      sql: "SET LOCAL check_function_bodies = on;",
      reason: /SET LOCAL/,
    },
    {
      what: "strings read in another way, in disguise",
      sql: "SET standard_conforming_strings TO 'off';",
      reason: /another form/,
    },
    { what: "an encoding in disguise", sql: "SET NAMES 'SJIS';", reason: /another form/ },
    { what: "a search_path with public first", sql: "SET search_path = public;", reason: /search_path/ },
    {
      what: "a search_path with the temporary schema",
      sql: "SET search_path = pg_temp, pg_catalog;",
      reason: /search_path/,
    },
    {
      what: "a search_path by set_config",
      sql: "SELECT pg_catalog.set_config('search_path', 'public', false);",
      reason: /set_config/,
    },
    {
      what: "a search_path kept",
      sql: "ALTER DATABASE dhis2 SET search_path = evil, public;",
      reason: /ALTER DATABASE/,
    },

    // Things taken for PostgreSQL's own
    {
      what: "a function like one of PostgreSQL's",
      sql: "CREATE FUNCTION public.lower(character varying) RETURNS text LANGUAGE sql AS 'SELECT $1';",
      reason: /PostgreSQL has one of that name/,
    },
    {
      what: "an aggregate like one of PostgreSQL's",
      sql: "CREATE AGGREGATE public.count(text) (sfunc = public.f, stype = text);",
      reason: /PostgreSQL has one of that name/,
    },
    {
      what: "a function in PostgreSQL's schema",
      sql: "CREATE FUNCTION pg_catalog.canary() RETURNS int LANGUAGE sql AS 'SELECT 1';",
      reason: /own catalogue/,
    },
    {
      what: "an operator",
      sql: "CREATE OPERATOR public.= (leftarg = text, rightarg = character varying, function = public.f);",
      reason: /operator/,
    },
    {
      what: "an operator class",
      sql: "CREATE OPERATOR CLASS public.o DEFAULT FOR TYPE text USING btree AS STORAGE text;",
      reason: /operator class/,
    },
    {
      what: "a cast",
      sql: "CREATE CAST (text AS integer) WITH FUNCTION public.f(text) AS IMPLICIT;",
      reason: /cast/,
    },
    {
      what: "a type like one of PostgreSQL's",
      sql: "CREATE DOMAIN public.text AS integer;",
      reason: /type called text/,
    },
    {
      what: "a table like one of PostgreSQL's",
      sql: "CREATE TABLE public.pg_class (a int);",
      reason: /begin with pg_/,
    },
    {
      what: "a view like one of PostgreSQL's",
      sql: "CREATE VIEW public.pg_roles AS SELECT 1;",
      reason: /begin with pg_/,
    },

    // Storage, transactions, the rest
    { what: "a tablespace", sql: "CREATE TABLESPACE canary LOCATION '/tmp';", reason: /tablespace/ },
    {
      what: "a table in a tablespace",
      sql: "CREATE TABLE public.a (b int) TABLESPACE canary;",
      reason: /tablespace/,
    },
    {
      what: "an index in a tablespace",
      sql: "CREATE INDEX i ON public.honest (id) TABLESPACE canary;",
      reason: /tablespace/,
    },
    {
      what: "a key in a tablespace",
      sql: "ALTER TABLE public.honest ADD PRIMARY KEY (id) USING INDEX TABLESPACE canary;",
      reason: /tablespace/,
    },
    {
      what: "a table moved",
      sql: "ALTER TABLE public.honest SET TABLESPACE canary;",
      reason: /SetTableSpace/,
    },
    { what: "a rollback", sql: "ROLLBACK;", reason: /transaction/ },
    { what: "a savepoint", sql: "SAVEPOINT s;", reason: /transaction/ },
    { what: "a prepared transaction", sql: "COMMIT PREPARED 'x';", reason: /transaction/ },
    { what: "a notification", sql: "NOTIFY canary;", reason: notWritten },
    { what: "rows taken away", sql: "DELETE FROM public.honest;", reason: notWritten },
    { what: "all rows taken away", sql: "TRUNCATE public.honest;", reason: notWritten },
    { what: "rows changed", sql: "UPDATE public.honest SET name = 'x';", reason: /UPDATE/ },
    { what: "a table renamed", sql: "ALTER TABLE public.honest RENAME TO canary;", reason: notWritten },
    { what: "a column dropped", sql: "ALTER TABLE public.honest DROP COLUMN name;", reason: /DropColumn/ },
    { what: "a vacuum", sql: "VACUUM FULL;", reason: notWritten },
    { what: "a temporary table", sql: "CREATE TEMPORARY TABLE canary (a int);", reason: /temporary/ },
    {
      what: "rows for a table the dump does not make",
      sql: "COPY public.userinfo (a) FROM stdin;\n1\n\\.",
      reason: /does not make/,
    },
    {
      what: "a schema with contents",
      sql: "CREATE SCHEMA s CREATE TABLE canary (a int);",
      reason: /CREATE SCHEMA/,
    },
    {
      what: "several statements where one is expected",
      sql: "CREATE FUNCTION public.f() RETURNS int BEGIN ATOMIC SELECT 1; END; DROP ROLE canary;",
      reason: /DROP ROLE/,
    },
    {
      what: "nesting without end",
      sql: `SELECT ${"(".repeat(50_000)}1${")".repeat(50_000)};`,
      reason: /parser|nested/,
    },
    { what: "a statement of megabytes", sql: `SELECT 1${", 1".repeat(400_000)};`, reason: /1 MiB/ },
  ];
}
