/** What came of it, for people to read. */
import pc from "picocolors";
import type { Inspection } from "../inspect";
import type { LeftOut } from "../leftOut";
import type { ImportResult } from "../runImport";
import type { SanitiseResult } from "../sanitise";
import { bytesText } from "../spool";
import { duration } from "./progress";

const number = (value: number) => value.toLocaleString("en");

/** @param options those that name the server, for the commands that are printed */
export function importSummary(result: ImportResult, dump: string, options: string): string {
  const { database, tables, rows, leftOut, validation, sanitised, kept } = result;
  if (result.outcome === "unchanged") {
    return `${pc.green("Nothing to do.")} ${database} holds this dump already (SHA-256 ${result.sha256}).`;
  }
  const from = [
    result.format,
    result.postgresql && `PostgreSQL ${result.postgresql}`,
    validation?.dhis2 && `DHIS2 ${validation.dhis2}`,
  ];
  const lines = [
    `${pc.green("Imported")} ${dump} into ${pc.bold(database)} (${from.filter(Boolean).join("; ")})`,
    `  ${number(tables.length)} tables, ${number(rows)} rows, in ${duration(result.seconds)}`,
    ...largest(tables),
    ...section("Left out", abridged(leftOut.flatMap(leftOutLines))),
    ...section(
      "Made harmless",
      (sanitised ?? []).filter((s) => s.rows > 0).map((s) => `${s.what}: ${number(s.rows)} in ${s.table}`),
    ),
    ...section("Looked for, and nothing found to switch off", nothingFound(sanitised ?? [])),
    ...(validation?.unchecked === undefined ? [] : [pc.yellow(`  ${validation.unchecked}`)]),
    ...section(
      pc.yellow("Will stop an upgrade"),
      (validation?.problems ?? []).map(
        (p) => `${number(p.rows)} ${p.what}; DHIS2 ${p.version} will not start on them. See ${p.see}`,
      ),
    ),
    `  Connections waited ${number(result.swapMilliseconds ?? 0)} ms while the new database took the old one's name.`,
  ];
  if (kept !== undefined) {
    lines.push(
      `  The previous database is kept as ${pc.bold(kept)}.`,
      `    put it back: import rollback ${options} --database ${database}`,
      `    delete it:   import confirm ${options} --database ${database}`,
    );
  }
  lines.push(
    "  Next: start DHIS2 with the encryption.password of the original, restore its file store, and let it make its",
    "  analytics tables (POST /api/resourceTables/analytics).",
  );
  return lines.join("\n");
}

export function inspectionSummary(inspection: Inspection, dump: string): string {
  const { tables, rows, leftOut, refused, failedMigrations } = inspection;
  const kind = inspection.format === "sql" ? "plain SQL" : `${inspection.format} archive`;
  const wanted = tables.filter((table) => table.leftOut === undefined);
  const verdict =
    refused.length === 0
      ? pc.green("It can be imported.")
      : pc.red(`It would be refused, for ${refused.length === 1 ? "this" : "these"}:`);
  return [
    `${pc.bold(dump)}: ${[...inspection.packing, kind].join(", ")}`,
    `  PostgreSQL ${inspection.serverVersion ?? "of unknown version"}, DHIS2 ${inspection.dhis2Version ?? "not recognised"}${inspection.newestMigration ? ` (migration ${inspection.newestMigration})` : ""}, encoding ${inspection.encoding}`,
    `  ${number(tables.length)} tables with rows, ${number(rows)} rows, ${bytesText(tables.reduce((sum, t) => sum + t.bytes, 0))} unpacked; ${number(wanted.length)} tables would be imported`,
    ...largest(wanted),
    ...section("Extensions", inspection.extensions.length > 0 ? [inspection.extensions.join(", ")] : []),
    ...section("Would be left out", abridged(leftOut.flatMap(leftOutLines))),
    ...section(
      pc.yellow("Failed migrations"),
      failedMigrations.map((version) => `${version}: DHIS2 would not start`),
    ),
    `  ${verdict}`,
    ...refused
      .slice(0, 20)
      .map((r) =>
        `    ${r.line === undefined ? "" : `line ${r.line}: `}${r.reason}\n      ${r.statement}`.trimEnd(),
      ),
  ].join("\n");
}

function largest(tables: { name: string; rows: number; bytes: number }[]): string[] {
  const filled = tables.filter(({ rows }) => rows > 0);
  const first = filled.toSorted((a, b) => b.bytes - a.bytes).slice(0, 5);
  return section(
    "Largest",
    first.map(({ name, rows, bytes }) => `${name}: ${number(rows)} rows, ${bytesText(bytes)}`),
  );
}

function nothingFound(sanitised: SanitiseResult[]): string[] {
  const found = new Set(sanitised.filter(({ rows }) => rows > 0).map(({ what }) => what));
  return [...new Set(sanitised.map(({ what }) => what))].filter((what) => !found.has(what));
}

/** All of them are in --json. */
function abridged(lines: string[]): string[] {
  const most = 50;
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most), `… and ${number(lines.length - most)} more; --json names all`];
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}

function leftOutLines({ what, statements, rows, tables = [] }: LeftOut): string[] {
  return [
    `${what} (${tables.length > 0 ? rowCount(rows) : times(statements)})`,
    ...tables
      .filter((table) => !what.includes(table.name))
      .map((table) => `  ${table.name}: ${rowCount(table.rows)}`),
  ];
}

function rowCount(count: number): string {
  return count === 1 ? "1 row" : `${number(count)} rows`;
}

function times(count: number): string {
  return count === 1 ? "1 statement" : `${number(count)} statements`;
}
