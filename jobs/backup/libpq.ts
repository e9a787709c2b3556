/** A connection as PostgreSQL's own programs take it: the password in a file, never on a command line. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientConfig } from "pg";
import { environment } from "./restic";

/** Where Debian keeps the system CAs. */
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";

/** Writes what is secret into `directory`, which has to be private, and returns the environment that refers to it. */
export async function libpqEnvironment(
  config: ClientConfig,
  directory: string,
): Promise<Record<string, string>> {
  const { host, port, user, password, database, ssl } = config;
  const passwords = join(directory, `pgpass-${user ?? ""}`);
  const escaped = String(typeof password === "string" ? password : "").replace(/[\\:]/g, "\\$&");
  if (typeof password === "string") await writeFile(passwords, `*:*:*:*:${escaped}\n`, { mode: 0o600 });
  const own = process.env["PGPASSFILE"];
  return {
    ...environment(),
    ...{
      PGHOST: String(host),
      PGPORT: String(port ?? 5432),
      PGUSER: String(user),
      PGDATABASE: String(database),
    },
    ...(typeof password === "string" ? { PGPASSFILE: passwords } : own !== undefined && { PGPASSFILE: own }),
    ...(await tls(ssl, directory)),
    PGCONNECT_TIMEOUT: "15",
    PGAPPNAME: "dhistance backup",
    // Neither a person's settings nor a lock that someone holds may keep a backup from being made.
    PGOPTIONS: "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0",
  };
}

async function tls(ssl: ClientConfig["ssl"], directory: string): Promise<Record<string, string>> {
  if (ssl === undefined || ssl === false) return { PGSSLMODE: "disable" };
  if (ssl === true) return { PGSSLMODE: "verify-full", PGSSLROOTCERT: AUTHORITIES };
  if (ssl.rejectUnauthorized === false) return { PGSSLMODE: "require" };
  const file = join(directory, "authority.pem");
  await writeFile(file, String(ssl.ca));
  return { PGSSLMODE: "verify-full", PGSSLROOTCERT: file };
}
