/**
 * What cannot or shall not be made, and with it what is built on it: views on tables that are not in the dump, and what
 * a person has named with --leave-out. To leave a thing out never runs anything.
 */
import type { Node, RangeVar } from "libpg-query";
import { as, find, joinName, names } from "../tree";
import { skip, type Ruling, type Scope } from "./rule";

/** Relations that PostGIS brings. */
const ofExtensions = /^(spatial_ref_sys|geometry_columns|geography_columns)$/;

/** Fields of a statement that name what it makes or is about. */
const plainNames = [
  "trigname",
  "subname",
  "extname",
  "schemaname",
  "fdwname",
  "servername",
  "pubname",
  "rulename",
];
const relations = ["relation", "view", "sequence", "table", "typevar", "pktable", "rel"];
const qualifiedNames = [
  "funcname",
  "defnames",
  "typeName",
  "domainname",
  "opfamilyname",
  "opclassname",
  "cfgname",
];

/** Names of what a statement makes, changes, fills or calls: `schema.name`, or the bare name of what has no schema. */
export function subjectsOf(type: string, node: unknown, scope: Scope): string[] {
  const fields = node as Record<string, Node | Node[] | RangeVar | string | undefined>;
  const subjects: (string | undefined)[] = [
    ...plainNames.map((field) => fields[field] as string | undefined),
    ...relations.map((field) => relationOf(fields[field] as RangeVar | undefined, scope)),
    ...qualifiedNames.map((field) => qualified(fields[field] as Node[] | undefined, scope)),
  ];
  const into = (node as { into?: { rel?: RangeVar } }).into;
  subjects.push(relationOf(into?.rel, scope));
  if (type === "CreateCastStmt") {
    const { sourcetype, targettype } = node as Record<string, { names?: Node[] } | undefined>;
    subjects.push(`(${typeName(sourcetype)} AS ${typeName(targettype)})`);
  }
  if (type === "CommentStmt" || type === "AlterOwnerStmt")
    subjects.push(...objectNames(fields["object"] as Node, scope));
  if (type === "AlterTableStmt") {
    const key = find(fields["cmds"], (kind, value) => (kind === "pktable" ? (value as RangeVar) : undefined));
    subjects.push(relationOf(key, scope));
  }
  return subjects.filter((name): name is string => name !== undefined && name !== "");
}

/** Names of a comment's object: of a column also its table's. */
export function objectNames(object: Node | undefined, scope: Scope): string[] {
  const parts =
    names(
      as(object, "ObjectWithArgs")?.objname ?? as(object, "List")?.items ?? as(object, "TypeName")?.names,
    ) ?? [];
  const bare = as(object, "String")?.sval;
  if (bare !== undefined) return [bare];
  const shorter = parts.slice(0, -1);
  return [scope.qualifyNames(parts), ...(shorter.length > 0 ? [scope.qualifyNames(shorter)] : [])];
}

function typeName(type: { names?: Node[] } | undefined): string {
  return joinName(names(type?.names).filter((part) => part !== "pg_catalog"));
}

function relationOf(relation: RangeVar | undefined, scope: Scope): string | undefined {
  return relation?.relname === undefined ? undefined : scope.qualify(relation);
}

function qualified(parts: Node[] | undefined, scope: Scope): string | undefined {
  return Array.isArray(parts) && parts.length > 0 ? scope.qualifyNames(names(parts)) : undefined;
}

/** A view's ruling when one of the relations that it reads is neither in the dump nor PostgreSQL's or PostGIS's. */
export function withoutItsTables(view: string, query: unknown, scope: Scope): Ruling | undefined {
  const own = new Set<string>();
  find(query, (type, node) => {
    if (type === "CommonTableExpr") own.add((node as { ctename?: string }).ctename ?? "");
    return undefined;
  });
  const missing = find(query, (type, node) => {
    if (type !== "RangeVar") return undefined;
    const { schemaname, relname = "" } = node as RangeVar;
    if (schemaname === undefined && own.has(relname)) return undefined;
    if (schemaname === "pg_catalog" || schemaname === "information_schema") return undefined;
    const name = scope.qualify(node as RangeVar);
    return scope.made.has(name) ||
      ofExtensions.test(relname) ||
      (/^pg_/.test(relname) && schemaname === undefined)
      ? undefined
      : name;
  });
  if (missing === undefined) return undefined;
  const reason = `views on tables that are not in the dump, and what is built on these: ${view} (${missing})`;
  scope.absent.set(view, reason);
  return skip(reason);
}
