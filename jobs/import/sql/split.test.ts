import { describe, expect, test } from "vitest";
import { inPieces, split, type ReadCopy } from "../../testing/dumps";
import { DumpError } from "../errors";
import { splitDump } from "./split";

/** The statements' texts. */
async function statements(sql: string | Buffer): Promise<string[]> {
  return (await split(sql)).map((item) => ("sql" in item ? item.sql : `<${item.kind}>`));
}

describe("statements", () => {
  const whole: [what: string, sql: string][] = [
    ["a quoted semicolon", "SELECT ';'"],
    ["doubled quotes", "SELECT 'it''s; fine'"],
    ["a backslash in a standard string", "SELECT '\\', ';'"],
    ["an escape string", "SELECT E'\\'; \\\\', ';'"],
    ["a lower-case escape string", "SELECT e'\\';'"],
    ["an escape string that goes on after a line feed", "SELECT E'a'\n 'b\\';c'"],
    ["an escape string that goes on after a comment", "SELECT E'a' -- it's\n 'b\\';c'"],
    ["an identifier that ends in e", "SELECT typee'\\', ';'"],
    ["a Unicode string", "SELECT U&'\\0061;' UESCAPE '!'"],
    ["a bit string", "SELECT B'01', X'1F', ';'"],
    ["a quoted identifier", 'SELECT "a;""b;"'],
    ["a dollar quote", "SELECT $$;'$$"],
    ["a tagged dollar quote", "SELECT $a$;$$;$b$;$a$"],
    ["an identifier with dollars", "SELECT a$b$c, ';'"],
    ["a parameter", "SELECT $1, ';'"],
    ["a dollar tag that begins with a digit is none", "SELECT $1$, ';' AS a$1$"],
    ["a line comment", "SELECT 1 -- ;\n, 2"],
    ["a comment's end inside an operator", "SELECT 1 +-- ;\n 2"],
    ["a block comment", "SELECT /* ; */ 1"],
    ["nested comments", "SELECT /* /* ; */ ; /*/ */ ; */ */ 1"],
    ["a comment with a quote", "SELECT 1 /* it's */ , ';'"],
    ["parentheses", "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)"],
    ["a BEGIN ATOMIC body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"],
    [
      "CASE in a BEGIN ATOMIC body",
      "CREATE OR REPLACE PROCEDURE p() begin\n atomic SELECT CASE WHEN true THEN CASE 1 WHEN 1 THEN 2 END END; SELECT 1; END",
    ],
    ["BEGIN elsewhere", "CREATE FUNCTION begin(atomic int) RETURNS int LANGUAGE sql AS ';'"],
    ["characters outside ASCII", "SELECT 'é;漢;😀' AS \"ñ;\", é$x$ FROM t"],
  ];
  test.each(whole)("%s is part of one", async (_what, sql) => {
    expect(await statements(`${sql};\nSELECT 2 ;`)).toEqual([sql, "SELECT 2 "]);
  });

  test("are the same wherever the stream is cut", async () => {
    const dump =
      whole.map(([, sql]) => `${sql};\r\n-- between\n`).join("") + "COPY t FROM stdin;\n1\\\n2\n\\.\n\\.x\n";
    const text = `${dump}\\.\nSELECT 1;\n-- PostgreSQL database dump complete\n`;
    const expected = await split(text);
    expect(expected.filter(({ kind }) => kind === "statement")).toHaveLength(whole.length + 1);
    for (const size of [1, 2, 3, 5, 7, 11, 64, 1000]) {
      expect(await split(inPieces(text, size))).toEqual(expected);
    }
  });

  test("know the line they begin on, comments before them apart", async () => {
    const items = await split(
      "\n-- a\n/* b\n */ SELECT\n1;SELECT 2;\n\nCOPY t FROM stdin;\n1\n2\n\\.\nSELECT 3;",
    );
    expect(items.map(({ line }) => line)).toEqual([4, 5, 7, 11]);
  });

  test("an empty one is none", async () => {
    expect(await statements(";;\n; /* x */ ;SELECT 1;-- end")).toEqual(["SELECT 1"]);
  });

  test("a byte order mark before them is passed over", async () => {
    expect(await split("\ufeff-- PostgreSQL database dump\nSELECT 1;")).toMatchObject([
      { kind: "begin" },
      { line: 2 },
    ]);
  });
});

