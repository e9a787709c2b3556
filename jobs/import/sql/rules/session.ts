/** Settings and transactions: the import makes its own, and only reads from the dump's what they mean for the rest. */
import type { VariableSetStmt } from "libpg-query";
import { readerSetting } from "../split";
import { constant } from "../tree";
import { refuse, silently, type Ruling, type Rules, type Scope } from "./rule";

/** What pg_dump and pg_dumpall 9.6 to 18 set. */
const settings = new Set([
  "check_function_bodies",
  "client_min_messages",
  "default_table_access_method",
  "default_tablespace",
  "default_toast_compression",
  "default_transaction_read_only",
  "default_with_oids",
  "escape_string_warning",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "lock_timeout",
  "row_security",
  "statement_timeout",
  "transaction_timeout",
  "xmloption",
]);

const takesRights: Record<string, string> = {
  role: "SET ROLE changes whose rights the rest is run with",
  session_authorization:
    "SET SESSION AUTHORIZATION changes whose rights the rest is run with; dump without --use-set-session-authorization",
  session_replication_role: "SET session_replication_role switches foreign keys and triggers off",
};

export const sessionRules: Rules = {
  VariableSetStmt(set, scope) {
    const name = set.name?.toLowerCase() ?? "";
    const why = takesRights[name];
    if (why) return refuse(why);
    if (set.is_local || set.kind !== "VAR_SET_VALUE")
      return refuse(`SET LOCAL, RESET or SET … TO DEFAULT of ${name}`);
    if (name === "search_path") return searchPath(set, scope);
    if (name === "client_encoding" || name === "standard_conforming_strings") {
      // The splitter reads the rest of the dump by these: one it cannot have seen would make it read wrongly.
      return readerSetting(scope.sql) ? silently : refuse(`${name} set in another form than pg_dump's`);
    }
    return settings.has(name) ? silently : refuse(`SET ${name}: none of the settings pg_dump makes`);
  },

  TransactionStmt(transaction) {
    return transaction.kind === "TRANS_STMT_BEGIN" || transaction.kind === "TRANS_STMT_COMMIT"
      ? silently
      : refuse("a transaction command other than BEGIN and COMMIT");
  },
};

/** pg_dump before 2018 writes `SET search_path = schema, pg_catalog`, and names what follows without a schema. */
function searchPath(set: VariableSetStmt, scope: Scope): Ruling {
  const path = (set.args ?? []).map(constant);
  const [schema, last] = path.length > 1 ? path : [undefined, path[0]];
  if (path.length === 1 && last === "") {
    scope.searchPath = "";
    return silently;
  }
  if (
    path.length > 2 ||
    last !== "pg_catalog" ||
    (schema !== undefined &&
      (typeof schema !== "string" || !/^[^$]/.test(schema) || schema.startsWith("pg_")))
  ) {
    return refuse("a search_path other than pg_dump's (empty, or one schema and then pg_catalog)");
  }
  scope.searchPath = schema === undefined ? "pg_catalog" : `${quoteName(String(schema))}, pg_catalog`;
  return silently;
}

export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replace(/"/g, '""')}"`;
}
