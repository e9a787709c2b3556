/**
 * What a plain SQL dump is made of, once it has been split, and what the judge says of each part.
 * The reader (`split.ts`, `judge.ts`) produces these; the loader consumes them.
 */

/** One part of a plain SQL dump, in the order of the file. */
export type DumpItem = Statement | CopyBlock | MetaCommand | BeginMarker | EndMarker | VersionNote;

/** One SQL statement, without its terminating semicolon. */
export interface Statement {
  kind: "statement";
  /**
   * Decoded from the dump's client encoding: to be sent as UTF-8, and singly. It may end in a `--` comment.
   * Valid under `standard_conforming_strings = on`, whatever the dump itself is set to.
   */
  sql: string;
  /** Line of the statement's first token; the first line of the dump is 1. */
  line: number;
}

/** `COPY … FROM stdin` and the rows after it, up to and without the line `\.`. */
export interface CopyBlock {
  kind: "copy";
  sql: string;
  line: number;
  /** The `client_encoding` of the rows, by PostgreSQL's name; to be set on every connection they are sent to. */
  encoding: string;
  /**
   * The rows as they stand in the dump, to be read at most once. Every chunk ends at a row's end, so that rows can be
   * handed to several connections. Rows left unread are passed over when the next item is asked for.
   */
  rows: AsyncIterable<Buffer>;
  /** Number of rows that have gone by so far; all of them once the next item is here. */
  rowCount: () => number;
}

/** A psql meta-command: a line that PostgreSQL's grammar has no place for. */
export interface MetaCommand {
  kind: "meta";
  /** From the backslash to the end of its line, at most 1000 bytes. */
  text: string;
  line: number;
  /** It begins its line and stands between statements, as pg_dump writes it. */
  alone: boolean;
}

/** pg_dump's and pg_dumpall's opening comment. */
export interface BeginMarker {
  kind: "begin";
  of: "database" | "cluster";
  line: number;
}

/** pg_dump's or pg_dumpall's closing comment. A dump without one was cut short. */
export interface EndMarker {
  kind: "end";
  of: "database" | "cluster";
  line: number;
}

/** `-- Dumped from database version 16.4`, `-- Dumped by pg_dump version 16.4`. */
export interface VersionNote {
  kind: "version";
  of: "server" | "pg_dump";
  version: string;
  line: number;
}

/** When a statement runs. Indexes, keys and triggers wait until the rows are in. */
export type Phase = "pre-data" | "data" | "post-data";

/**
 * What may run at the same time after the data. Steps run in this order; inside the first three, statements of
 * different tables are independent; statements of `rest` run one by one in the dump's order.
 */
export type PostDataStep = "index" | "attach" | "foreign-key" | "rest" | "refresh";

export type Verdict =
  | {
      verdict: "run";
      phase: Phase;
      /** The statement to send: the dump's own, or one with ownership and the like taken out. */
      sql: string;
      /** What it makes, fills or alters, schema-qualified and unquoted: `public.datavalue`. */
      objects: string[];
      /** The parser's name of the statement: `CreateStmt`, `IndexStmt`, `CopyStmt` … */
      type: string;
      /** The `search_path` the statement is written for: empty, or `public, pg_catalog` in dumps before 2018. */
      searchPath: string;
      /** Rows an INSERT holds. */
      rows?: number;
      /** Of post-data statements only. */
      step?: PostDataStep;
      /**
       * Large objects are written through a descriptor that lives as long as its transaction: statements from `open`
       * to `close` have to share one, in which descriptor 0 is free.
       */
      largeObject?: "create" | "open" | "write" | "close";
    }
  /** Harmless or ours to decide (owners, grants, extensions, comments on extensions …): left out, and said so. */
  | {
      verdict: "skip";
      reason: string;
      /** Of rows: their table, and how many an INSERT holds. */ table?: string;
      rows?: number;
    }
  /** The whole import fails, with this reason, the line and the text. */
  | { verdict: "refuse"; reason: string };