describe("standard_conforming_strings = off", () => {
  const off = "SET standard_conforming_strings = off;\n";

  test("plain strings become escape strings, the others stay", async () => {
    const [, ...sql] = await statements(`${off}SELECT 'a\\'b;', date'2020', B'01', "c\\", $$d\\$$, E'e\\'';`);
    expect(sql).toEqual([`SELECT E'a\\'b;', date E'2020', B'01', "c\\", $$d\\$$, E'e\\''`]);
  });

  test("a string in two parts is marked once", async () => {
    const [, ...sql] = await statements(`${off}SELECT 'a'\n'b\\';';`);
    expect(sql).toEqual(["SELECT E'a'\n'b\\';'"]);
  });

  test("ends with the setting", async () => {
    const sql = await statements(`${off}SELECT '\\'';SET standard_conforming_strings = on;SELECT '\\';`);
    expect([sql[1], sql[3]]).toEqual(["SELECT E'\\''", "SELECT '\\'"]);
  });
});

describe("COPY", () => {
  async function copy(dump: string | Buffer): Promise<ReadCopy> {
    const items = await split(dump);
    const copies = items.filter((item) => item.kind === "copy");
    expect(copies).toHaveLength(1);
    expect(items.at(-1)).toMatchObject({ kind: "statement", sql: "SELECT 1" });
    return copies[0] as ReadCopy;
  }

  test.each([
    ["rows", "1\ta\n2\tb\n", 2],
    ["no rows", "", 0],
    ["rows that look like SQL", "'; DROP TABLE t; --\n\\! touch\n/*\n$$\n", 4],
    ["rows that look like the end", " \\.\n\\.x\n\\\\.\nx\\.\n", 4],
    ["a line feed in a value", "a\\\nb\nc\n", 3],
    ["rows of Windows", "1\r\n2\r\n", 2],
  ])("%s come untouched", async (_what, rows, count) => {
    for (const end of ["\\.\n", "\\.\r\n"]) {
      const block = await copy(`COPY t (a) FROM stdin;\n${rows}${end}SELECT 1;`);
      expect(block).toMatchObject({ rows, rowCount: count, sql: "COPY t (a) FROM stdin" });
    }
  });

  test("rows end at the end of a chunk", async () => {
    const rows =
      Array.from({ length: 500 }, (_, i) => `${i}\t${"x".repeat(i % 37)}\\\\\n`).join("") + "a\\\nb\n";
    for (const size of [1, 10, 333]) {
      for await (const item of splitDump(inPieces(`COPY t FROM stdin;\n${rows}\\.\n`, size))) {
        if (item.kind !== "copy") throw new Error(item.kind);
        let all = "";
        for await (const chunk of item.rows) {
          expect(chunk.toString()).toMatch(/(^|[^\\])(\\\\)*\n$/);
          all += chunk.toString();
        }
        expect(all).toBe(rows);
      }
    }
  });

  test("rows nobody reads, or reads to the end, are passed over", async () => {
    const seen: string[] = [];
    const dump = "COPY t FROM stdin;\n1\n2\n3\n\\.\nCOPY u FROM stdin;\n4\n5\n\\.\nSELECT 1;";
    let counts: (() => number)[] = [];
    for await (const item of splitDump(inPieces(dump, 3))) {
      seen.push("sql" in item ? item.sql : item.kind);
      if (item.kind !== "copy") continue;
      counts = [...counts, item.rowCount];
      if (item.sql.includes("u")) for await (const _ of item.rows) break;
    }
    expect(seen).toEqual(["COPY t FROM stdin", "COPY u FROM stdin", "SELECT 1"]);
    expect(counts.map((count) => count())).toEqual([3, 2]);
  });

  test("the end may be the last thing, without a line feed", async () => {
    expect(await split("COPY t FROM stdin;\n1\n\\.")).toMatchObject([{ rows: "1\n" }]);
  });

  test("only what the server would ask rows for has rows", async () => {
    expect(
      await statements("COPY t TO stdout;COPY t FROM '/x';COPY (SELECT 1) TO PROGRAM 'x';"),
    ).toHaveLength(3);
    expect(await split('/* x */ copy "a;b"(c)from STDIN ;\n1\n\\.\n')).toMatchObject([
      { kind: "copy", rows: "1\n" },
    ]);
  });

  test("nothing may follow it on its line", async () => {
    await expect(split("COPY t FROM stdin; SELECT 1;\n1\n\\.\n")).rejects.toThrow("Line 1: text after");
  });

  test("the rows' encoding is reported", async () => {
    const dump = Buffer.concat([
      Buffer.from("SET client_encoding = 'latin1';\nCOPY t FROM stdin;\n"),
      Buffer.from([0xe9, 0x0a]),
      Buffer.from("\\.\nSELECT '\xe9';", "latin1"),
    ]);
    expect(await split(dump)).toMatchObject([
      {},
      { encoding: "LATIN1", rows: "\xe9\n" },
      { sql: "SELECT 'é'" },
    ]);
  });
});

