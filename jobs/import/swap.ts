/**
 * Publishes a loaded database by renaming it, and rolls that back. Both renames and both comments are one transaction,
 * so that whoever connects finds wholly the old or wholly the new, whenever this process dies.
 */
import type { Client } from "pg";
import { setTimeout as sleep } from "node:timers/promises";
import { quote } from "./load/constraint";
import { commentOf, type DatabaseNote } from "./databaseNote";
import { ServerError, type Database, type Server } from "./server";

export interface KeptDatabase extends Database {
  size: number;
}

/** `hmis_before_20260826150401123`: the live database hmis as it was until then. */
export function keptName(live: string, now: Date): string {
  return `${live}_before_${now.toISOString().replace(/\D/g, "")}`;
}

/** Databases that were `live` before, the newest first. */
export async function keptDatabases(server: Server, live: string): Promise<KeptDatabase[]> {
  const prefix = `${live}_before_`;
  const all = await server.databases();
  const kept = all.filter(
    ({ name, note }) => name.startsWith(prefix) && /^\d{17}$/.test(name.slice(prefix.length)) && note.kept,
  );
  return Promise.all(kept.reverse().map(async (k) => ({ ...k, size: await server.size(k.name) })));
}

export interface SwapResult {
  /** Name the former live database has now; undefined when there was none. */
  kept?: string;
  /** How long connections had to wait, in milliseconds. */
  milliseconds: number;
}

/**
 * Makes `fresh` the live database. The former one stays under another name, closed to all but superusers.
 * `until`: it is not to be dropped before, even if confirmed.
 */
export async function swap(
  server: Server,
  live: string,
  fresh: { name: string; note: DatabaseNote },
  until?: Date,
): Promise<SwapResult> {
  const former = (await server.databases()).find(({ name }) => name === live);
  const now = new Date();
  const kept = keptName(live, now);
  return server.within(undefined, async (client) => {
    const began = Date.now();
    await client.query("BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL statement_timeout = '60s'");
    try {
      if (former) {
        await copyAccess(client, live, fresh.name);
        await emptied(server, live, client.query(`ALTER DATABASE ${quote(live)} RENAME TO ${quote(kept)}`));
        await client.query(`ALTER DATABASE ${quote(kept)} CONNECTION LIMIT 0`);
        const since = now.toISOString();
        await comment(client, kept, {
          ...former.note,
          kept: { since, confirmed: false, ...(until && { until: until.toISOString() }) },
        });
      }
      await emptied(
        server,
        fresh.name,
        client.query(`ALTER DATABASE ${quote(fresh.name)} RENAME TO ${quote(live)}`),
      );
      await client.query(`ALTER DATABASE ${quote(live)} CONNECTION LIMIT ${former?.connectionLimit ?? -1}`);
      await comment(client, live, { ...fresh.note, kept: undefined });
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      const { message, detail } = error as Error & { detail?: string };
      throw new ServerError(
        `The live database ${live} is unchanged: the new one could not take its name. ` +
          [message, detail].filter(Boolean).join(". "),
      );
    }
    return { milliseconds: Date.now() - began, ...(former && { kept }) };
  });
}

/**
 * The rename itself locks new connections out, then waits up to five seconds for the old ones to go: they are ended
 * meanwhile from here, so that none can slip in between.
 */
async function emptied(server: Server, database: string, rename: Promise<unknown>): Promise<void> {
  let done = false;
  const end = rename.finally(() => (done = true));
  end.catch(() => undefined);
  while (!done) {
    await server.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
      [database],
    );
    await Promise.race([end.catch(() => undefined), sleep(20)]);
  }
  await end;
}

/** Who may connect, and settings of the database, go from the former to the new one. */
async function copyAccess(client: Client, from: string, to: string): Promise<void> {
  const grants = await client.query<{ grantee: string | null; privilege: string }>(
    "SELECT r.rolname AS grantee, x.privilege_type AS privilege FROM pg_database d," +
      " aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x LEFT JOIN pg_roles r ON r.oid = x.grantee" +
      " WHERE d.datname = $1 AND x.grantee <> d.datdba AND (x.grantee = 0 OR r.rolname IS NOT NULL)",
    [from],
  );
  for (const { grantee, privilege } of grants.rows) {
    await client.query(
      `GRANT ${privilege} ON DATABASE ${quote(to)} TO ${grantee === null ? "PUBLIC" : quote(grantee)}`,
    );
  }
  const settings = await client.query<{ role: string | null; name: string; value: string }>(
    "SELECT r.rolname AS role, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value" +
      " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase" +
      " LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c WHERE d.datname = $1",
    [from],
  );
  for (const { role, name, value } of settings.rows) {
    const subject = role === null ? "DATABASE" : `ROLE ${quote(role)} IN DATABASE`;
    // A search path is a list of names; every other setting an application's database has is one value.
    const names = value.match(/"(?:[^"]|"")*"|[^",\s]+/g) ?? [];
    const unquoted = names.map((each) => each.replace(/^"(.*)"$/s, "$1").replaceAll('""', '"'));
    const text =
      name === "search_path"
        ? unquoted.map((each) => client.escapeLiteral(each)).join(", ") || "''"
        : client.escapeLiteral(value);
    await client.query(`ALTER ${subject} ${quote(to)} SET ${quote(name)} TO ${text}`);
  }
}

async function comment(client: Client, database: string, note: DatabaseNote): Promise<void> {
  await client.query(`COMMENT ON DATABASE ${quote(database)} IS ${client.escapeLiteral(commentOf(note))}`);
}

export interface Confirmed {
  dropped: string[];
  /** Confirmed, but asked to be kept longer. */
  stillKept: { name: string; until: string }[];
}

/** Drops what the live database replaced, but for what was asked to be kept longer: that is dropped by a later call. */
export async function confirm(server: Server, live: string, now = new Date()): Promise<Confirmed> {
  const result: Confirmed = { dropped: [], stillKept: [] };
  for (const { name, note } of await keptDatabases(server, live)) {
    const until = note.kept?.until;
    if (note.kept && until !== undefined && new Date(until) > now) {
      result.stillKept.push({ name, until });
      const marked = { ...note, kept: { ...note.kept, confirmed: true } };
      await server.within(undefined, (client) => comment(client, name, marked));
    } else {
      await server.discard(name);
      result.dropped.push(name);
    }
  }
  return result;
}

/** Drops confirmed databases past their retention. */
export async function dropExpired(server: Server, live: string, now = new Date()): Promise<string[]> {
  const expired = (await keptDatabases(server, live)).filter(
    ({ note }) => note.kept?.confirmed && note.kept.until !== undefined && new Date(note.kept.until) <= now,
  );
  for (const { name } of expired) await server.discard(name);
  return expired.map(({ name }) => name);
}

/** Puts a kept database (the newest, unless one is named) back as the live one; the present one is kept instead. */
export async function rollback(
  server: Server,
  live: string,
  to?: string,
): Promise<SwapResult & { restored: string }> {
  const kept = await keptDatabases(server, live);
  const target = to === undefined ? kept[0] : kept.find(({ name }) => name === to);
  if (!target) {
    const there = kept.length > 0 ? `Kept are: ${kept.map(({ name }) => name).join(", ")}.` : "None is kept.";
    throw new ServerError(
      to === undefined
        ? `There is no previous database of ${live} to go back to: it was confirmed and dropped, or never replaced.`
        : `${to} is not a previous database of ${live}. ${there}`,
    );
  }
  const result = await swap(server, live, target);
  return { ...result, restored: target.name };
}
