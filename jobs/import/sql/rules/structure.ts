/** Tables and all that is built on them. */
import type { AlterTableCmd, Constraint, Node } from "libpg-query";
import { isCatalogType, isReservedName } from "../catalog";
import { quoteName } from "../../load/constraint";
import { as, find, names, parseStatement, splitName } from "../tree";
import { objectNames, withoutItsTables } from "./absent";
import { reachingCall } from "./expressions";
import { isOwnership } from "./ownership";
import { postData, preData, refuse, silently, skip, type Ruling, type Rules, type Scope } from "./rule";

const comments = skip("comments on what extensions bring");
/** Kinds whose objects `made` has, so that others are an extension's. */
const OF_EXTENSIONS =
  /^OBJECT_(AGGREGATE|COLUMN|DOMAIN|FUNCTION|MATVIEW|PROCEDURE|ROUTINE|SEQUENCE|TABLE|TYPE|VIEW)$/;
const owners = skip("owners: everything belongs to the server's own role");
const drops = skip("DROP: the import begins with an empty database");

export const structureRules: Rules = {
  CreateStmt(create, scope) {
    const table = scope.qualify(create.relation);
    if (create.relation?.relpersistence === "t") return refuse("a temporary table");
    if (create.tablespacename)
      return refuse("a tablespace in CREATE TABLE; pg_dump does not write one there");
    if ((create.accessMethod ?? "heap") !== "heap")
      return refuse(`the table access method ${create.accessMethod}`);
    if (find(create.tableElts, (type) => (type === "TableLikeClause" ? true : undefined))) {
      return refuse("CREATE TABLE … LIKE, which pg_dump does not write");
    }
    return make(scope, table) ?? preData(table);
  },

  ViewStmt(view, scope) {
    const name = scope.qualify(view.view);
    if (view.view?.relpersistence === "t") return refuse("a temporary view");
    // pg_dump --clean empties a view in this way before it drops what the view needs.
    if (view.replace && !scope.made.has(name)) return drops;
    return withoutItsTables(name, view.query, scope) ?? make(scope, name) ?? preData(name);
  },

  CreateTableAsStmt(create, scope) {
    const name = scope.qualify(create.into?.rel);
    if (create.objtype !== "OBJECT_MATVIEW") return refuse("CREATE TABLE … AS, which pg_dump does not write");
    if (!create.into?.skipData)
      return refuse("a materialized view without WITH NO DATA, which pg_dump writes");
    if (create.into.tableSpaceName) return refuse("a tablespace in CREATE MATERIALIZED VIEW");
    if ((create.into.accessMethod ?? "heap") !== "heap")
      return refuse(`the access method ${create.into.accessMethod}`);
    return withoutItsTables(name, create.query, scope) ?? make(scope, name) ?? preData(name);
  },

  RefreshMatViewStmt: (refresh, scope) =>
    refresh.concurrent
      ? refuse("REFRESH … CONCURRENTLY, which pg_dump does not write")
      : postData("refresh", scope.qualify(refresh.relation)),

  CreateSeqStmt(create, scope) {
    const name = scope.qualify(create.sequence);
    if (create.sequence?.relpersistence === "t") return refuse("a temporary sequence");
    return make(scope, name) ?? preData(name);
  },
  AlterSeqStmt: (alter, scope) => preData(scope.qualify(alter.sequence)),

  AlterTableStmt(alter, scope) {
    const name = scope.qualify(alter.relation);
    const rulings = (alter.cmds ?? []).map((node) =>
      alterTable(as(node, "AlterTableCmd"), name, alter.objtype, scope),
    );
    const worst = rulings.find((ruling) => ruling.verdict === "refuse");
    const [first] = rulings;
    if (!first || worst) return worst ?? refuse("ALTER TABLE without a command");
    if (rulings.some((ruling) => ruling.verdict !== first.verdict)) {
      return refuse(
        "one ALTER TABLE with commands to run and commands to leave out, which pg_dump does not write",
      );
    }
    return rulings.find((ruling) => ruling.verdict === "run" && ruling.phase === "post-data") ?? first;
  },

  IndexStmt(index, scope) {
    if (index.tableSpace) return refuse("a tablespace in CREATE INDEX; pg_dump does not write one there");
    if (index.concurrent) return refuse("CREATE INDEX CONCURRENTLY, which pg_dump does not write");
    return postData("index", scope.qualify(index.relation));
  },
  CreateStatsStmt: (create, scope) => postData("rest", scope.qualifyNames(names(create.defnames))),
  AlterStatsStmt: (alter, scope) => postData("rest", scope.qualifyNames(names(alter.defnames))),

  CreateEnumStmt: (create, scope) => type(create.typeName, scope),
  CreateRangeStmt: (create, scope) => type(create.typeName, scope),
  CreateDomainStmt: (create, scope) => type(create.domainname, scope),
  CompositeTypeStmt(create, scope) {
    const name = create.typevar?.relname ?? "";
    return type(
      create.typevar?.schemaname ? [string(create.typevar.schemaname), string(name)] : [string(name)],
      scope,
    );
  },
  // A domain's check that is not validated is added after the data.
  AlterDomainStmt(alter, scope) {
    const name = scope.qualifyNames(names(alter.typeName));
    if (alter.subtype === "C") return postData("rest", name);
    return alter.subtype === "X" ? drops : refuse("ALTER DOMAIN other than ADD CONSTRAINT");
  },

  CreatePolicyStmt(create, scope) {
    const everyone = (create.roles ?? []).every(
      (node) => as(node, "RoleSpec")?.roletype === "ROLESPEC_PUBLIC",
    );
    if (!everyone)
      return skip("row security policies for roles the server does not have: their rows stay hidden");
    return postData("rest", scope.qualify(create.table));
  },

  CommentStmt(comment, scope) {
    if (isOwnership(comment.objtype, comment.object)) return silently;
    // Only the owner may comment, and PostGIS's functions are the administrator's.
    const ofRelation = OF_EXTENSIONS.test(comment.objtype ?? "");
    if (ofRelation && !objectNames(comment.object, scope).some((name) => scope.made.has(name)))
      return comments;
    return postData("rest");
  },

  RuleStmt(rule, scope) {
    const table = scope.qualify(rule.relation);
    if (rule.rulename === "_RETURN" && rule.event === "CMD_SELECT")
      return viewOfRule(table, rule.actions, scope);
    if (/^edge_insert_rule$/.test(rule.rulename ?? "") && scope.extensions.has("postgis_topology")) {
      return skip("rules of PostGIS's topologies: the extension is left out");
    }
    return refuse(`the rule ${rule.rulename} rewrites queries; make it a view or a trigger before the dump`);
  },
};

