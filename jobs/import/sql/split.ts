/**
 * Splits a plain SQL dump into its statements and rows as it streams by. It knows what pg_dump and pg_dumpall write,
 * and takes anything else apart as psql would, so that the judge sees it. What is sent to the server is one statement
 * at a time, parsed before: a mistake here can refuse an honest dump, but cannot smuggle anything past the judge.
 */
import { isUtf8 } from "node:buffer";
import { loadModule } from "libpg-query";
import { DumpError } from "../errors";
import { canonicalEncoding, decode, isClientEncoding, isReadAsUtf8, notUtf8 } from "./encoding";
import { isSpace, Lexer } from "./lexer";
import { as, parseStatement } from "./tree";
import { countLines, Window } from "./window";
import type { CopyBlock, DumpItem } from "./dump";

export interface SplitOptions {
  /** Longest statement, in bytes. Default 64 MiB. */
  maxStatementBytes?: number;
  /** Longest row of COPY data, in bytes. Default 128 MiB. */
  maxRowBytes?: number;
  /** PostgreSQL's name of the encoding in which a dump of a SQL_ASCII database, which names none, is read. */
  encoding?: string;
}

const newline = 0x0a;
const mebibyte = 1 << 20;

/** Yields a dump's parts in order. Throws a DumpError where it is cut short, too long in one place, or no text. */
export function splitDump(
  input: AsyncIterable<Buffer>,
  options: SplitOptions = {},
): AsyncGenerator<DumpItem> {
  return new Splitter(input[Symbol.asyncIterator](), options).items();
}

/** A setting of the dump that changes how the rest of it has to be read. */
export interface ReaderSetting {
  name: "client_encoding" | "standard_conforming_strings";
  value: string;
}

/** The setting a statement makes, in the form pg_dump writes it. Other forms are for the judge to refuse. */
export function readerSetting(sql: string): ReaderSetting | undefined {
  const match = /^SET (client_encoding|standard_conforming_strings) = (?:'([\w-]+)'|(on|off))$/.exec(sql);
  if (!match) return undefined;
  return { name: match[1] as ReaderSetting["name"], value: (match[2] ?? match[3]) as string };
}

class Splitter {
  private readonly window: Window;
  private readonly lexer = new Lexer();
  private readonly maxStatement: number;
  private readonly maxRow: number;
  private encoding = "UTF8";
  private readonly named: string | undefined;

  constructor(
    private readonly input: AsyncIterator<Buffer>,
    options: SplitOptions,
  ) {
    this.named = options.encoding;
    this.window = new Window(input);
    this.maxStatement = options.maxStatementBytes ?? 64 * mebibyte;
    this.maxRow = options.maxRowBytes ?? 128 * mebibyte;
  }

  async *items(): AsyncGenerator<DumpItem> {
    const { window, lexer } = this;
    await loadModule();
    if (this.named !== undefined) this.readAs(this.named);
    try {
      await this.skipByteOrderMark();
      for (;;) {
        const marker = this.skipBlank();
        if (marker === "more") {
          if (!window.ended) {
            await this.more();
            continue;
          }
          if (window.length > 0) throw this.cutShort("a comment");
          return;
        }
        if (marker) {
          yield marker;
          continue;
        }
        lexer.reset();
        let stop = lexer.scan(window.lexical, window.ended);
        while (stop === "more") {
          const ended = !(await this.more());
          stop = lexer.scan(window.lexical, ended);
          if (ended && stop === "more") throw this.cutShort(`the statement ${this.excerpt()}`);
        }
        if (stop === "backslash") {
          yield await this.metaCommand();
          continue;
        }
        const line = window.line;
        const sql = this.text(line);
        window.use(lexer.at + 1);
        if (sql === "") continue;
        if (lexer.firstWord === "copy" && isCopyFromStdin(sql)) {
          const rows = await this.copyRows(sql, line);
          yield rows.item;
          await rows.passOver();
          continue;
        }
        if (lexer.firstWord === "set") this.applySetting(sql, line);
        yield { kind: "statement", sql, line };
      }
    } finally {
      await this.input.return?.();
    }
  }

