/** The splitter against PostgreSQL's own parser, on random SQL and random cuts of the stream. */
import fc from "fast-check";
import { loadModule, parseSync } from "libpg-query";
import { beforeAll, describe, expect, test } from "vitest";
import { inPieces, split } from "../../testing/dumps";
import type { DumpItem } from "./dump";

beforeAll(loadModule);

/** Everything that begins, ends or escapes something. */
const nasty = [
  "'",
  '"',
  ";",
  "\\",
  "$",
  "-",
  "/",
  "*",
  "\n",
  "(",
  ")",
  "E",
  "a",
  "é",
  "漢",
  " ",
  "$$",
  "--",
  "/*",
  "*/",
  "end",
];
const text = fc.array(fc.constantFrom(...nasty), { maxLength: 8 }).map((parts) => parts.join(""));
const blank = fc.oneof(
  { weight: 6, arbitrary: fc.constant(" ") },
  fc.constantFrom("\n", "\t", "  ", "\r\n"),
  text.map((words) => ` -- ${words.replace(/\n/g, " ")}\n`),
  // Only the outermost of nested comments may hold what would end one.
  text.map((words) => ` /* ${words.replace(/[*/]/g, "x")} /* ; ' */ " */ `),
);

const literal = fc.oneof(
  text.map((value) => `'${value.replace(/'/g, "''")}'`),
  text.map((value) => `E'${value.replace(/[\\']/g, "\\$&")}'`),
  text.map((value) => `e'${value.replace(/\\/g, "\\\\").replace(/'/g, "''")}'`),
  fc
    .tuple(text, text)
    .map(([a, b]) => `E'${a.replace(/[\\']/g, "\\$&")}'\n '${b.replace(/[\\']/g, "\\$&")}'`),
  text.map((value) => `U&'${value.replace(/\\/g, "\\\\").replace(/'/g, "''")}'`),
  text.filter((value) => !value.includes("$")).map((value) => `$$${value}$$`),
  fc
    .tuple(text, fc.constantFrom("a", "_1", "é", "body"))
    .filter(([value, tag]) => !`${value}$`.includes(`$${tag}$`))
    .map(([value, tag]) => `$${tag}$${value}$${tag}$`),
  fc.constantFrom("1", "1.5e3", "NULL", "B'01'", "x'1F'", "$1"),
);
const name = fc.oneof(
  fc.constantFrom("a", "type", "e1", "é", "a$b", "_x$"),
  text.filter((value) => value !== "").map((value) => `"${value.replace(/"/g, '""')}"`),
);

const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { weight: 4, arbitrary: literal },
    name,
    fc
      .tuple(tie("any"), blank, fc.constantFrom("+", "||", "-", "*", "/", "<="), blank, tie("any"))
      .map((p) => p.join("")),
    fc.tuple(blank, tie("any"), blank).map(([a, inner, b]) => `(${a}${inner}${b})`),
    fc.tuple(tie("any"), blank, tie("any")).map(([a, b, c]) => `CASE WHEN${b}${a}${b}THEN ${c} END`),
    tie("any").map((inner) => `ARRAY[${inner}, (SELECT ${inner})]`),
  ),
})).any;

const simple = fc.oneof(
  fc.tuple(blank, expression, blank, name).map(([a, value, b, alias]) => `SELECT${a}${value}${b}AS ${alias}`),
  fc
    .tuple(name, blank, literal)
    .map(([table, b, value]) => `INSERT INTO ${table}${b}VALUES (${value}, DEFAULT)`),
  fc.tuple(name, blank, expression).map(([table, b, value]) => `UPDATE ${table} SET a =${b}${value}`),
);
const statement = fc.oneof(
  { weight: 3, arbitrary: simple },
  fc
    .tuple(name, blank, fc.array(simple, { minLength: 1, maxLength: 3 }), blank)
    .map(
      ([f, b, body, c]) =>
        `CREATE FUNCTION ${f}()${b}RETURNS int BEGIN ATOMIC${b}${body.join(`${c};${b}`)};${c}END`,
    ),
  fc
    .tuple(name, fc.array(simple, { minLength: 1, maxLength: 3 }), blank)
    .map(([r, body, b]) => `CREATE RULE ${r} AS ON INSERT TO t DO ALSO (${body.join(`${b};`)})`),
  fc
    .tuple(name, literal, blank)
    .map(([f, body, b]) => `CREATE FUNCTION ${f}() RETURNS int${b}LANGUAGE sql AS ${body}`),
);

