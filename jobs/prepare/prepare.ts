/** Makes what DHIS2 needs of its PostgreSQL server before its first start, or finds it made: role, database, extensions. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { Client, escapeIdentifier, escapeLiteral, type ClientConfig } from "pg";

/** Of DHIS2's documentation (sysadmin reference, installation): to be made beforehand, by a superuser. */
export const EXTENSIONS = ["postgis", "btree_gin", "pg_trgm"] as const;

export interface PrepareOptions {
  /** The administrator's connection, to any database. */
  server: ClientConfig;
  database: string;
  /** DHIS2's role, which owns the database and nothing else. */
  role: string;
  /** It gets this password, also if it had another. */
  rolePassword: string;
  /** A role that may see how the server is, and none of the data. @default none is made */
  monitor?: { role: string; password: string };
}

export interface Prepared {
  /** What was not there before, such as `role dhis2`. */
  made: string[];
  /** Of each extension. */
  versions: Record<string, string>;
}

export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { server, database, role } = options;
  const made: string[] = [];
  await connected(server, async (client) => {
    if (await ensureRole(client, role, options.rolePassword)) made.push(`role ${role}`);
    if (await ensureDatabase(client, database, role)) made.push(`database ${database}`);
    const { monitor } = options;
    if (monitor) {
      if (await ensureRole(client, monitor.role, monitor.password)) made.push(`role ${monitor.role}`);
      await client.query(`GRANT pg_monitor TO ${escapeIdentifier(monitor.role)}`);
    }
  });
  const versions: Record<string, string> = {};
  await connected({ ...server, database }, async (client) => {
    // From PostgreSQL 15 on it is the database's owner's anyhow.
    await client.query(`GRANT ALL ON SCHEMA public TO ${escapeIdentifier(role)}`);
    for (const extension of EXTENSIONS) {
      const before = await extensionVersion(client, extension);
      // Into public, where DHIS2 looks, whatever the administrator's search_path is.
      if (!before) await client.query(`CREATE EXTENSION ${extension} SCHEMA public`);
      if (!before) made.push(`extension ${extension}`);
      versions[extension] = before ?? (await extensionVersion(client, extension)) ?? "";
    }
  });
  return { made, versions };
}

async function connected(config: ClientConfig, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ ...config, application_name: "dhistance prepare" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

async function ensureRole(client: Client, role: string, password: string): Promise<boolean> {
  const { rows } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  const name = escapeIdentifier(role);
  if (rows.length === 0) await client.query(`CREATE ROLE ${name}`);
  const limits = "LOGIN NOCREATEDB NOCREATEROLE";
  await client.query(`ALTER ROLE ${name} ${limits} PASSWORD ${escapeLiteral(scramVerifier(password))}`);
  return rows.length === 0;
}

async function ensureDatabase(client: Client, database: string, role: string): Promise<boolean> {
  const { rows } = await client.query("SELECT FROM pg_database WHERE datname = $1", [database]);
  if (rows.length > 0) return false;
  const [name, owner] = [escapeIdentifier(database), escapeIdentifier(role)];
  // An administrator who is not a superuser, as on RDS, may only give objects to roles it is a member of.
  const { rows: me } = await client.query<{ superuser: boolean }>(
    "SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user",
  );
  if (!me[0]?.superuser) await client.query(`GRANT ${owner} TO CURRENT_USER`);
  await client.query(`CREATE DATABASE ${name} OWNER ${owner} TEMPLATE template0 ENCODING 'UTF8'`);
  await client.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`);
  return true;
}

async function extensionVersion(client: Client, extension: string): Promise<string | undefined> {
  const { rows } = await client.query<{ version: string }>(
    "SELECT extversion AS version FROM pg_extension WHERE extname = $1",
    [extension],
  );
  return rows[0]?.version;
}

/**
 * The password as PostgreSQL keeps it (RFC 5803), so that the password itself is in no statement and no server log,
 * as psql's `\password` does. Letters and digits only: others would have to be normalised (RFC 4013).
 */
function scramVerifier(password: string): string {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const key = (of: string) => createHmac("sha256", salted).update(of).digest();
  const stored = createHash("sha256").update(key("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${key("Server Key").toString("base64")}`;
}
