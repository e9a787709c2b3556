/**
 * Replaces the password of DHIS2's default administrator, which every reader of its documentation knows. As the
 * application's own role: the database may have been imported, and a trigger in it must not run as an administrator.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { compare, hash } from "bcryptjs";
import { Client, DatabaseError, type ClientConfig } from "pg";
import { JobError } from "../command";

/** DHIS2 makes this account, with this password, in an empty database. */
const DEFAULT = { username: "admin", password: "district" };

/** Of bcrypt, as DHIS2 has it. */
const ROUNDS = 10;

export interface SecureAdminOptions {
  /** The application's connection to its database. */
  connection: ClientConfig;
  /** 8 to 72 bytes. */
  password: string;
  /** How long to wait for the accounts of a DHIS2 that starts, in seconds. */
  wait: number;
  /** Between two looks, in ms. @default 2000 */
  pause?: number;
}

/** `replaced`: it was the default. `kept`: it has a password of its own. `absent`: there is no such account. */
export type Outcome = "replaced" | "kept" | "absent";

/** @throws JobError if there are no accounts when the wait is over */
export async function secureAdmin(options: SecureAdminOptions): Promise<Outcome> {
  const { connection, wait, pause = 2000 } = options;
  const deadline = Date.now() + wait * 1000;
  for (;;) {
    const outcome = await connected(connection, (client) => attempt(client, options.password));
    if (outcome) return outcome;
    if (Date.now() >= deadline) {
      throw new JobError(
        `after ${wait} s DHIS2 has made no accounts in ${connection.database}: its log says what it is doing. ` +
          "Once it has started, run this again.",
      );
    }
    await sleep(Math.min(pause, Math.max(0, deadline - Date.now())));
  }
}

/** @returns nothing if there are no accounts yet */
async function attempt(client: Client, password: string): Promise<Outcome | undefined> {
  const table = await accountsTable(client);
  if (!table) return undefined;
  const { rows } = await client.query<{ username: string; password: string | null }>(
    `SELECT username, password FROM public.${table.name} ORDER BY username = $1 DESC LIMIT 1`,
    [DEFAULT.username],
  );
  const first = rows[0];
  if (!first) return undefined;
  if (first.username !== DEFAULT.username) return "absent";
  if (!first.password || !(await compare(DEFAULT.password, first.password))) return "kept";
  const { rowCount } = await client.query(
    `UPDATE public.${table.name} SET password = $1${table.dated ? ", passwordlastupdated = now()" : ""}
       WHERE username = $2 AND password = $3`,
    [await hash(password, ROUNDS), DEFAULT.username, first.password],
  );
  // Somebody changed it in between: the next look judges what it is now.
  return rowCount === 1 ? "replaced" : undefined;
}

/** Since 2.38 accounts are rows of userinfo; before, of users. */
async function accountsTable(client: Client): Promise<{ name: string; dated: boolean } | undefined> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `SELECT table_name AS table, array_agg(column_name::text) AS columns FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name IN ('userinfo', 'users') GROUP BY table_name ORDER BY table_name`,
  );
  const found = rows.find(({ columns }) => columns.includes("username") && columns.includes("password"));
  return found && { name: found.table, dated: found.columns.includes("passwordlastupdated") };
}

async function connected<T>(
  config: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const client = new Client({ ...config, application_name: "dhistance secure-admin" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SET search_path = pg_catalog");
    return await work(client);
  } catch (error) {
    // A server that starts, or a migration that holds the table: worth another look.
    if (error instanceof DatabaseError && /^(57P03|55P03|40P01|42P01)$/.test(error.code ?? ""))
      return undefined;
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}