  /** Windows editors put one before UTF-8; psql passes it over as well. */
  private async skipByteOrderMark(): Promise<void> {
    while (this.window.length < 3 && (await this.window.more()));
    if (this.window.bytes.toString("latin1", 0, 3) === "\xef\xbb\xbf") this.window.use(3);
    this.window.atLineStart = true;
  }

  /** Uses up white space and comments between statements; returns pg_dump's own comments as what they are. */
  private skipBlank(): DumpItem | "more" | undefined {
    const { window } = this;
    for (;;) {
      const bytes = window.lexical;
      let at = 0;
      while (at < bytes.length && isSpace(bytes[at])) at++;
      if (at > 0) {
        window.use(at);
        continue;
      }
      const [first, second] = bytes;
      if (first === undefined) return "more";
      if (second === undefined && !window.ended && (first === 0x2d || first === 0x2f)) return "more";
      if (first === 0x2d && second === 0x2d) {
        const eol = bytes.indexOf(newline);
        if (eol < 0 && !window.ended) return "more";
        const comment = bytes.toString("latin1", 0, eol < 0 ? bytes.length : eol).trimEnd();
        const { line, atLineStart } = window;
        window.use(eol < 0 ? bytes.length : eol + 1);
        const marker = atLineStart && dumpComment(comment, line);
        if (marker) return marker;
      } else if (first === 0x2f && second === 0x2a) {
        const end = endOfComment(bytes);
        if (end < 0) return "more";
        window.use(end);
      } else {
        return undefined;
      }
    }
  }

  private async more(): Promise<boolean> {
    if (this.window.length > this.maxStatement) {
      throw new DumpError(
        "too-big",
        `the statement ${this.excerpt()} is longer than ${mebibytes(this.maxStatement)}`,
        this.window.line,
      );
    }
    return this.window.more();
  }

  /** The statement up to the lexer's place, decoded. */
  private text(line: number): string {
    const bytes = this.window.bytes.subarray(0, this.lexer.at);
    if (this.lexer.escapes.length === 0) return decode(bytes, this.encoding, line);
    // The dump relies on standard_conforming_strings = off; the server, and the parser, always have it on.
    const parts: Buffer[] = [];
    let from = 0;
    for (const at of this.lexer.escapes) {
      const touches = at > 0 && /[\w$\x80-\xff]/.test(String.fromCharCode(bytes[at - 1] as number));
      parts.push(bytes.subarray(from, at), Buffer.from(touches ? " E" : "E"));
      from = at;
    }
    parts.push(bytes.subarray(from));
    return decode(Buffer.concat(parts), this.encoding, line);
  }

  private applySetting(sql: string, line: number): void {
    const setting = readerSetting(sql);
    if (setting?.name === "standard_conforming_strings") {
      this.lexer.standardStrings = setting.value === "on";
    } else if (setting) {
      const encoding = canonicalEncoding(setting.value);
      if (!isClientEncoding(encoding)) {
        throw new DumpError(
          "unsupported",
          `client_encoding ${setting.value} is not one of PostgreSQL's`,
          line,
        );
      }
      if (this.named === undefined || encoding === this.named) this.readAs(encoding);
      else if (encoding === "SQL_ASCII") this.readAs(this.named);
      else {
        throw new DumpError(
          "unsupported",
          `--encoding ${this.named} is only for a dump of a SQL_ASCII database; this one says that its text is ${encoding}. ` +
            "Import it without --encoding",
          line,
        );
      }
    }
  }

  private readAs(encoding: string): void {
    this.encoding = encoding;
    this.window.setEncoding(encoding);
  }

