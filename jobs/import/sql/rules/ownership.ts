/**
 * What a dump says of roles, databases, ownership, rights and extensions. None of it is ever run: a server's owner and
 * rights are ours. The question is only whether an honest dump says such a thing in such a place (then it is left
 * out), or not (then it is refused).
 *
 * Roles and tablespaces: pg_dumpall writes them, before the first `\connect`, in a dump that begins with its own
 * comment "PostgreSQL database cluster dump". There they are left out; anywhere else they are refused. Someone who
 * forges the comment gains nothing but to have them left out. `ALTER ROLE … IN DATABASE` and `ALTER DATABASE` are
 * also pg_dump -C's, and left out when they are about a database of this dump.
 */
import type { Node } from "libpg-query";
import { extensionOfSchema, extensionRule, offered } from "../extensions";
import { as, names } from "../tree";
import { preData, refuse, silently, skip, type Ruling, type Rules, type Scope } from "./rule";
import { quoteName } from "./session";

const roles = skip("roles and their rights: they are the server's");
const owners = skip("owners: everything belongs to the server's own role");
const grants = skip("grants: rights are the server's");
const databases = skip("the database itself and its settings: they are the server's");
const publications = skip("publications: replication is not taken over");
const drops = skip("DROP: the import begins with an empty database");

/** Only among pg_dumpall's globals. */
const global = (ruling: Ruling, what: string) => (_statement: unknown, scope: Scope) =>
  scope.part === "globals" ? ruling : refuse(`${what} outside the globals of a pg_dumpall dump`);

const tablespaces = global(skip("tablespaces: storage is the server's"), "a tablespace command");

export const ownershipRules: Rules = {
  CreateRoleStmt: global(roles, "CREATE ROLE"),
  AlterRoleStmt: global(roles, "ALTER ROLE"),
  DropRoleStmt: global(drops, "DROP ROLE"),
  GrantRoleStmt: global(roles, "GRANT of a role"),
  AlterRoleSetStmt(set, scope) {
    if (set.database !== undefined && scope.databases.has(set.database)) return databases;
    return global(roles, "ALTER ROLE … SET")(set, scope);
  },
  CreateTableSpaceStmt: tablespaces,
  AlterTableSpaceOptionsStmt: tablespaces,
  DropTableSpaceStmt: tablespaces,

  CreatedbStmt(create, scope) {
    scope.databases.add(create.dbname ?? "");
    return databases;
  },
  AlterDatabaseStmt: (alter, scope) => ofThisDump(alter.dbname, scope),
  AlterDatabaseSetStmt: (alter, scope) => ofThisDump(alter.dbname, scope),
  DropdbStmt: () => drops,
  // pg_dumpall --clean turns template1 into an ordinary database to be able to drop it.
  UpdateStmt: (update, scope) =>
    scope.qualify(update.relation) === "pg_catalog.pg_database"
      ? databases
      : refuse("UPDATE: a dump only adds rows"),

  AlterOwnerStmt: () => owners,
  GrantStmt: () => grants,
  AlterDefaultPrivilegesStmt: () => grants,
  SecLabelStmt: () => skip("security labels"),
  DropStmt: () => drops,

  CreatePublicationStmt: () => publications,
  AlterPublicationStmt: () => publications,

  CreateExtensionStmt(create, scope) {
    const name = create.extname ?? "";
    scope.extensions.add(name);
    const schema = create.options?.map((node) => as(node, "DefElem")).find((o) => o?.defname === "schema");
    const where = as(schema?.arg, "String")?.sval ?? "public";
    switch (extensionRule(name)) {
      case "ours":
        return skip("extensions every server has: the import makes them itself");
      case "left-out":
        // Its schema is then not the dump's: rows in it are the extension's.
        scope.made.delete(where);
        return skip(`the extension ${name}: DHIS2 does without`);
      case "trusted": {
        // Its script runs as superuser: nothing of the dump's may be there for it to stumble over. pg_dump makes
        // extensions before anything but schemas and collations.
        if ([...scope.made].some((object) => object.includes("."))) {
          return refuse(`the extension ${name} after other things were made, where pg_dump never makes one`);
        }
        return {
          ...preData(`extension ${name}`),
          sql: `CREATE EXTENSION IF NOT EXISTS ${quoteName(name)} WITH SCHEMA ${quoteName(where)}`,
        } as Ruling;
      }
      case "dangerous":
        return refuse(`the extension ${name}, which reaches beyond the database`);
      default:
        return refuse(`the extension ${name}, which is not offered; these are: ${offered}`);
    }
  },
  // `ALTER INDEX … DEPENDS ON EXTENSION …`
  AlterObjectDependsStmt: () => skip("dependencies on extensions"),

  CreatePLangStmt: (create) =>
    create.plname === "plpgsql"
      ? silently
      : refuse(`the language ${create.plname}; only sql and plpgsql are allowed`),

  CreateSchemaStmt(create, scope) {
    const name = create.schemaname ?? "";
    if (create.authrole || create.schemaElts?.length || name === "") {
      return refuse("CREATE SCHEMA with AUTHORIZATION or contents, which pg_dump does not write");
    }
    if (name === "public") return silently;
    const extension = extensionOfSchema(name);
    if (extension) return skip(`the schema ${name}, which belongs to the extension ${extension}`);
    scope.made.add(name);
    return preData(name);
  },
};

function ofThisDump(database: string | undefined, scope: Scope): Ruling {
  return scope.part === "globals" || scope.databases.has(database ?? "")
    ? databases
    : refuse(`ALTER DATABASE of ${database}, a database the dump does not hold`);
}

/** Comments on what is left out are left out with it. */
export function isOwnership(objtype: string | undefined, object: Node | undefined): boolean {
  switch (objtype) {
    case "OBJECT_DATABASE":
    case "OBJECT_EXTENSION":
    case "OBJECT_ROLE":
    case "OBJECT_TABLESPACE":
    case "OBJECT_PUBLICATION":
    case "OBJECT_LARGEOBJECT":
    case "OBJECT_LANGUAGE":
    case "OBJECT_POLICY":
    // The dump cannot make these: they are an extension's.
    case "OBJECT_ACCESS_METHOD":
    case "OBJECT_CAST":
    case "OBJECT_CONVERSION":
    case "OBJECT_EVENT_TRIGGER":
    case "OBJECT_FDW":
    case "OBJECT_FOREIGN_SERVER":
    case "OBJECT_OPCLASS":
    case "OBJECT_OPERATOR":
    case "OBJECT_OPFAMILY":
    case "OBJECT_RULE":
    case "OBJECT_SUBSCRIPTION":
    case "OBJECT_TRANSFORM":
      return true;
    case "OBJECT_SCHEMA": {
      const schema = as(object, "String")?.sval ?? names(as(object, "List")?.items)[0] ?? "";
      return schema === "public" || extensionOfSchema(schema) !== undefined;
    }
    default:
      return false;
  }
}
