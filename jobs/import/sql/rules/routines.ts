/** Functions, aggregates and what calls them by itself: code that comes with the dump, and runs as an ordinary role. */
import { parsePlPgSQLSync, parseSync, type CreateFunctionStmt, type DefElem, type Node } from "libpg-query";
import { isCatalogFunction } from "../catalog";
import { as, constant, find, names } from "../tree";
import { reachingCall, reachingName } from "./expressions";
import { postData, preData, refuse, skip, type Ruling, type Rules } from "./rule";

const languages = ["sql", "plpgsql"];

/**
 * In every DHIS2 since 2.35, from the time before PostgreSQL 13 had one of its own. Calls name no schema, and so mean
 * PostgreSQL's: the catalogue comes first in every search path.
 */
export const DHIS2S_UUID = "public.gen_random_uuid";

/** Settings a function may carry (`SET search_path TO …`): they last as long as its call and give it no rights. */
const functionSettings =
  /^(search_path|timezone|datestyle|intervalstyle|bytea_output|extra_float_digits|work_mem|jit|enable_\w+|statement_timeout|lock_timeout|client_min_messages|default_text_search_config|plpgsql\.\w+|xmloption|max_parallel_workers_per_gather)$/;

export const routineRules: Rules = {
  CreateFunctionStmt(create, scope) {
    const name = names(create.funcname).at(-1) ?? "";
    const full = scope.qualifyNames(names(create.funcname));
    if (full === DHIS2S_UUID && !create.parameters?.length) {
      return skip(
        `the function ${full}() of DHIS2's migration 2.35.6: PostgreSQL's own is called in its place`,
      );
    }
    if (isCatalogFunction(name)) return shadows(full);
    const options = (create.options ?? []).map((node) => as(node, "DefElem") ?? {});
    for (const option of options) {
      const problem = optionProblem(option);
      if (problem) return refuse(`the function ${full}: ${problem}`);
    }
    const language = text(options.find((option) => option.defname === "language")) ?? "sql";
    const problem = bodyProblem(language, create, options, scope.sql);
    if (problem) return refuse(`the function ${full}: ${problem}`);
    scope.made.add(full);
    return preData(full);
  },

  DefineStmt(define, scope) {
    const full = scope.qualifyNames(names(define.defnames));
    switch (define.kind) {
      case "OBJECT_AGGREGATE": {
        if (isCatalogFunction(names(define.defnames).at(-1) ?? "")) return shadows(full);
        // What it is computed by are function names in the guise of types.
        const reaching = find(define.definition, (type, node) =>
          type === "TypeName" ? reachingName((node as { names?: Node[] }).names) : undefined,
        );
        if (reaching) return refuse(`the aggregate ${full} by way of ${reaching}`);
        scope.made.add(full);
        return preData(full);
      }
      case "OBJECT_COLLATION":
      case "OBJECT_TSDICTIONARY":
      case "OBJECT_TSCONFIGURATION":
        return preData(full);
      case "OBJECT_OPERATOR":
        return refuse(`the operator ${full}: it could be taken for one of PostgreSQL's own`);
      case "OBJECT_TYPE":
        return refuse(`the base type ${full}, which only functions in C can make`);
      default:
        return refuse("CREATE of a kind pg_dump of a DHIS2 database does not write");
    }
  },
  AlterTSConfigurationStmt: (alter, scope) => preData(scope.qualifyNames(names(alter.cfgname))),

  CreateTrigStmt(create, scope) {
    const reaching = reachingName(create.funcname);
    if (reaching) return refuse(`a trigger that calls ${reaching}`);
    return postData("rest", scope.qualify(create.relation));
  },
};

function shadows(name: string): Ruling {
  return refuse(
    `the function ${name}: PostgreSQL has one of that name (or keeps it for itself), in whose place it could be called`,
  );
}

function text(option: DefElem | undefined): string | undefined {
  return as(option?.arg, "String")?.sval;
}

