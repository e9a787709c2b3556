/** A database with a bit of everything pg_dump can write, and a way to tell whether two databases are the same. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestPostgres } from "./postgres";

const run = promisify(execFile);

/**
 * Creates `database`; its objects belong to a role of its own, with rights for others. A server without PostGIS and
 * uuid-ossp gets texts in the place of geometries, and PostgreSQL's own UUIDs.
 */
export async function createEveryKindOfObject(
  postgres: TestPostgres,
  database: string,
  { postgis = true } = {},
): Promise<void> {
  await postgres.query(`CREATE DATABASE "${database}" TEMPLATE template0 ENCODING 'UTF8'`);
  await postgres.query(
    `DO $$ BEGIN CREATE ROLE "some owner"; EXCEPTION WHEN duplicate_object THEN END $$;
     DO $$ BEGIN CREATE ROLE reader; EXCEPTION WHEN duplicate_object THEN END $$;`,
  );
  const sql = everything.replace("DATABASE everything", `DATABASE "${database}"`);
  await postgres.query(postgis ? sql : withoutPostgis(sql), undefined, database);
}

function withoutPostgis(sql: string): string {
  return sql
    .replace("CREATE EXTENSION postgis;", "")
    .replace('CREATE EXTENSION "uuid-ossp";', "")
    .replace("public.uuid_generate_v4()", "gen_random_uuid()")
    .replaceAll(/geometry\(Point,4326\)|geography/g, "text")
    .replace(/ST_SetSRID\(ST_MakePoint\(.*?\), 4326\)/, "'POINT(' || i || ' 2)'");
}

