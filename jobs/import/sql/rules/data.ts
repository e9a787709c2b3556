/** Rows: COPY, INSERT, sequences' positions, large objects. What they compute is literal. */
import type { FuncCall } from "libpg-query";
import { extensionOf, extensionRule } from "../extensions";
import { as, constant, names, splitName } from "../tree";
import { isLiteral } from "./expressions";
import { data, refuse, silently, skip, type Ruling, type Rules, type Scope } from "./rule";

export const dataRules: Rules = {
  CopyStmt(copy, scope) {
    if (!copy.is_from) return refuse("COPY … TO writes data out of the database");
    if (copy.is_program) return refuse("COPY … FROM PROGRAM runs a program on the server");
    if (copy.filename) return refuse("COPY … FROM a file reads the server's own files");
    if (copy.options?.length || copy.whereClause) {
      return refuse("COPY with options; pg_dump writes none: COPY table (columns) FROM stdin");
    }
    return intoTable(scope.qualify(copy.relation), scope);
  },

  InsertStmt(insert, scope) {
    if (insert.withClause || insert.returningClause) return refuse("INSERT with WITH or RETURNING");
    const conflict = insert.onConflictClause;
    if (conflict && (conflict.action !== "ONCONFLICT_NOTHING" || conflict.infer)) {
      return refuse("INSERT … ON CONFLICT other than DO NOTHING");
    }
    // INSERT … DEFAULT VALUES has no select at all.
    const select = as(insert.selectStmt, "SelectStmt");
    const rows = select?.valuesLists ?? [];
    if (insert.selectStmt && rows.length === 0) return refuse("INSERT … SELECT: only VALUES is allowed");
    for (const row of rows) {
      if (!as(row, "List")?.items?.every(isLiteral)) {
        return refuse("INSERT with a value that is computed; only constants are allowed");
      }
    }
    return intoTable(scope.qualify(insert.relation), scope, rows.length || 1);
  },

  SelectStmt(select, scope) {
    const { targetList, fromClause, limitOption: _limit, op: _op, ...rest } = select;
    const call = as(as(targetList?.[0], "ResTarget")?.val, "FuncCall");
    if (statisticsCall(call) ?? statisticsCall(functionOf(fromClause?.[0]))) {
      return skip("planner statistics: the import gathers them again");
    }
    if (call && isUnlink(call)) return silently;
    if (!call || targetList?.length !== 1 || fromClause || Object.keys(rest).length > 0) return refused;
    return loadCall(call, scope);
  },
};

const refused = refuse(
  "a SELECT other than pg_dump's own (set_config of search_path, setval, large objects) would run at once",
);

const generatedAgain = "rows of analytics and resource tables, which DHIS2 generates again";

/** Rows may only go where the dump has made a table. */
export function intoTable(table: string, scope: Scope, rows?: number): Ruling {
  const left = { table, ...(rows !== undefined && { rows }) };
  const absent = scope.absent.get(table);
  if (absent !== undefined) return { ...skip(absent), ...left };
  if (!scope.made.has(table)) {
    const extension = extensionOf(table) ?? leftOutExtensionOf(table, scope);
    return extension
      ? { ...skip(`rows of ${table}, which belongs to the extension ${extension}`), ...left }
      : refuse(`rows for ${table}, a table the dump does not make; dump structure and data together`);
  }
  scope.filled.add(table);
  if (scope.excludesData(table)) return { ...skip(generatedAgain), ...left };
  return { verdict: "run", phase: "data", objects: [table], ...(rows !== undefined && { rows }) };
}

/**
 * pg_dump writes rows for a table that it does not make only of an extension's own. In a schema that the dump does not
 * make either they are of an extension that is left out.
 */
function leftOutExtensionOf(object: string, scope: Scope): string | undefined {
  const [schema = "", name] = splitName(object);
  if (name === undefined || schema === "public") return undefined;
  const leftOut = [...scope.extensions].filter((extension) => extensionRule(extension) === "left-out");
  return !scope.made.has(schema) && leftOut.length > 0 ? leftOut.join(" or ") : undefined;
}

function functionOf(from: Parameters<typeof as>[0]): FuncCall | undefined {
  const items = as(from, "RangeFunction")?.functions;
  return as(as(items?.[0], "List")?.items?.[0], "FuncCall");
}

function statisticsCall(call: FuncCall | undefined): true | undefined {
  const name = names(call?.funcname).join(".");
  return /^pg_catalog\.pg_(restore|clear)_(relation|attribute)_stats$/.test(name) ? true : undefined;
}

/** `pg_dump --clean`: drops large objects; the new database has none. */
function isUnlink(call: FuncCall): boolean {
  return names(call.funcname).join(".") === "pg_catalog.lo_unlink";
}

/** A call that a dump makes while it is loaded. */
function loadCall(call: FuncCall, scope: Scope): Ruling {
  const { funcname, args = [], funcformat: _format, location: _location, ...rest } = call;
  if (Object.keys(rest).length > 0) return refused;
  const values = args.map(constant);
  const [first, second, third] = values;
  if (values.includes(undefined)) return refused;
  switch (names(funcname).join(".")) {
    case "pg_catalog.set_config":
      if (first !== "search_path" || second !== "" || third !== false || values.length !== 3) {
        return refuse("set_config of anything but an empty search_path");
      }
      scope.searchPath = "";
      return silently;
    case "pg_catalog.setval": {
      if (typeof first !== "string") return refused;
      const sequence = scope.qualifyNames(unquote(first));
      const absent = scope.absent.get(sequence);
      if (absent !== undefined) return skip(absent);
      const extension = scope.made.has(sequence)
        ? undefined
        : (extensionOf(sequence) ?? leftOutExtensionOf(sequence, scope));
      return extension
        ? skip(`rows of ${sequence}, which belongs to the extension ${extension}`)
        : data(sequence);
    }
    case "pg_catalog.lo_create":
      return largeObject("create", first);
    case "pg_catalog.lo_open":
      return largeObject("open", first);
    case "pg_catalog.lowrite":
      return first === 0 ? largeObject("write") : refused;
    case "pg_catalog.lo_close":
      return first === 0 ? largeObject("close") : refused;
    default:
      return refused;
  }
}

export function largeObject(step: "create" | "open" | "write" | "close", oid?: unknown): Ruling {
  return {
    verdict: "run",
    phase: "data",
    objects: [oid === undefined ? "large objects" : `large object ${String(oid)}`],
    largeObject: step,
  };
}

/** The parts of a name given as text: `public."Odd Name"`. */
function unquote(name: string): string[] {
  const parts = name.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [];
  return parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replace(/""/g, '"') : part.toLowerCase(),
  );
}
