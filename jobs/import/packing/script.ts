/** An archive of pg_dump as the SQL script it stands for. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DumpError } from "../errors";

/**
 * All of the SQL of the archive at `path`. pg_restore writes it and connects to nothing; what it writes is to be judged
 * like any dump: an archive's table of contents says whatever its maker wanted.
 */
export async function* archiveScript(path: string): AsyncGenerator<Buffer> {
  const child = spawn(pgRestore(), ["--file=-", "--", path], {
    stdio: ["ignore", "pipe", "pipe"],
    // Nothing of ours for an archive that makes pg_restore read where it should not; and messages in English.
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  // Waited for after the output, if it comes that far.
  ended.catch(() => undefined);
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2000)));
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const [code] = await ended;
    if (code !== 0) throw restoreError(complaint);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new DumpError(
      "unsupported",
      "archives need the program pg_restore: apt-get install postgresql-client",
    );
  } finally {
    child.kill();
  }
}

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