/**
 * pg_dump 9.6 writes a view that needs a key as a table without rows, and makes it a view when the key is there.
 * PostgreSQL 16 and later do not take that; a view they take.
 */
function viewOfRule(table: string, actions: Node[] | undefined, scope: Scope): Ruling {
  const query = /\sDO INSTEAD\s+((?:SELECT|WITH)\s.*)$/s.exec(scope.sql)?.[1];
  const name = quoteName(table);
  const { statement } = parseStatement(`CREATE VIEW ${name} AS ${query}`);
  const view = as(statement, "ViewStmt");
  if (
    !view ||
    actions?.length !== 1 ||
    !scope.made.has(table) ||
    scope.filled.has(table) ||
    reachingCall(view)
  ) {
    return refuse(`the rule "_RETURN" of ${table} in another form than pg_dump's`);
  }
  const missing = withoutItsTables(table, view.query, scope);
  const sql = `DROP TABLE ${name}; CREATE VIEW ${name} AS ${query}`;
  return missing ?? ({ ...postData("rest", table), sql } as Ruling);
}

/** Notes that the dump makes a relation; a ruling when it must not have that name. */
function make(scope: Scope, relation: string): Ruling | undefined {
  const [schema = "", name = ""] = splitName(relation);
  if (isReservedName(name) || schema === "information_schema" || isReservedName(schema)) {
    return refuse(`the name ${relation}: names that begin with pg_ are PostgreSQL's own`);
  }
  scope.made.add(relation);
  return undefined;
}

function type(parts: Node[] | undefined, scope: Scope): Ruling {
  const name = names(parts).at(-1) ?? "";
  if (isCatalogType(name)) return refuse(`a type called ${name}, as one of PostgreSQL's own`);
  const full = scope.qualifyNames(names(parts));
  scope.made.add(full);
  return preData(full);
}

function string(sval: string): Node {
  return { String: { sval } };
}

function alterTable(
  command: AlterTableCmd | undefined,
  table: string,
  objtype: string | undefined,
  scope: Scope,
): Ruling {
  switch (command?.subtype) {
    case "AT_ChangeOwner":
      return owners;
    case "AT_DropConstraint":
      return drops;
    case "AT_ColumnDefault":
      // Without an expression it is DROP DEFAULT, of pg_dump --clean.
      return command.def ? preData(table) : drops;
    case "AT_AddIdentity": {
      const sequence = find(command.def, (kind, node) => {
        const option = node as { defname?: string; arg?: Node };
        return kind === "DefElem" && option.defname === "sequence_name" ? option.arg : undefined;
      });
      if (sequence) scope.made.add(scope.qualifyNames(names(as(sequence, "List")?.items)));
      return preData(table);
    }
    case "AT_SetStatistics":
      return objtype === "OBJECT_INDEX" ? postData("rest", table) : preData(table);
    case "AT_SetNotNull":
    case "AT_SetStorage":
    case "AT_SetCompression":
    case "AT_SetOptions":
    case "AT_SetLogged":
    case "AT_SetUnLogged":
      return preData(table);
    case "AT_AttachPartition": {
      const part = as(command.def, "PartitionCmd")?.name;
      const objects = [table, scope.qualify(part)];
      return objtype === "OBJECT_INDEX" ? postData("attach", ...objects) : preData(...objects);
    }
    case "AT_AddConstraint":
      return constraint(as(command.def, "Constraint"), table, scope);
    case "AT_ClusterOn":
    case "AT_ReplicaIdentity":
    case "AT_EnableRowSecurity":
    case "AT_ForceRowSecurity":
    case "AT_EnableTrig":
    case "AT_EnableAlwaysTrig":
    case "AT_EnableReplicaTrig":
    case "AT_DisableTrig":
      return postData("rest", table);
    case "AT_EnableTrigAll":
    case "AT_DisableTrigAll":
      return skip("DISABLE TRIGGER ALL of pg_dump --disable-triggers: triggers are made after the data");
    default:
      return refuse(`ALTER TABLE … ${command?.subtype?.slice(3) ?? ""}, which pg_dump does not write`);
  }
}

function constraint(constraint: Constraint | undefined, table: string, scope: Scope): Ruling {
  if (constraint?.indexspace)
    return refuse("a tablespace in ADD CONSTRAINT; pg_dump does not write one there");
  switch (constraint?.contype) {
    case "CONSTR_PRIMARY":
    case "CONSTR_UNIQUE":
    case "CONSTR_EXCLUSION":
      return postData("index", table);
    case "CONSTR_FOREIGN":
      return postData("foreign-key", table, scope.qualify(constraint.pktable));
    case "CONSTR_CHECK":
    case "CONSTR_NOTNULL":
      return postData("rest", table);
    default:
      return refuse("ADD CONSTRAINT of a kind pg_dump does not write");
  }
}