describe("meta-commands", () => {
  test.each<[what: string, dump: string, text: string, line: number, alone: boolean]>([
    ["alone", "SELECT 1;\n\\! touch x\n", "\\! touch x", 2, true],
    ["after a comment", "/* x */ \\! touch x\n", "\\! touch x", 1, false],
    ["after a line comment", "-- x\n\\! touch x", "\\! touch x", 2, true],
    ["after a statement", "SELECT 1; \\! touch x\n", "\\! touch x", 1, false],
    ["inside a statement", "SELECT 1\n\\! touch x\n;", "\\! touch x", 2, false],
    ["in parentheses", "SELECT (\n1 \\g x\n);", "\\g x", 2, false],
    ["after rows", "COPY t FROM stdin;\n1\n\\.\n\\! touch x\n", "\\! touch x", 4, true],
    ["after rows on the end's line", "COPY t FROM stdin;\n1\n\\.\n\\.\n", "\\.", 4, true],
    ["of Windows", "SELECT 1;\r\n\\! touch x\r\n", "\\! touch x", 2, true],
    ["indented", "  \\! touch x", "\\! touch x", 1, false],
    ["that would be none", "SELECT 1 \\; SELECT 2;", "\\; SELECT 2;", 1, false],
  ])("%s", async (_what, dump, text, line, alone) => {
    for (const size of [1, 1000]) {
      const metas = (await split(inPieces(dump, size))).filter(({ kind }) => kind === "meta");
      expect(metas).toEqual([{ kind: "meta", text, line, alone }]);
    }
  });

  test("in quotes are none", async () => {
    const dump = `SELECT '\\! x', "\\! x", $$\n\\! x\n$$, /*\n\\! x\n*/ -- \\! x\n E'\\\\! x';`;
    expect((await split(dump)).map(({ kind }) => kind)).toEqual(["statement"]);
  });
});

describe("pg_dump's own comments", () => {
  test("are reported", async () => {
    const dump =
      "--\n-- PostgreSQL database cluster dump\n--\n-- PostgreSQL database dump\n" +
      "-- Dumped from database version 16.4 (Debian 16.4-1.pgdg120+1)\n-- Dumped by pg_dump version 9.6.24\n" +
      "-- PostgreSQL database dump complete\r\n-- PostgreSQL database cluster dump complete";
    expect(await split(dump)).toEqual([
      { kind: "begin", of: "cluster", line: 2 },
      { kind: "begin", of: "database", line: 4 },
      { kind: "version", of: "server", version: "16.4", line: 5 },
      { kind: "version", of: "pg_dump", version: "9.6.24", line: 6 },
      { kind: "end", of: "database", line: 7 },
      { kind: "end", of: "cluster", line: 8 },
    ]);
  });

  const complete = "-- PostgreSQL database dump complete";
  test.each([
    ["in a string", `SELECT '\n${complete}\n';`],
    ["in a dollar quote", `SELECT $$\n${complete}\n$$;`],
    ["in a block comment", `/*\n${complete}\n*/`],
    ["in rows", `COPY t FROM stdin;\n${complete}\n\\.\n`],
    ["inside a statement", `SELECT 1\n${complete}\n;`],
    ["not at the line's beginning", ` ${complete}\nSELECT 1; ${complete}\n`],
    ["with more on the line", `${complete} or not\n`],
  ])("%s are none", async (_what, dump) => {
    expect((await split(dump)).filter(({ kind }) => kind === "end")).toEqual([]);
  });
});

