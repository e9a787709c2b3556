/** What the reader knows of PostgreSQL by heart, compared with a server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres, type TestPostgres } from "../../testing/postgres";
import { isCatalogFunction, isCatalogType } from "./catalog";
import { decode, isClientEncoding, canonicalEncoding } from "./encoding";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const names = async (sql: string) => (await postgres.query<{ name: string }>(sql)).map(({ name }) => name);

test("every function of PostgreSQL's own is known by name", async () => {
  const functions = await names(
    "SELECT DISTINCT proname AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace",
  );
  expect(functions.length).toBeGreaterThan(2500);
  expect(functions.filter((name) => !isCatalogFunction(name))).toEqual([]);
  expect(isCatalogFunction("uid")).toBe(false);
});

test("every type of PostgreSQL's own is known by name", async () => {
  const types = await names(
    "SELECT typname AS name FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typelem = 0 AND typrelid = 0",
  );
  expect(types).toContain("jsonb");
  expect(types.filter((name) => !isCatalogType(name))).toEqual([]);
});

describe("client encodings", () => {
  const all = async () =>
    names(
      "SELECT pg_encoding_to_char(i) AS name FROM generate_series(0, 41) i WHERE pg_encoding_to_char(i) <> ''",
    );

  test("every one of PostgreSQL's is known, by its own name and in other spellings", async () => {
    const encodings = await all();
    expect(encodings).toHaveLength(42);
    expect(encodings.filter((name) => !isClientEncoding(canonicalEncoding(name)))).toEqual([]);
    expect(encodings.map(canonicalEncoding)).toEqual(encodings);
    expect(
      ["utf-8", "unicode", "latin-1", "iso_8859_1", "windows-1252", "shift_jis"].map(canonicalEncoding),
    ).toEqual([...["UTF8", "UTF8", "LATIN1", "LATIN1", "WIN1252", "SJIS"]]);
  });

  /** How the server decodes each of these, or null where it refuses. */
  async function byServer(encoding: string, inputs: Buffer[]): Promise<(string | null)[]> {
    await postgres.query(
      "CREATE OR REPLACE FUNCTION to_text(b bytea, e name) RETURNS text LANGUAGE plpgsql AS $$" +
        " BEGIN RETURN convert_from(b, e); EXCEPTION WHEN others THEN RETURN NULL; END $$",
    );
    const rows = await postgres.query<{ t: string | null }>(
      "SELECT to_text(b, $2) AS t FROM unnest($1::bytea[]) WITH ORDINALITY u (b, n) ORDER BY n",
      [inputs, encoding],
    );
    return rows.map(({ t }) => t);
  }

  function byUs(encoding: string, input: Buffer): string | null {
    try {
      return decode(input, encoding, 1);
    } catch {
      return null;
    }
  }

  const bytes = (from: number) => Array.from({ length: 256 - from }, (_, i) => i + from);

  test("of one byte a character are decoded as by the server", async () => {
    const inputs = bytes(1).map((byte) => Buffer.from([byte]));
    const encodings = (await all()).filter((name) => /^(LATIN|ISO|WIN|KOI8)/.test(name));
    expect(encodings).toHaveLength(27);
    for (const encoding of encodings) {
      const expected = await byServer(encoding, inputs);
      const wrong = inputs.filter(
        (input, i) => expected[i] !== null && byUs(encoding, input) !== expected[i],
      );
      expect([encoding, wrong]).toEqual([encoding, []]);
    }
  });

  // The handful is where PostgreSQL itself is at odds with the other makers of tables: dots, dashes, box corners.
  test.each([
    ["EUC_JP", 0],
    ["EUC_KR", 1],
    ["EUC_CN", 2],
    ["SJIS", 0],
    ["GBK", 0],
    ["GB18030", 2],
    ["UHC", 189],
    ["BIG5", 267],
  ])("%s is decoded as by the server, but for %i characters", async (encoding, different) => {
    const inputs = bytes(0x80).flatMap((lead) => bytes(0x30).map((next) => Buffer.from([lead, next])));
    const expected = await byServer(encoding, inputs);
    const pairs = inputs.map((input, i) => ({ server: expected[i], us: byUs(encoding, input) }));
    const valid = pairs.filter(({ server }) => server !== null);
    expect(valid.length).toBeGreaterThan(6500);
    expect(valid.filter(({ server, us }) => us !== server)).toHaveLength(different);
    // What differs is refused, for the most part, not taken for something else.
    expect(valid.filter(({ server, us }) => us !== null && us !== server).length).toBeLessThan(20);
  });
});
