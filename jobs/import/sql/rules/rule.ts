/** What a rule about one kind of statement works with. */
import type { RangeVar } from "libpg-query";
import type { Phase, PostDataStep, Verdict } from "../dump";
import type { Nodes } from "../tree";

/** What the dump has said so far. */
export interface Scope {
  /** The text being judged. */
  readonly sql: string;
  /** Where it stands: among pg_dumpall's globals, or in a database's own part. */
  readonly part: "globals" | "database";
  /** Names of the databases the dump makes or connects to; none in an ordinary dump of one. */
  readonly databases: Set<string>;
  /** Schemas, tables, types, functions … that the dump has made in this database. */
  readonly made: Set<string>;
  /** Tables that rows were for. */
  readonly filled: Set<string>;
  /** Extensions the dump asks for. */
  readonly extensions: Set<string>;
  /** What the dump names but the new database will not have, by `schema.name`, and why. */
  readonly absent: Map<string, string>;
  searchPath: string;
  /** `schema.name`; an unqualified one by the search_path. */
  qualify(relation: RangeVar | undefined): string;
  qualifyNames(parts: string[]): string;
  /** The data of this table are not wanted. */
  excludesData(table: string): boolean;
}

type Skip = Extract<Verdict, { verdict: "skip" }>;
type Refuse = Extract<Verdict, { verdict: "refuse" }>;

export type Ruling =
  | {
      verdict: "run";
      phase: Phase;
      objects: string[];
      step?: PostDataStep;
      sql?: string;
      rows?: number;
      largeObject?: "create" | "open" | "write" | "close";
    }
  | Skip
  | Refuse;

/** One rule a kind of statement; a kind without one is refused. */
export type Rules = { [K in keyof Nodes]?: (statement: Nodes[K], scope: Scope) => Ruling };

export const preData = (...objects: string[]): Ruling => ({ verdict: "run", phase: "pre-data", objects });
export const data = (...objects: string[]): Ruling => ({ verdict: "run", phase: "data", objects });
export const postData = (step: PostDataStep, ...objects: string[]): Ruling => ({
  verdict: "run",
  phase: "post-data",
  step,
  objects,
});
export const skip = (reason: string): Skip => ({ verdict: "skip", reason });
export const refuse = (reason: string): Refuse => ({ verdict: "refuse", reason });

/** Left out without a word: nobody misses it. */
export const silently = skip("");
