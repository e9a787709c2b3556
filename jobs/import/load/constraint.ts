/** `ALTER TABLE … ADD CONSTRAINT`, understood as far as needed to do it in two steps. */
import { parseSync, type Constraint } from "libpg-query";
import { splitName } from "../sql/tree";

/** The constraint a statement adds, if it adds one and does nothing else. libpg-query has to be loaded. */
export function addedConstraint(sql: string): Constraint | undefined {
  const statement = parseSync(sql).stmts?.[0]?.stmt;
  if (!statement || !("AlterTableStmt" in statement)) return undefined;
  const { cmds = [] } = statement.AlterTableStmt;
  const [command] = cmds;
  if (cmds.length !== 1 || !command || !("AlterTableCmd" in command)) return undefined;
  const { def } = command.AlterTableCmd;
  return def && "Constraint" in def ? def.Constraint : undefined;
}

/**
 * A primary key or unique constraint in its plain form as two statements, the index and then the key that uses it;
 * undefined for any other form.
 */
export function keyAsIndex(table: string, constraint: Constraint): [index: string, key: string] | undefined {
  const { contype, conname, keys, location: _location, ...more } = constraint;
  const kind = { CONSTR_PRIMARY: "PRIMARY KEY", CONSTR_UNIQUE: "UNIQUE" }[String(contype)];
  if (!kind || conname === undefined || Object.keys(more).length > 0) return undefined;
  const columns = (keys ?? []).map((key) => ("String" in key ? key.String.sval : undefined));
  if (columns.length === 0 || columns.includes(undefined)) return undefined;
  const list = columns.map((column) => quote(column ?? "")).join(", ");
  return [
    `CREATE UNIQUE INDEX ${quote(conname)} ON ${quoteName(table)} (${list})`,
    `ALTER TABLE ${quoteName(table)} ADD CONSTRAINT ${quote(conname)} ${kind} USING INDEX ${quote(conname)}`,
  ];
}

export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** `public.datavalue` as `"public"."datavalue"`; see `joinName`. */
export function quoteName(name: string): string {
  return splitName(name).map(quote).join(".");
}
