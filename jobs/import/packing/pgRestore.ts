/** The program that reads archives. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DumpError } from "../errors";

/** What pg_restore says, in the import's terms. */
export function restoreError(complaint: string): DumpError {
  const text = complaint.trim().replace(/^pg_restore: (error|fatal): /gm, "");
  const version = /unsupported version \(([\d.]+)\)/.exec(text)?.[1];
  if (version) {
    return new DumpError(
      "unsupported",
      `the archive's format (${version}) is newer than this pg_restore knows: it was made by a newer pg_dump; ` +
        "name a newer one in DHISTANCE_PG_RESTORE, or dump as plain SQL",
    );
  }
  if (/could not read from input file: end of file|unexpected end of file|could not find block/i.test(text)) {
    return new DumpError("truncated", `the archive ends too early (${text})`);
  }
  return new DumpError("corrupt", `pg_restore cannot read the archive: ${text || "no reason given"}`);
}

/** The one named in DHISTANCE_PG_RESTORE, else Debian's newest, which reads the most archives, else that of PATH. */
export function pgRestore(): string {
  const named = process.env["DHISTANCE_PG_RESTORE"];
  if (named) return named;
  const root = "/usr/lib/postgresql";
  const newest = (existsSync(root) ? readdirSync(root) : [])
    .filter((version) => existsSync(join(root, version, "bin", "pg_restore")))
    .sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? "pg_restore" : join(root, newest, "bin", "pg_restore");
}
