/**
 * Recognises `INSERT INTO table [(columns)] VALUES (constants), …` without a parse, for dumps of millions of them
 * (pg_dump --inserts), for which a parse each would take far longer than the insert itself.
 *
 * Why that is safe: it accepts a strict part of PostgreSQL's grammar, in which every token is an identifier, a number,
 * a quoted constant, NULL, TRUE, FALSE, DEFAULT, or punctuation that is spelled out. No such text has
 * a second meaning, under `standard_conforming_strings = on`, which is how the import runs; and it holds no call, no
 * subquery, no comment and no second statement. Whatever is not exactly of this form goes to the parser.
 */

const [tab, newline, carriageReturn, space] = [9, 10, 13, 32];
const [backslash, capitalB, capitalE] = [92, 66, 69];
const [quote, open, close, comma, minus, dot, zero, nine] = [39, 40, 41, 44, 45, 46, 48, 57];

const head =
  /INSERT INTO (?:("(?:[^"\0]|"")+"|[a-z_][a-z0-9_]*)\.)?("(?:[^"\0]|"")+"|[a-z_][a-z0-9_]*)(?: \((?:"(?:[^"\0]|"")+"|[a-z_][a-z0-9_]*)(?:, (?:"(?:[^"\0]|"")+"|[a-z_][a-z0-9_]*))*\))?(?: OVERRIDING (?:SYSTEM|USER) VALUE)? VALUES[ \t\r\n]+/y;

const keywords = ["NULL", "DEFAULT", "true", "false", "TRUE", "FALSE"];

/** A piece of a large object, as pg_dump writes it; by the same reasoning. */
export function isLargeObjectPiece(sql: string): boolean {
  return /^SELECT pg_catalog\.lowrite\(0, '\\x[0-9a-f]*'\)$/.test(sql);
}

export interface PlainInsert {
  /** The table's name, after its schema's if there is one. */
  table: string[];
  rows: number;
}

/** Undefined when the statement is for the parser. */
export function plainInsert(sql: string): PlainInsert | undefined {
  if (sql.charCodeAt(0) !== 73) return undefined;
  head.lastIndex = 0;
  const match = head.exec(sql);
  if (!match) return undefined;
  let at = head.lastIndex;
  let rows = 0;
  for (;;) {
    at = row(sql, at);
    if (at < 0) return undefined;
    rows++;
    if (at === sql.length) break;
    if (sql.startsWith(" ON CONFLICT DO NOTHING", at)) {
      if (at + 23 !== sql.length) return undefined;
      break;
    }
    if (sql.charCodeAt(at) !== comma) return undefined;
    at = blank(sql, at + 1);
  }
  const [, schema, table] = match;
  return { table: [schema, table].filter((name) => name !== undefined).map(unquote), rows };
}

/** Index after a row of constants that begins here, or -1. */
function row(sql: string, start: number): number {
  if (sql.charCodeAt(start) !== open) return -1;
  let at = start + 1;
  for (;;) {
    at = value(sql, at);
    if (at < 0) return -1;
    const byte = sql.charCodeAt(at);
    if (byte === close) return at + 1;
    if (byte !== comma) return -1;
    at++;
    if (sql.charCodeAt(at) === space) at++;
  }
}

/** Index after a constant that begins here, or -1; what follows it has to end it: the caller wants `,` or `)`. */
function value(sql: string, start: number): number {
  const first = sql.charCodeAt(start);
  if (first === quote) return quoted(sql, start);
  if (first === minus || (first >= zero && first <= nine)) {
    let at = start + 1;
    while (isDigit(sql.charCodeAt(at))) at++;
    if (sql.charCodeAt(at) === dot)
      do at++;
      while (isDigit(sql.charCodeAt(at)));
    if (at === start + 1 && first === minus) return -1;
    if (sql[at] === "e" || sql[at] === "E") {
      at++;
      if (sql[at] === "+" || sql[at] === "-") at++;
      if (!isDigit(sql.charCodeAt(at))) return -1;
      while (isDigit(sql.charCodeAt(at))) at++;
    }
    return at;
  }
  if (sql.charCodeAt(start + 1) === quote) {
    if (first === capitalB) return quoted(sql, start + 1);
    if (first === capitalE) return escaped(sql, start + 1);
  }
  const keyword = keywords.find((word) => sql.startsWith(word, start));
  return keyword ? start + keyword.length : -1;
}

/** A doubled quote stands for one. */
function quoted(sql: string, start: number): number {
  let at = start;
  do {
    at = sql.indexOf("'", at + 1);
    if (at < 0) return -1;
    at++;
  } while (sql.charCodeAt(at) === quote);
  return at;
}

/** In `E'…'` a backslash takes away what the next character means. */
function escaped(sql: string, start: number): number {
  for (let at = start + 1; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote && sql.charCodeAt(at + 1) === quote) at++;
    else if (code === quote) return at + 1;
  }
  return -1;
}

function isDigit(code: number): boolean {
  return code >= zero && code <= nine;
}

function blank(sql: string, start: number): number {
  let at = start;
  for (; ; at++) {
    const code = sql.charCodeAt(at);
    if (code !== space && code !== newline && code !== tab && code !== carriageReturn) return at;
  }
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replace(/""/g, '"') : name;
}