const everything = `
CREATE EXTENSION postgis; CREATE EXTENSION btree_gin; CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist; CREATE EXTENSION "uuid-ossp";
CREATE SCHEMA other; CREATE SCHEMA "Odd ""Schema";
ALTER DATABASE everything SET work_mem = '5MB';
GRANT ALL ON SCHEMA public TO "some owner";
CREATE TYPE public.mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE TYPE other.pair AS (a integer, b text);
CREATE DOMAIN public.positive AS integer CHECK (VALUE > 0);
CREATE SEQUENCE public.counter START 5 INCREMENT 3;
CREATE FUNCTION public.shout(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $_$ SELECT upper(t) || '!' $_$;
CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- quotes ' and "; and $1 dollars
  NEW.changed := 'trigger; ran';
  RETURN NEW;
END;
$$;
CREATE PROCEDURE other.nothing(INOUT a integer) LANGUAGE plpgsql AS $$ BEGIN a := a + 1; END $$;
CREATE AGGREGATE public.longest(text) (SFUNC = pg_catalog.textcat, STYPE = text, INITCOND = '');
CREATE TABLE public.plain (
  id integer GENERATED ALWAYS AS IDENTITY, name text NOT NULL, mood public.mood DEFAULT 'happy', n public.positive,
  twice integer GENERATED ALWAYS AS (n * 2) STORED, pair other.pair, tags text[], doc jsonb, raw bytea, at timestamptz DEFAULT now(),
  span tstzrange, shape geometry(Point,4326), place geography, u uuid DEFAULT public.uuid_generate_v4(), changed text, x xml, money numeric(20,4),
  CONSTRAINT name_is_there CHECK (name <> ''));
INSERT INTO public.plain (name, mood, n, pair, tags, doc, raw, at, span, shape, place, changed, x, money)
  SELECT 'row ' || i || CASE i % 7 WHEN 0 THEN E'\\ttab' WHEN 1 THEN E'\\nline' WHEN 2 THEN E'\\\\back\\\\.' WHEN 3 THEN ' é ü ß' WHEN 4 THEN E'\\r\\n' WHEN 5 THEN '\\N' ELSE E'\\u0001' END,
    (ARRAY['sad','it''s ok','happy']::public.mood[])[1 + i % 3], i, ('(' || i || ',"b, x")')::other.pair, ARRAY['a', NULL, 'c "' || i], jsonb_build_object('k', i, 'é', ARRAY[1, 2]),
    decode(md5(i::text), 'hex'), timestamptz '2020-01-01 00:00Z' + make_interval(hours => i), tstzrange(timestamptz '2020-01-01', NULL),
    CASE WHEN i % 3 > 0 THEN ST_SetSRID(ST_MakePoint(i % 180, i % 90), 4326) END, 'POINT(1 2)', NULL, '<a>é</a>', i / 7.0 FROM generate_series(1, 3000) i;
COMMENT ON TABLE public.plain IS E'It''s "plain"; -- not\\nreally \\\\connect';
COMMENT ON COLUMN public.plain.name IS 'é';
CREATE TABLE public.empty ();
CREATE TABLE public."Odd ""Name; --" ("a b" integer PRIMARY KEY, "select" text, "é" text DEFAULT 'x;y');
INSERT INTO public."Odd ""Name; --" SELECT i, E'\\\\.' , NULL FROM generate_series(1, 10) i;
CREATE TABLE "Odd ""Schema".t (LIKE public."Odd ""Name; --" INCLUDING ALL);
INSERT INTO "Odd ""Schema".t VALUES (1, '\\copy', 'COPY x FROM stdin;');
CREATE UNLOGGED TABLE other.unlogged AS SELECT 1 AS a;
CREATE TABLE other.parent (id integer PRIMARY KEY, boss integer, code text, CONSTRAINT code_once UNIQUE (code) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE other.child (extra text) INHERITS (other.parent);
INSERT INTO other.parent SELECT i, nullif(i / 2, 0), 'c' || i FROM generate_series(1, 20000) i;
INSERT INTO other.child SELECT i, NULL, 'k' || i, repeat('x', 100) FROM generate_series(30001, 30050) i;
ALTER TABLE other.parent ADD CONSTRAINT parent_boss FOREIGN KEY (boss) REFERENCES other.parent (id);
CREATE TABLE public.big (id bigint PRIMARY KEY, parent integer REFERENCES other.parent (id) ON DELETE CASCADE, code text NOT NULL UNIQUE, filler text);
INSERT INTO public.big SELECT i, 1 + i % 20000, 'b' || i, repeat(md5(i::text), 2) FROM generate_series(1, 40000) i;
ALTER TABLE public.big ADD CONSTRAINT big_parent_again FOREIGN KEY (parent) REFERENCES other.parent (id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE public.big ADD CONSTRAINT filler_checked CHECK (length(filler) = 64) NOT VALID;
CREATE TABLE public.small (id bigint REFERENCES public.big (id), note text);
INSERT INTO public.small SELECT i, 'n' FROM generate_series(1, 5) i;
ALTER TABLE public.small ADD CONSTRAINT never_checked FOREIGN KEY (id) REFERENCES public.big (id) NOT VALID;
CREATE TABLE public.measure (at date NOT NULL, site integer NOT NULL, value double precision, PRIMARY KEY (site, at)) PARTITION BY RANGE (at);
CREATE TABLE public.measure_2024 PARTITION OF public.measure FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.measure_2025 PARTITION OF public.measure FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (site);
CREATE TABLE public.measure_2025_rest PARTITION OF public.measure_2025 DEFAULT;
INSERT INTO public.measure SELECT date '2024-01-01' + (i % 700), i, i / 3.0 FROM generate_series(1, 30000) i;
CREATE INDEX measure_value ON public.measure (value);
ALTER TABLE public.measure ADD CONSTRAINT measure_site FOREIGN KEY (site) REFERENCES public.big (id);
CREATE TABLE public.reading (site integer, at date, FOREIGN KEY (site, at) REFERENCES public.measure (site, at));
INSERT INTO public.reading SELECT site, at FROM public.measure LIMIT 20;
CREATE TABLE public.booking (room integer, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO public.booking VALUES (1, '[2024-01-01,2024-01-02)');
CREATE VIEW public.grouped AS SELECT id, code, count(*) FROM public.big GROUP BY id;
CREATE MATERIALIZED VIEW public.mat AS SELECT mood, count(*) AS n FROM public.plain GROUP BY mood;
CREATE UNIQUE INDEX mat_mood ON public.mat (mood);
CREATE MATERIALIZED VIEW public.mat_of_mat AS SELECT sum(n) AS n FROM public.mat WITH DATA;
CREATE MATERIALIZED VIEW public.mat_empty AS SELECT 1 AS a WITH NO DATA;
CREATE INDEX plain_doc ON public.plain USING gin (doc); CREATE INDEX plain_shape ON public.plain USING gist (shape);
CREATE INDEX plain_shout ON public.plain (public.shout(name)) WHERE mood = 'sad'; CREATE INDEX plain_trgm ON public.plain USING gin (name gin_trgm_ops);
CREATE UNIQUE INDEX big_replica ON public.big (code, id); ALTER TABLE public.big REPLICA IDENTITY USING INDEX big_code_key; ALTER TABLE public.big CLUSTER ON big_pkey;
CREATE STATISTICS public.plain_statistics (dependencies) ON mood, n FROM public.plain;
CREATE TRIGGER touched BEFORE UPDATE ON public.plain FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION public.touch();
CREATE TRIGGER off AFTER INSERT ON public.plain FOR EACH ROW EXECUTE FUNCTION public.touch(); ALTER TABLE public.plain DISABLE TRIGGER off;
ALTER TABLE public.plain ENABLE ROW LEVEL SECURITY; CREATE POLICY everyone ON public.plain USING (true);
ALTER TABLE public.plain ALTER COLUMN name SET STATISTICS 500, ALTER COLUMN doc SET STORAGE EXTERNAL;
SELECT nextval('public.counter'), nextval('public.counter');
SELECT lo_from_bytea(424242, decode(repeat('00ff5c2e0a', 20000), 'hex')), lo_from_bytea(424243, '');
COMMENT ON LARGE OBJECT 424242 IS 'large; \\!';
ALTER TABLE public.plain OWNER TO "some owner"; GRANT SELECT ON public.plain TO reader; GRANT EXECUTE ON FUNCTION public.shout(text) TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
`;