describe("encodings that hide ASCII in a character", () => {
  /** 表 and its like: the second byte is a backslash. The text is what the server would make of it. */
  test.each([
    ["SJIS", [0x95, 0x5c], "表"],
    ["BIG5", [0xa5, 0x5c], "功"],
    ["GBK", [0x81, 0x5c], "乗"],
    ["GB18030", [0x81, 0x30, 0x81, 0x30], "\u0080"],
    ["UHC", [0x81, 0x41], "갂"],
  ])("%s", async (encoding, character, text) => {
    const bytes = Buffer.concat([
      Buffer.from(`SET client_encoding = '${encoding}';\nSELECT E'`),
      Buffer.from(character),
      Buffer.from("';\nCOPY t FROM stdin;\n"),
      Buffer.from(character),
      Buffer.from("\n\\.\nSELECT "),
      Buffer.from(character),
      Buffer.from(";"),
    ]);
    for (const size of [1, 2, 3, 1000]) {
      expect(await split(inPieces(bytes, size))).toMatchObject([
        {},
        { sql: `SELECT E'${text}'` },
        { rows: `${Buffer.from(character).toString("latin1")}\n`, encoding },
        { sql: `SELECT ${text}` },
      ]);
    }
  });

  test("a statement in one that nothing here decodes is refused, rows are not", async () => {
    const dump = Buffer.from(
      "SET client_encoding = 'JOHAB';\nCOPY t FROM stdin;\n\x88\x5c\n\\.\nSELECT '\x88\x5c';",
      "latin1",
    );
    await expect(split(dump)).rejects.toThrow(/Line 5: .*JOHAB.*--encoding=UTF8/);
  });
});

describe("refused with the line", () => {
  test.each([
    [
      "a statement cut short",
      "SELECT 1;\nSELECT 'a",
      "truncated",
      /Line 2: .*in the middle of the statement "SELECT 'a"/,
    ],
    ["a statement without its semicolon", "SELECT 1;\nSELECT 2\n", "truncated", /Line 2: /],
    [
      "rows cut short",
      "SELECT 1;\nCOPY t FROM stdin;\n1\n2",
      "truncated",
      /Line 2: .*inside the rows of COPY t/,
    ],
    ["rows without an end", "COPY t FROM stdin;\n1\n", "truncated", /Line 1: /],
    ["COPY with nothing after it", "COPY t FROM stdin;", "truncated", /Line 1: /],
    ["a comment cut short", "/* x", "truncated", /a comment/],
    [
      "an unknown encoding",
      "SET client_encoding = 'KLINGON';",
      "unsupported",
      /Line 1: client_encoding KLINGON/,
    ],
    ["a NUL", "SELECT 1;\nSELECT '\0';", "corrupt", /Line 2: a NUL byte/],
    [
      "bytes that are not UTF-8",
      Buffer.from("SELECT '\xe9';", "latin1"),
      "corrupt",
      /^Line 1: the statement "SELECT .*" holds bytes that are not UTF-8/,
    ],
  ])("%s", async (_what, dump, fault, message) => {
    const error = await split(dump).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DumpError);
    expect(error).toMatchObject({ fault, message: expect.stringMatching(message) as unknown });
  });

  test("a statement that is too long, a row that is too long", async () => {
    const long = "x".repeat(3000);
    const options = { maxStatementBytes: 1000, maxRowBytes: 1000 };
    await expect(split(inPieces(`SELECT 1;\nSELECT '${long}';`, 100), options)).rejects.toThrow(
      /Line 2: .*longer/,
    );
    await expect(split(inPieces(`COPY t FROM stdin;\n1\n${long}\n\\.\n`, 100), options)).rejects.toThrow(
      /Line 3: a row/,
    );
  });
});
