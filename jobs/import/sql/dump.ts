/**
 * What a plain SQL dump is made of, once it has been split, and what the judge says of each part.
 * The reader (`split.ts`, `judge.ts`) produces these; the loader consumes them.
 */

/** One part of a plain SQL dump, in the order of the file. */
export type DumpItem = Statement | CopyBlock | MetaCommand | EndMarker;

/** One SQL statement, without its terminating semicolon. */
export interface Statement {
  kind: "statement";
  sql: string;
  /** Line of the statement's first token; the first line of the dump is 1. */
  line: number;
}

/** `COPY … FROM stdin` and the rows after it, up to and without the line `\.`. */
export interface CopyBlock {
  kind: "copy";
  sql: string;
  line: number;
  /**
   * The rows as they stand in the dump. Every chunk ends at a row's end, so that rows can be handed to several
   * connections. It has to be read to its end before the next item is asked for.
   */
  rows: AsyncIterable<Buffer>;
}

/** A psql meta-command: a line that PostgreSQL's grammar has no place for. */
export interface MetaCommand {
  kind: "meta";
  /** The line as it stands in the dump, without its line end. */
  text: string;
  line: number;
}

/** pg_dump's closing comment, `-- PostgreSQL database dump complete`. A dump without one was cut short. */
export interface EndMarker {
  kind: "end";
  line: number;
}

/** When a statement runs. Indexes, keys and triggers wait until the rows are in. */
export type Phase = "pre-data" | "data" | "post-data";

export type Verdict =
  | {
      verdict: "run";
      phase: Phase;
      /** The statement to send: the dump's own, or one with ownership and the like taken out. */
      sql: string;
      /** What it makes, fills or alters, schema-qualified: `public.datavalue`. */
      objects: string[];
      /** The parser's name of the statement: `CreateStmt`, `IndexStmt`, `CopyStmt` … */
      type: string;
    }
  /** Harmless or ours to decide (owners, grants, extensions, comments on extensions …): left out, and said so. */
  | { verdict: "skip"; reason: string }
  /** The whole import fails, with this reason, the line and the text. */
  | { verdict: "refuse"; reason: string };