function optionProblem(option: DefElem): string | undefined {
  switch (option.defname) {
    case "language":
      return languages.includes(text(option) ?? "")
        ? undefined
        : `LANGUAGE ${text(option)}; only ${languages.join(" and ")} are allowed`;
    case "security":
      return as(option.arg, "Boolean")?.boolval
        ? "SECURITY DEFINER would run it with its owner's rights, whoever calls it"
        : undefined;
    case "leakproof":
      return as(option.arg, "Boolean")?.boolval ? "LEAKPROOF lets it see rows that are hidden" : undefined;
    case "set": {
      const name = as(option.arg, "VariableSetStmt")?.name?.toLowerCase() ?? "";
      return functionSettings.test(name) ? undefined : `SET ${name}`;
    }
    case "as":
    case "volatility":
    case "strict":
    case "cost":
    case "rows":
    case "parallel":
      return undefined;
    default:
      return `the option ${option.defname}`;
  }
}

/**
 * What stands in the way of a body. PL/pgSQL puts SQL together as it runs, so that no reading of it is complete: the
 * fence is the role without rights that it runs as. What a body says openly is refused all the same, with its line.
 */
function bodyProblem(
  language: string,
  create: CreateFunctionStmt,
  options: DefElem[],
  sql: string,
): string | undefined {
  if (create.sql_body) return undefined; // parsed with the statement: its calls have been looked at
  const body = as(options.find((option) => option.defname === "as")?.arg, "List")?.items ?? [];
  if (body.length !== 1) return "a body in two parts, which is how functions in C are named";
  if (language === "sql") return sqlProblem(names(body)[0] ?? "");
  let tree: unknown;
  try {
    tree = parsePlPgSQLSync(sql);
  } catch {
    return undefined; // not even PL/pgSQL's parser makes anything of it, or it needs the catalogue to
  }
  return find(tree, (type, node) => {
    if (type === "PLpgSQL_stmt_dynexecute") return find((node as { query?: unknown }).query, executeProblem);
    return type === "PLpgSQL_expr" ? sqlProblem(asStatement(node as PlPgSqlExpression)) : undefined;
  });
}

interface PlPgSqlExpression {
  query?: string;
  /** 0 a statement, 2 an expression, 3 and more an assignment. */
  parseMode?: number;
}

function asStatement({ query = "", parseMode = 0 }: PlPgSqlExpression): string {
  if (parseMode === 0) return query;
  return `SELECT ${parseMode === 2 ? query : query.replace(/^[^=]*=/, "")}`;
}

/** What a function may say openly: work on rows, and on tables of its own. */
const allowed = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CallStmt",
  "CreateStmt",
  "CreateTableAsStmt",
  "DropStmt",
  "IndexStmt",
  "AlterTableStmt",
  "TruncateStmt",
  "LockStmt",
  "VacuumStmt",
  "RefreshMatViewStmt",
  "TransactionStmt",
  "VariableSetStmt",
  "ExplainStmt",
  "CommentStmt",
  "ViewStmt",
  "CreateSeqStmt",
  "AlterSeqStmt",
  "ConstraintsSetStmt",
  "NotifyStmt",
  "GrantStmt",
  "CreateSchemaStmt",
  "CreateTrigStmt",
  "RenameStmt",
]);

function sqlProblem(sql: string): string | undefined {
  let statements;
  try {
    statements = parseSync(sql).stmts ?? [];
  } catch {
    return undefined; // what does not parse does not run either
  }
  for (const { stmt } of statements) {
    const type = Object.keys(stmt ?? {})[0] ?? "";
    if (!allowed.has(type)) return `its body holds a statement that is not allowed (${type})`;
    const set = as(stmt, "VariableSetStmt");
    if (set && !functionSettings.test(set.name?.toLowerCase() ?? "")) return `its body holds SET ${set.name}`;
    const call = reachingCall(stmt);
    if (call) return `its body calls ${call}`;
  }
  return undefined;
}

const openly =
  /^\s*(copy|do|load|alter\s+(system|role|user|database)|create\s+(role|user|extension|server|event|subscription|tablespace)|set\s+(session\s+|local\s+)?(role|session))\b/i;

/** `EXECUTE 'COPY …'`: what is put together counts by its first words. */
function executeProblem(type: string, node: unknown): string | undefined {
  if (type !== "PLpgSQL_expr") return undefined;
  try {
    const tree = parseSync(asStatement(node as PlPgSqlExpression));
    return find(tree, (kind, value) => {
      if (kind !== "A_Const") return undefined;
      const literal = constant({ A_Const: value } as Node);
      const match = typeof literal === "string" ? openly.exec(literal) : null;
      return match ? `its body executes ${match[0].trim().toUpperCase()}` : undefined;
    });
  } catch {
    return undefined;
  }
}