  /** A backslash outside of quotes: psql would take it and the rest of the line as a command of its own. */
  private async metaCommand(): Promise<DumpItem> {
    const { window, lexer } = this;
    while (window.lexical.indexOf(newline, lexer.at) < 0 && (await this.more()));
    const bytes = window.bytes;
    const eol = window.lexical.indexOf(newline, lexer.at);
    const end = eol < 0 ? bytes.length : eol;
    const alone = lexer.at === 0 && window.atLineStart;
    const line = window.line + countLines(bytes.subarray(0, lexer.at));
    const text = bytes.toString("utf8", lexer.at, Math.min(end, lexer.at + 1000)).replace(/\r$/, "");
    window.use(Math.min(end + 1, bytes.length));
    return { kind: "meta", text, line, alone };
  }

  /** The rows begin on the line after the statement and end before a line `\.`. */
  private async copyRows(
    sql: string,
    line: number,
  ): Promise<{ item: CopyBlock; passOver: () => Promise<void> }> {
    const { window } = this;
    let at = 0;
    for (;;) {
      const bytes = window.bytes;
      while (at < bytes.length && isSpace(bytes[at]) && bytes[at] !== newline) at++;
      if (at < bytes.length) {
        if (bytes[at] === newline) break;
        throw new DumpError("unsupported", `text after "COPY … FROM stdin;" on the same line`, line);
      }
      if (!(await this.more())) throw this.cutShort("COPY … FROM stdin");
    }
    window.use(at + 1);
    const counter = { rows: 0 };
    const generator = this.readRows(sql, line, counter);
    // Without `return`: a loop that is left early must not take the rest of the rows for SQL.
    const rows = { [Symbol.asyncIterator]: () => ({ next: () => generator.next() }) };
    const item: CopyBlock = {
      kind: "copy",
      sql,
      line,
      encoding: this.encoding,
      rows,
      rowCount: () => counter.rows,
    };
    return {
      item,
      passOver: async () => {
        while (!(await generator.next()).done);
      },
    };
  }

  private async *readRows(sql: string, line: number, counter: { rows: number }): AsyncGenerator<Buffer> {
    const { window } = this;
    /** What has come since the last row's end. */
    let pending: Buffer[] = [];
    let chunk: Buffer | undefined = window.takeAll();
    let rest: Buffer | undefined;
    for (;;) {
      const last: boolean = chunk === undefined;
      if (chunk && chunk.length > 0) pending.push(chunk);
      if (last || chunk?.includes(newline)) {
        const block = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
        const end = endOfRows(block, last);
        const rows = block.subarray(0, end?.at ?? lastRowEnd(block));
        if (rows.length > 0) {
          if (isReadAsUtf8(this.encoding) && !isUtf8(rows)) throw this.invalidRow(rows, sql, counter.rows);
          const count = countLines(rows);
          counter.rows += count;
          window.line += count;
          yield rows;
        }
        if (end?.after !== undefined) {
          window.append(block.subarray(end.after));
          if (rest) window.append(rest);
          window.line++;
          window.atLineStart = true;
          return;
        }
        if (last) throw new DumpError("truncated", `the dump ends inside the rows of ${abridge(sql)}`, line);
        pending = rows.length < block.length ? [block.subarray(rows.length)] : [];
      }
      const length = pending.reduce((sum, piece) => sum + piece.length, 0);
      if (length > this.maxRow) {
        throw new DumpError(
          "too-big",
          `a row of ${abridge(sql)} is longer than ${mebibytes(this.maxRow)}`,
          window.line,
        );
      }
      if (rest) {
        chunk = rest;
        rest = undefined;
        continue;
      }
      chunk = await window.next();
      // Only the row that two chunks share is put together; all else is handed on where it lies.
      const cut = length > 0 && chunk ? chunk.indexOf(newline) + 1 : 0;
      if (chunk && cut > 0) {
        rest = chunk.subarray(cut);
        chunk = chunk.subarray(0, cut);
      }
    }
  }