/** What PostgreSQL makes of a text that it accepts as a whole. */
function byParser(sql: string): string[] {
  const bytes = Buffer.from(sql);
  return (parseSync(sql).stmts ?? []).map(({ stmt_location: at = 0, stmt_len: length = bytes.length - at }) =>
    bytes.toString("utf8", at, at + length),
  );
}

function accepts(sql: string): boolean {
  try {
    byParser(sql);
    return true;
  } catch {
    return false;
  }
}

async function bySplitter(sql: string, piece: number): Promise<string[]> {
  return (await split(inPieces(sql, piece))).map((item) => ("sql" in item ? item.sql : `<${item.kind}>`));
}

const pieces = fc.integer({ min: 1, max: 40 });

describe("the splitter and PostgreSQL's parser", () => {
  test("agree on statements in every form of quoting", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(blank, statement, blank), { minLength: 1, maxLength: 5 }),
        blank,
        pieces,
        async (parts, end, piece) => {
          const sql = `${parts.map(([a, body, b]) => `${a}${body}${b};`).join("")}${end}`;
          fc.pre(accepts(sql));
          accepted++;
          expect(await bySplitter(sql, piece)).toEqual(byParser(sql));
        },
      ),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThanOrEqual(2000);
  });

  test("agree on any text that the parser accepts at all", async () => {
    const words = [
      ...nasty,
      "SELECT",
      "E'",
      "U&'",
      "''",
      "$a$",
      "1",
      ",",
      "+",
      "::text",
      "BEGIN",
      "ATOMIC",
      "CASE",
    ];
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((tokens) => tokens.join(""));
    let several = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(soup, { minLength: 2, maxLength: 4 }), pieces, async (soups, piece) => {
        const sql = `${soups.map((tokens) => `SELECT 1 ${tokens};`).join("")}\n;`;
        if (!accepts(sql)) return;
        const expected = byParser(sql);
        if (expected.length > 1) several++;
        expect(await bySplitter(sql, piece)).toEqual(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(several).toBeGreaterThan(200);
  });

  test("agree between rows, which stay untouched", async () => {
    const row = fc
      .array(fc.constantFrom(...nasty, "\\.", "\\N", "\t"), { maxLength: 10 })
      .map((parts) => parts.join("").replace(/\\/g, "\\\\").replace(/\n/g, "\\n"));
    const block = fc.array(row, { maxLength: 6 }).map((rows) => rows.map((line) => `${line}\n`).join(""));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(block, simple), { minLength: 1, maxLength: 4 }),
        pieces,
        fc.constantFrom("\n", "\r\n"),
        async (parts, piece, eol) => {
          fc.pre(parts.every(([, sql]) => accepts(sql)));
          const dump = parts
            .map(([rows, sql]) => `COPY t FROM stdin;${eol}${rows}\\.${eol}${sql};\n`)
            .join("");
          const expected = parts.flatMap(([rows, sql]) => [
            { sql: "COPY t FROM stdin", rows: Buffer.from(rows).toString("latin1") },
            { sql },
          ]);
          expect(await split(inPieces(dump, piece))).toMatchObject(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("the reported line is the statement's", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(blank, simple), { minLength: 1, maxLength: 5 }),
        pieces,
        async (parts, piece) => {
          fc.pre(parts.every(([, sql]) => accepts(sql)));
          let sql = "";
          const lines: number[] = [];
          for (const [before, body] of parts) {
            sql += before;
            lines.push(sql.split("\n").length);
            sql += `${body};`;
          }
          const items: DumpItem["line"][] = (await split(inPieces(sql, piece))).map(({ line }) => line);
          expect(items).toEqual(lines);
        },
      ),
      { numRuns: 500 },
    );
  });
});
