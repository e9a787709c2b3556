import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { contents, createEveryKindOfObject } from "../testing/everyKindOfObject";
import { client, importInto, startImporting } from "../testing/importing";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { ensureRelease, type Release } from "../testing/release";
import { loadDump, newProgress } from "./load";
import { Judge } from "./sql/judge";
import { splitDump } from "./sql/split";

/** Dumps of PostgreSQL's other versions, into a real server. */
let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof startImporting>>["work"];
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ postgres, work, stop } = await startImporting());
  await createEveryKindOfObject(postgres, "everything");
  await createEveryKindOfObject(postgres, "without_postgis", { postgis: false });
  await postgres.query("CREATE EXTENSION postgis", [], "without_postgis");
});
afterAll(() => stop());

const begin = "--\n-- PostgreSQL database dump\n--\n\n";
const end = "\n--\n-- PostgreSQL database dump complete\n--\n\n";

/** In its own words; its programs are not to be had. Before 2018: names by search_path, rows with OIDs a possibility, grants by REVOKE first, PROCEDURE in triggers. */
const nineSix = `${begin}-- Dumped from database version 9.6.24
-- Dumped by pg_dump version 9.6.24

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: plpgsql; Type: EXTENSION; Schema: -; Owner: 
--

CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;
COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';
CREATE EXTENSION IF NOT EXISTS postgis WITH SCHEMA public;

SET search_path = public, pg_catalog;

CREATE FUNCTION touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN new.name := upper(new.name); RETURN new; END $$;
ALTER FUNCTION public.touch() OWNER TO dhis;

SET default_tablespace = '';
SET default_with_oids = false;

CREATE TABLE site (
    id bigint NOT NULL,
    name character varying(20),
    place geometry(Point,4326)
);
ALTER TABLE site OWNER TO dhis;

CREATE SEQUENCE site_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE site_id_seq OWNER TO dhis;
ALTER SEQUENCE site_id_seq OWNED BY site.id;
ALTER TABLE ONLY site ALTER COLUMN id SET DEFAULT nextval('site_id_seq'::regclass);

SELECT pg_catalog.lo_create('16385');
ALTER LARGE OBJECT 16385 OWNER TO dhis;

COPY site (id, name, place) FROM stdin;
1	Élan	0101000020E6100000000000000000F03F0000000000000040
2	\\N	\\N
\\.

SELECT pg_catalog.setval('site_id_seq', 2, true);

SET search_path = pg_catalog;

BEGIN;
SELECT pg_catalog.lo_open('16385', 131072);
SELECT pg_catalog.lowrite(0, '\\x00ff');
SELECT pg_catalog.lo_close(0);
COMMIT;

SET search_path = public, pg_catalog;

ALTER TABLE ONLY site
    ADD CONSTRAINT site_pkey PRIMARY KEY (id);
CREATE TRIGGER touched BEFORE INSERT OR UPDATE ON site FOR EACH ROW EXECUTE PROCEDURE touch();

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM postgres;
GRANT ALL ON SCHEMA public TO postgres;
GRANT ALL ON SCHEMA public TO PUBLIC;
${end}`;

it("a dump as pg_dump 9.6 writes it comes in as it was", async () => {
  const dump = work.path("9.6.sql");
  await writeFile(dump, nineSix);
  const database = "v9_6";
  const result = await importInto(postgres, dump, { database });
  expect(result).toMatchObject({ outcome: "imported", rows: 2, postgresql: "9.6.24" });
  const rows = await postgres.query(
    "SELECT id::int, name, ST_AsText(place) AS place, lo_get(16385)::text AS object FROM site ORDER BY id",
    undefined,
    database,
  );
  expect(rows).toEqual([
    { id: 1, name: "Élan", place: "POINT(1 2)", object: "\\x00ff" },
    { id: 2, name: null, place: null, object: "\\x00ff" },
  ]);
  // Key, position of the sequence and trigger are there.
  const [added] = await postgres.query(
    "INSERT INTO site (name) VALUES ('ab') RETURNING id::int, name",
    [],
    database,
  );
  expect(added).toEqual({ id: 3, name: "AB" });
});