/** What is in a database: its structure as pg_dump writes it, and a checksum over the rows of each table. */
export async function contents(postgres: TestPostgres, database: string): Promise<Record<string, string>> {
  const { host, port, user, password, binDirectory } = postgres;
  const parameters = ["-h", host, "-p", String(port), "-U", user, "-s", "--no-owner", "--no-acl", database];
  const { stdout } = await run(join(binDirectory, "pg_dump"), parameters, {
    env: { ...process.env, PGPASSWORD: password },
    maxBuffer: 1 << 28,
  });
  const schema = stdout.replace(/^\\(un)?restrict .*$/gm, "");
  const result: Record<string, string> = { schema };
  const relations = await postgres.query<{ name: string; kind: string }>(
    `SELECT format('%I.%I', nspname, relname) AS name, relkind AS kind FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE relkind IN ('r', 'm', 'S') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
     AND (relkind <> 'm' OR relispopulated) AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1`,
    undefined,
    database,
  );
  for (const { name, kind } of relations) {
    const sql =
      kind === "S"
        ? `SELECT last_value || ' ' || is_called AS sum FROM ${name}`
        : `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")), '') AS sum FROM ONLY ${name} t`;
    result[name] = (await postgres.query<{ sum: string }>(sql, undefined, database))[0]?.sum ?? "";
  }
  const objects = await postgres.query<{ name: string; sum: string }>(
    "SELECT oid::text AS name, md5(lo_get(oid)) AS sum FROM pg_largeobject_metadata ORDER BY oid",
    undefined,
    database,
  );
  for (const { name, sum } of objects) result[`large object ${name}`] = sum;
  return result;
}
