import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { isLargeObjectPiece, plainInsert } from "./literals";
import { isLiteral } from "./rules/expressions";
import { as } from "./tree";

beforeAll(loadModule);

describe("plainInsert", () => {
  test.each<[sql: string, table: string[], rows: number]>([
    ["INSERT INTO public.t VALUES (1)", ["public", "t"], 1],
    ["INSERT INTO t VALUES ('it''s; (fine)', NULL, -1.5e-3, true, B'01', DEFAULT)", ["t"], 1],
    ['INSERT INTO "Odd ""One"""."T" (a, "B c") VALUES (1, 2)', ['Odd "One"', "T"], 1],
    ["INSERT INTO public.t (id) OVERRIDING SYSTEM VALUE VALUES (1)", ["public", "t"], 1],
    ["INSERT INTO public.t VALUES\n\t(1, 'a'),\n\t(2, '\\')", ["public", "t"], 2],
    ["INSERT INTO public.t VALUES (E'\\'; \\\\', E'''')", ["public", "t"], 1],
    ["INSERT INTO public.t VALUES (1) ON CONFLICT DO NOTHING", ["public", "t"], 1],
  ])("takes %j", (sql, table, rows) => {
    expect(plainInsert(sql)).toEqual({ table, rows });
  });

  test.each([
    "INSERT INTO t VALUES (f())",
    "INSERT INTO t VALUES (1 + 1)",
    "INSERT INTO t VALUES ((SELECT 1))",
    "INSERT INTO t VALUES ('a' || 'b')",
    "INSERT INTO t VALUES (E'\\')",
    "INSERT INTO t VALUES (E'a'\n'b\\'')",
    "INSERT INTO t VALUES (U&'\\0061')",
    "INSERT INTO t VALUES ('a'::regclass)",
    "INSERT INTO t VALUES ('a'\n'b')",
    "INSERT INTO t VALUES (current_user)",
    "INSERT INTO t VALUES (NULLIF(1, 1))",
    "INSERT INTO t VALUES (1) RETURNING f()",
    "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = f()",
    "INSERT INTO t VALUES (1); SELECT 1",
    "INSERT INTO t VALUES (1) -- x",
    "INSERT INTO t VALUES (1 /* x */)",
    "INSERT INTO t SELECT 1",
    "INSERT INTO t VALUES\u00a0(1)",
    "INSERT INTO t VALUES ()",
    "INSERT INTO t VALUES (1",
    "INSERT INTO t VALUES ('a",
    "INSERT INTO t VALUES (--1)",
    "INSERT INTO t VALUES (1_000)",
    "INSERT INTO t VALUES (0x1F)",
    "WITH x AS (SELECT 1) INSERT INTO t VALUES (1)",
  ])("leaves %j to the parser", (sql) => {
    expect(plainInsert(sql)).toBeUndefined();
  });

  test("what it takes, PostgreSQL reads as one INSERT of that table, of so many rows, of constants", () => {
    const piece = fc.constantFrom(
      ..."'\"();,.-+e0123456789\\ \n\t$:*/[]ü\u00a0".split(""),
      ...[
        "NULL",
        "DEFAULT",
        "true",
        "''",
        ", ",
        "), (",
        "--",
        "/*",
        "*/",
        "::",
        "E'",
        "U&'",
        "B'",
        "x'",
        "$$",
        "a",
        "t",
      ],
      ...[" ON CONFLICT DO NOTHING", " RETURNING ", "SELECT ", "f(", "'a'", "1.5", "-1"],
    );
    const soup = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(""));
    const value = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.constantFrom(
          "1",
          "'a'",
          "NULL",
          "-2.5",
          "''",
          "true",
          "'\\'",
          "B'1'",
          "E'\\''",
          "E'\\\\'",
          "DEFAULT",
          "1e5",
        ),
      },
      soup,
    );
    const row = fc.array(value, { minLength: 1, maxLength: 4 }).map((values) => `(${values.join(", ")})`);
    const table = fc.constantFrom(
      "t",
      "public.t",
      '"a b"',
      '"x""y".t',
      't (a, "b")',
      "t OVERRIDING USER VALUE",
      "only",
      "t AS a",
    );
    const sql = fc
      .tuple(
        table,
        fc.constantFrom(" VALUES ", " VALUES\n\t", " values "),
        fc.array(row, { minLength: 1, maxLength: 3 }),
        soup,
      )
      .chain(([name, values, rows, end]) =>
        fc.constantFrom("", end).map((tail) => `INSERT INTO ${name}${values}${rows.join(",\n\t")}${tail}`),
      );
    let taken = 0;
    fc.assert(
      fc.property(sql, (text) => {
        const plain = plainInsert(text);
        if (!plain) return;
        let statements;
        try {
          statements = parseSync(text).stmts ?? [];
        } catch {
          return; // a keyword for a name: the server will refuse it just so
        }
        taken++;
        expect(statements).toHaveLength(1);
        const insert = as(statements[0]?.stmt, "InsertStmt");
        const {
          selectStmt,
          relation,
          cols: _cols,
          override: _override,
          onConflictClause,
          ...others
        } = insert ?? {};
        expect(others).toEqual({});
        expect(onConflictClause?.action ?? "ONCONFLICT_NOTHING").toBe("ONCONFLICT_NOTHING");
        expect([relation?.schemaname, relation?.relname].filter(Boolean)).toEqual(plain.table);
        const { valuesLists, limitOption: _limit, op: _op, ...rest } = as(selectStmt, "SelectStmt") ?? {};
        expect(rest).toEqual({});
        expect(valuesLists).toHaveLength(plain.rows);
        for (const list of valuesLists ?? []) expect(as(list, "List")?.items?.every(isLiteral)).toBe(true);
      }),
      { numRuns: 30_000 },
    );
    expect(taken).toBeGreaterThan(3000);
  });
});

test("pieces of large objects", () => {
  expect(isLargeObjectPiece("SELECT pg_catalog.lowrite(0, '\\x00ff')")).toBe(true);
  for (const other of ["1, '\\x00'", "0, '\\x00' || f()", "0, '\\x00'''", "0, E'\\x00'", "0, f()"]) {
    expect(isLargeObjectPiece(`SELECT pg_catalog.lowrite(${other})`)).toBe(false);
  }
  expect(isLargeObjectPiece("SELECT pg_catalog.lowrite(0, '\\x00');\nSELECT 1")).toBe(false);
  expect(isLargeObjectPiece("SELECT pg_catalog.lowrite(0, '\\x00')\n")).toBe(false);
});