/** Their own servers, dumped by their own programs. The archives are read by the pg_restore of our image's version. */
describe.each<Release>([16, 17, 18])("pg_dump %s", (release) => {
  let theirs: TestPostgres;
  let expected: Record<string, string>;

  beforeAll(async () => {
    theirs = await startPostgres({}, release);
    await createEveryKindOfObject(theirs, "everything", { postgis: false });
    // What there is to say about their columns.
    await theirs.query("ANALYZE", [], "everything");
    // Versions show the same views in other words: ours is asked what it would have made of them itself.
    const { schema = "" } = await contents(postgres, "without_postgis");
    expected = { ...(await contents(theirs, "everything")), schema };
    vi.stubEnv("DHISTANCE_PG_RESTORE", join(await ensureRelease(17), "bin", "pg_restore"));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await theirs.stop();
  });

  const statistics = release >= 18 ? ["--statistics"] : [];
  it.each([
    ["plain SQL", "pg_dump", ["everything", ...statistics]],
    ["with CREATE DATABASE, as INSERTs", "pg_dump", ["-C", "--inserts", "everything"]],
    ["custom", "pg_dump", ["-Fc", "everything", ...statistics]],
    ["all databases", "pg_dumpall", []],
  ] as [string, string, string[]][])("%s", async (form, program, parameters) => {
    const dump = work.path(`${release} ${form}`);
    await client(theirs, program, [...parameters, "-f", dump]);
    const which = program === "pg_dumpall" ? { fromDatabase: "everything" } : {};
    const result = await importInto(postgres, dump, { ...which, reimport: true });
    expect(await contents(postgres, "live")).toEqual(expected);
    expect(result.postgresql).toMatch(new RegExp(`^${release}\\.`));
    const notOurs = result.leftOut.map(({ what }) => what).join("; ");
    if (parameters.includes("--statistics")) expect(notOurs).toContain("planner statistics");
    if (result.kept !== undefined) await postgres.query(`DROP DATABASE "${result.kept}"`);
  });
});

it("pg_dump 18 of an older server, geometries and all", async () => {
  const binDirectory = join(await ensureRelease(18), "bin");
  const dump = work.path("geometries.sql");
  await client({ ...postgres, binDirectory }, "pg_dump", ["everything", "-f", dump]);
  await importInto(postgres, dump, { database: "geometries" });
  expect(await contents(postgres, "geometries")).toEqual(await contents(postgres, "everything"));
});

describe("what only PostgreSQL 18 has", () => {
  let eighteen: TestPostgres;
  const dump = () => work.path("eighteen.sql");

  beforeAll(async () => {
    eighteen = await startPostgres({}, 18);
    await eighteen.query("CREATE DATABASE origin");
    await eighteen.query(onlyEighteen, [], "origin");
    await client(eighteen, "pg_dump", ["--statistics", "-f", dump(), "origin"]);
  });
  afterAll(() => eighteen.stop());

  it("is loaded into one", async () => {
    const role = { user: "loader", password: "x" };
    await eighteen.query("CREATE ROLE loader LOGIN PASSWORD 'x'");
    await eighteen.query("CREATE DATABASE copy TEMPLATE template0 OWNER loader");
    await eighteen.query("CREATE EXTENSION btree_gist", [], "copy");
    const report = await loadDump(splitDump(createReadStream(dump())), {
      connection: { connectionString: eighteen.url("copy", role) },
      connections: 2,
      settings: { maintenanceMemory: 64, maintenanceWorkers: 0, statementTimeout: 60 },
      judge: await Judge.create({}),
      progress: newProgress(),
    });
    const leftOut = report.leftOut.list().map(({ what }) => what);
    expect(leftOut).toContain("planner statistics: the import gathers them again");
    expect(await contents(eighteen, "copy")).toEqual(await contents(eighteen, "origin"));
  });

  it("is refused by an older one, which is said", async () => {
    await expect(importInto(postgres, dump(), { database: "older" })).rejects.toThrow(
      new RegExp(`GENERATED ALWAYS AS[^]*of PostgreSQL 18\\.\\d+, the server is ${postgres.version}\\.`),
    );
  });
});

const onlyEighteen = `
CREATE EXTENSION btree_gist;
CREATE TABLE site (
  id bigint CONSTRAINT site_has_id NOT NULL, price numeric, twice numeric GENERATED ALWAYS AS (price * 2) VIRTUAL,
  name text CONSTRAINT named NOT NULL NO INHERIT, CONSTRAINT cheap CHECK (price < 100) NOT ENFORCED);
INSERT INTO site (id, price, name) SELECT i, i, 'site ' || i FROM generate_series(1, 200) i;
ALTER TABLE site ADD CONSTRAINT priced NOT NULL price NOT VALID;
ALTER TABLE site ADD PRIMARY KEY (id);
CREATE TABLE visit (site bigint, at daterange, PRIMARY KEY (site, at WITHOUT OVERLAPS),
  CONSTRAINT somewhere FOREIGN KEY (site) REFERENCES site (id) NOT ENFORCED);
INSERT INTO visit VALUES (1, '[2024-01-01,2024-02-01)'), (1, '[2024-02-01,2024-03-01)');
CREATE TABLE bill (site bigint, at daterange, FOREIGN KEY (site, PERIOD at) REFERENCES visit (site, PERIOD at));
INSERT INTO bill VALUES (1, '[2024-01-15,2024-02-15)');
ANALYZE;
`;