  private invalidRow(rows: Buffer, sql: string, before: number): DumpError {
    let [from, row] = [0, 0];
    for (;;) {
      const eol = rows.indexOf(newline, from);
      const end = eol < 0 ? rows.length : eol;
      const bytes = rows.subarray(from, end);
      if (!isUtf8(bytes) || eol < 0) {
        const where = `row ${before + row + 1} of ${abridge(sql)}`;
        return notUtf8(bytes, this.encoding, this.window.line + row, where);
      }
      from = end + 1;
      row++;
    }
  }

  private cutShort(where: string): DumpError {
    return new DumpError("truncated", `the dump ends in the middle of ${where}`, this.window.line);
  }

  private excerpt(): string {
    return `"${abridge(this.window.bytes.subarray(0, 500).toString("latin1"))}"`;
  }
}

/** The beginning of a statement, on one line, for messages. */
export function abridge(sql: string, length = 120): string {
  const line = sql
    .slice(0, length * 4)
    .replace(/\s+/g, " ")
    .trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / mebibyte)} MiB`;
}

const comments: Record<string, Pick<DumpItem & { of: string }, "kind" | "of">> = {
  "-- PostgreSQL database dump": { kind: "begin", of: "database" },
  "-- PostgreSQL database cluster dump": { kind: "begin", of: "cluster" },
  "-- PostgreSQL database dump complete": { kind: "end", of: "database" },
  "-- PostgreSQL database cluster dump complete": { kind: "end", of: "cluster" },
};

function dumpComment(comment: string, line: number): DumpItem | undefined {
  const marker = comments[comment];
  if (marker) return { ...marker, line } as DumpItem;
  const version = /^-- Dumped (from database|by pg_dump) version (\d+[\w.]*)/.exec(comment);
  if (!version) return undefined;
  return {
    kind: "version",
    of: version[1] === "by pg_dump" ? "pg_dump" : "server",
    version: version[2] as string,
    line,
  };
}

/** Index after a block comment, which nests; -1 when it does not end here. */
function endOfComment(bytes: Buffer): number {
  const token = /\/\*|\*\//g;
  const text = bytes.toString("latin1");
  let depth = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return token.lastIndex;
  }
  return -1;
}

/** Whether rows follow a statement: the server would ask for them. */
function isCopyFromStdin(sql: string): boolean {
  const { statement, problem } = parseStatement(sql);
  // Of an older grammar perhaps (WITH OIDS): it will be refused, and its rows are not SQL.
  if (problem !== undefined) return /\sfrom\s+stdin\b/i.test(sql);
  const copy = as(statement, "CopyStmt");
  return copy?.is_from === true && !copy.filename && !copy.is_program;
}

/**
 * Where the line `\.` begins, and where the next line does. `after` is missing when more bytes are needed to tell.
 * `block` begins a line. A later byte of a character is never a line feed in any client encoding, so a backslash
 * after one is itself.
 */
function endOfRows(block: Buffer, last: boolean): { at: number; after?: number } | undefined {
  for (let at = 0; at >= 0;) {
    if (block[at] === 0x5c) {
      const [dot, first, second] = [block[at + 1], block[at + 2], block[at + 3]];
      if (dot === undefined) return { at };
      if (dot === 0x2e) {
        if (first === newline) return { at, after: at + 3 };
        if (first === 0x0d && second === newline) return { at, after: at + 4 };
        if (first === undefined || (first === 0x0d && second === undefined)) {
          return last ? { at, after: block.length } : { at };
        }
      }
    }
    const next = block.indexOf("\n\\.", at, "latin1");
    if (next < 0) return undefined;
    at = next + 1;
  }
  return undefined;
}

/** Index after the last line feed that ends a row; one after a backslash is part of a value. */
function lastRowEnd(block: Buffer): number {
  for (let at = block.lastIndexOf(newline); at >= 0; at = at > 0 ? block.lastIndexOf(newline, at - 1) : -1) {
    let backslashes = 0;
    while (block[at - 1 - backslashes] === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return 0;
}
