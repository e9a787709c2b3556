/**
 * Replaces the default administrator's password in a database that has accounts already: an imported or restored one.
 * Only while DHIS2 is stopped, which keeps accounts in memory and writes them back. As the application's own role: a
 * trigger of an imported database must not run as the database server's administrator.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { compare, hash } from "bcryptjs";
import { Client, type ClientConfig } from "pg";
import { JobError } from "../runCommand";
import { DEFAULT } from "./defaultPassword";

/** Of bcrypt, as DHIS2 has it. */
const ROUNDS = 10;

export interface BeforeStartOptions {
  /** The application's connection to its database. */
  connection: ClientConfig;
  /** The new one. */
  password: string;
  /** One that was ours earlier, and gives way as the default does. @default none */
  former?: string;
  /** How long a DHIS2 that runs may take to connect again, in ms. @default 3000 */
  watch?: number;
}

/**
 * `replaced`: it was the default. `kept`: it has a password of its own. `absent`: no account is the default one.
 * `none`: there are no accounts yet, DHIS2 makes the first at its start.
 */
export type Outcome = "replaced" | "kept" | "absent" | "none";

/** @throws JobError if DHIS2 runs, or if the password is still the default at the end */
export async function beforeStart({
  connection,
  password,
  former,
  watch = 3000,
}: BeforeStartOptions): Promise<Outcome> {
  const client = new Client({ ...connection, application_name: "dhistance secure-admin" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SET search_path = pg_catalog");
    await refuseRunning(client, watch);
    const table = await accountsTable(client);
    if (!table || (await client.query(`SELECT 1 FROM ${table.name} LIMIT 1`)).rowCount === 0) return "none";
    const accounts = await defaultAccounts(client, table);
    if (accounts.length === 0) return "absent";
    const open = await matching(accounts, [DEFAULT.password, ...(former ? [former] : [])]);
    for (const { username, hash: before } of open)
      await client.query(
        `UPDATE ${table.name} SET password = $1${table.dated ? ", passwordlastupdated = now()" : ""}
           WHERE username = $2 AND password = $3`,
        [await hash(password, ROUNDS), username, before],
      );
    // What a trigger made of it counts.
    const still = await matching(await defaultAccounts(client, table), [DEFAULT.password]);
    if (still.length > 0)
      throw new JobError(
        `the account "${still[0]?.username}" in ${connection.database} still has DHIS2's default password: something in ` +
          "the database undoes the change. Look for triggers on its table of accounts; leave DHIS2 stopped until then.",
      );
    return open.length > 0 ? "replaced" : "kept";
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Ends connections of the same role, which a killed DHIS2 may have left. One that runs makes new ones at once: its pool
 * is never empty.
 */
async function refuseRunning(client: Client, watch: number): Promise<void> {
  const others = `FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
  const { rowCount } = await client.query(`SELECT pg_terminate_backend(pid) ${others}`);
  if (!rowCount) return;
  await sleep(watch);
  const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n ${others}`);
  if (rows[0]?.n !== "0")
    throw new JobError(
      "DHIS2 runs on this database, and would write the former password back. Nothing was changed: stop it first.",
    );
}

interface AccountsTable {
  name: string;
  dated: boolean;
  identified: boolean;
}

/** Since 2.38 accounts are rows of userinfo; before, of users. */
async function accountsTable(client: Client): Promise<AccountsTable | undefined> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `SELECT table_name AS table, array_agg(column_name::text) AS columns FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name IN ('userinfo', 'users') GROUP BY table_name ORDER BY table_name`,
  );
  const found = rows.find(({ columns }) => columns.includes("username") && columns.includes("password"));
  return (
    found && {
      name: `public.${found.table}`,
      dated: found.columns.includes("passwordlastupdated"),
      identified: found.columns.includes("uid"),
    }
  );
}

interface Account {
  username: string;
  hash: string | null;
}

/** The one that DHIS2 made, also under another name, and whichever has its name. */
async function defaultAccounts(client: Client, { name, identified }: AccountsTable): Promise<Account[]> {
  const { rows } = await client.query<Account>(
    `SELECT username, password AS hash FROM ${name} WHERE username = $1${identified ? " OR uid = $2" : ""}`,
    identified ? [DEFAULT.username, DEFAULT.uid] : [DEFAULT.username],
  );
  return rows;
}

/** Those with one of the passwords. */
async function matching(accounts: Account[], passwords: string[]): Promise<Account[]> {
  const found: Account[] = [];
  for (const account of accounts)
    for (const password of passwords)
      if (account.hash && !found.includes(account) && (await compare(password, account.hash)))
        found.push(account);
  return found;
}
