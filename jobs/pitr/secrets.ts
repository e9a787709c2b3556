import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { PATHS } from "./paths";

/**
 * pgBackRest accepts no key, and libpq no password, from a file that others may read, as the given ones are. Every command
 * sees to that: in a container that has just started it may be the first.
 */
export function takeSecrets(): void {
  const { givenKey, key, givenPassword } = PATHS;
  if (existsSync(givenKey)) copy(key, readFileSync(givenKey, "utf8"));
  const passwords = process.env["PGPASSFILE"];
  if (passwords && existsSync(givenPassword)) copy(passwords, pgpass(readFileSync(givenPassword, "utf8")));
}

/** libpq's password file: colons and backslashes are written with a backslash. */
export function pgpass(password: string): string {
  return `*:*:*:*:${password.trimEnd().replace(/[:\\]/g, "\\$&")}\n`;
}

function copy(file: string, content: string): void {
  if (content === "" || existsSync(file)) return;
  // Under its name it is complete: others may need it at the same time.
  writeFileSync(`${file}.${process.pid}`, content, { mode: 0o600 });
  renameSync(`${file}.${process.pid}`, file);
}
