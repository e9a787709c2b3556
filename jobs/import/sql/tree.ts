/** Reading libpg_query's parse trees. */
import { parseSync, type Node, type RangeVar } from "libpg-query";

type NodeName = Node extends infer N ? (N extends unknown ? keyof N : never) : never;
/** Every kind of node by its name. */
export type Nodes = { [K in NodeName]: Extract<Node, Record<K, unknown>>[K] };

/**
 * Longest statement given to the parser, in characters; a tree takes some hundred times the memory of its text. What
 * is longer in an honest dump is an INSERT of constants, and is recognised without a parse.
 */
const maxParsed = 1 << 20;

/** The parse tree of exactly one statement, or what stands in the way of it. The parser has to be loaded. */
export function parseStatement(
  sql: string,
): { statement: Node; problem?: undefined } | { statement?: undefined; problem: string } {
  if (sql.length > maxParsed) return { problem: "it is longer than 1 MiB, and more than rows of constants" };
  try {
    const [first, ...others] = parseSync(sql).stmts ?? [];
    if (!first?.stmt || others.length > 0) return { problem: "it is not one statement" };
    return { statement: first.stmt };
  } catch (error) {
    const why = error instanceof RangeError ? "it is nested too deeply" : (error as Error).message;
    return { problem: `PostgreSQL's parser does not accept it (${why})` };
  }
}

export function isNode<K extends NodeName>(
  node: Node | undefined,
  type: K,
): node is Extract<Node, Record<K, unknown>> {
  return node !== undefined && type in node;
}

/** The node's contents, when it is of that kind. */
export function as<K extends NodeName>(node: Node | undefined, type: K): Nodes[K] | undefined {
  return isNode(node, type) ? (node[type as keyof typeof node] as Nodes[K]) : undefined;
}

/** The parts of a dotted name. */
export function names(list: Node[] | undefined): string[] {
  return (list ?? []).map((node) => as(node, "String")?.sval ?? "");
}

/** A constant's value; undefined when the expression is anything but one. Numbers too large for it stay text. */
export function constant(node: Node | undefined): string | number | boolean | null | undefined {
  const value = as(node, "A_Const");
  if (!value) return undefined;
  if (value.isnull) return null;
  if (value.sval) return value.sval.sval ?? "";
  if (value.ival) return value.ival.ival ?? 0;
  if (value.boolval) return value.boolval.boolval ?? false;
  return value.fval?.fval ?? value.bsval?.bsval;
}

/** `schema.name`, with quotes only around a part that has a dot or a quote in it: so each name is one object's. */
export function joinName(parts: string[]): string {
  return parts.map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join(".");
}

/** The parts of what `joinName` has put together. */
export function splitName(name: string): string[] {
  const parts = name.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [];
  return parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
}

export function relationName(relation: RangeVar | undefined, defaultSchema: string | undefined): string {
  const schema = relation?.schemaname ?? defaultSchema;
  return joinName(
    [schema, relation?.relname].filter((part) => part !== undefined && part !== "") as string[],
  );
}

/** Visits every node below `tree`, itself included; the first answer ends it. */
export function find<T>(tree: unknown, visit: (type: string, node: unknown) => T | undefined): T | undefined {
  // Without recursion: a sum of some thousand terms is that deep.
  const waiting: [type: string | undefined, node: unknown][] = [[undefined, tree]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [type, node] = next;
    const found = type === undefined ? undefined : visit(type, node);
    if (found !== undefined) return found;
    if (typeof node !== "object" || node === null) continue;
    const below: typeof waiting = Array.isArray(node)
      ? node.map((item) => [undefined, item])
      : Object.entries(node);
    for (let i = below.length - 1; i >= 0; i--) waiting.push(below[i] as (typeof waiting)[number]);
  }
  return undefined;
}
