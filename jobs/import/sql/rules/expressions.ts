/** Expressions a dump stores (defaults, checks, views, bodies), and the few it computes while it is loaded. */
import type { Node } from "libpg-query";
import { as, constant, find, names } from "../tree";

/**
 * Functions that reach beyond the database's own data: the server's files, its processes and settings, other servers.
 * Most of them PostgreSQL keeps from an ordinary role anyway.
 */
const reaching = new RegExp(
  `^(?:${[
    "dblink.*",
    "postgres_fdw.*",
    "file_fdw.*",
    "lo_.*",
    "lo(?:get|put|read|write|create)",
    "lowrite",
    "set_config",
    "pg_(?:read|ls|stat)_(?:file|binary_file|.*dir).*",
    "pg_(?:file|logdir|logfile|rotate|reload|switch|create|drop|copy|promote|replication|logical)(?:_.*)?",
    "pg_(?:terminate|cancel)_backend",
    "pg_(?:backup_)?(?:start|stop)(?:_backup)?",
    "pg_(?:execute|import|export|restore|clear|log_|extension_|stat_reset|prewarm).*",
    "pg_nextoid",
    "binary_upgrade_.*",
  ].join("|")})$`,
);

/** The name of a function an expression must not call, if it calls one. Looks at whatever is below `tree`. */
export function reachingCall(tree: unknown): string | undefined {
  return find(tree, (type, node) => {
    if (type !== "FuncCall") return undefined;
    return reachingName((node as { funcname?: Node[] }).funcname);
  });
}

export function reachingName(parts: Node[] | undefined): string | undefined {
  const name = names(parts).at(-1)?.toLowerCase() ?? "";
  return reaching.test(name) ? name : undefined;
}

/** Whether it is a value and nothing else: a constant, signed, cast, or an array of such; or DEFAULT. */
export function isLiteral(node: Node | undefined): boolean {
  if (constant(node) !== undefined || as(node, "SetToDefault")) return true;
  const cast = as(node, "TypeCast");
  if (cast) return isLiteral(cast.arg);
  const array = as(node, "A_ArrayExpr");
  if (array) return (array.elements ?? []).every(isLiteral);
  const sign = as(node, "A_Expr");
  if (sign && !sign.lexpr && sign.kind === "AEXPR_OP") {
    return ["+", "-"].includes(names(sign.name)[0] ?? "") && typeof constant(sign.rexpr) !== "undefined";
  }
  return false;
}
