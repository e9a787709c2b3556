/**
 * The administrator's side of an import: the lock, the new database and the role that fills it, what dead runs left
 * behind. After a dump has been loaded, nothing here runs SQL in its database but statements on the catalog: a
 * trigger or function of the dump must never run as the administrator.
 */
import { randomBytes } from "node:crypto";
import { Client, type ClientConfig, type QueryResultRow } from "pg";
import { quote } from "./load/constraint";
import { noteOf, type DatabaseNote } from "./databaseNote";

/** The server does not allow the import, or does not answer. The message is for the person who asked for it. */
export class ServerError extends Error {
  override readonly name = "ServerError";
}

/** Another import into the same database is under way. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}

/** Longest name of a live database, so that those of kept and new ones fit PostgreSQL's 63 bytes. */
export const longestName = 38;

export interface Database {
  name: string;
  owner: string;
  /** -1 for none. */
  connectionLimit: number;
  note: DatabaseNote;
}

/** A new database and the role that may do everything in it, and nothing anywhere else. */
export interface NewDatabase {
  name: string;
  role: string;
  /** As that role. */
  connection: ClientConfig;
}

export class Server {
  /** Ends the import when the connection that holds the lock is lost. */
  readonly lost = new AbortController();
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly client: Client,
    private readonly config: ClientConfig,
    readonly version: number,
    private readonly superuser: boolean,
  ) {
    client.on("error", (error) =>
      this.lost.abort(new ServerError(`The connection to the database server was lost: ${error.message}`)),
    );
  }

  /** Connects as administrator, and checks that this account may do what an import needs. */
  static async connect(config: ClientConfig): Promise<Server> {
    const client = new Client({ ...config, application_name: "dhistance import", keepAlive: true });
    try {
      await client.connect();
    } catch (error) {
      throw new ServerError(
        `No connection to the database server ${config.host ?? "(PGHOST)"}:${config.port ?? 5432} as ${config.user ?? "(PGUSER)"}: ` +
          (error as Error).message,
      );
    }
    const { rows } = await client.query<{
      version: number;
      superuser: boolean;
      enough: boolean;
    }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS version, rolsuper AS superuser," +
        " rolsuper OR (rolcreatedb AND rolcreaterole) AS enough FROM pg_roles WHERE rolname = current_user",
    );
    const me = rows[0];
    const refuse = async (message: string) => {
      await client.end();
      throw new ServerError(message);
    };
    if (!me || me.version < 13)
      return refuse(
        `The database server is PostgreSQL ${me?.version ?? "of unknown version"}; DHIS2 needs 13 or later.`,
      );
    if (!me.enough)
      return refuse(
        `The account ${client.user ?? ""} can neither create databases and roles nor is it a superuser; name one that can with --server.`,
      );
    return new Server(client, config, me.version, me.superuser);
  }

  /** One after the other: whoever watches the disk asks at any time. */
  async query<R extends QueryResultRow>(sql: string, parameters?: unknown[]): Promise<R[]> {
    const result = this.turn.then(() => this.client.query<R>(sql, parameters));
    this.turn = result.catch(() => undefined);
    return (await result).rows;
  }

  /** A second connection as administrator, in `database`, for as long as `work` takes. */
  async within<T>(database: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ ...this.config, ...(database !== undefined && { database }) });
    client.on("error", () => undefined);
    await client.connect();
    try {
      await client.query("SET search_path = pg_catalog");
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Takes the lock of a live database for as long as this connection lasts, or says who has it. */
  async lock(live: string): Promise<void> {
    const key = [lockSpace, live];
    const [row] = await this.query<{ got: boolean }>(
      "SELECT pg_try_advisory_lock(hashtext($1), hashtext($2)) AS got",
      key,
    );
    if (row?.got) return;
    const holder = await this.lockHolder(live);
    throw new BusyError(
      `Another import into ${live} is under way${holder ? `: ${holder}` : ""}. Wait for it to end, or stop it.`,
    );
  }

  /** Who holds the lock, in words; nothing when nobody does. */
  async lockHolder(live: string): Promise<string | undefined> {
    const [holder] = await this.query<{ pid: number; address: string | null; since: Date }>(
      "SELECT a.pid, host(a.client_addr) AS address, a.backend_start AS since FROM pg_locks l" +
        " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted" +
        " AND l.classid::bigint = hashtext($1)::bigint & 4294967295 AND l.objid::bigint = hashtext($2)::bigint & 4294967295",
      [lockSpace, live],
    );
    return (
      holder &&
      `server process ${holder.pid}, from ${holder.address ?? "a local socket"}, since ${holder.since.toISOString()}`
    );
  }

  async databases(): Promise<Database[]> {
    const rows = await this.query<Omit<Database, "note"> & { comment: string | null }>(
      'SELECT datname AS name, pg_get_userbyid(datdba) AS owner, datconnlimit AS "connectionLimit",' +
        " shobj_description(oid, 'pg_database') AS comment FROM pg_database ORDER BY datname",
    );
    return rows.map(({ comment, ...database }) => ({ ...database, note: noteOf(comment) }));
  }

  async size(database: string): Promise<number> {
    const [row] = await this.query<{ size: string }>("SELECT pg_database_size($1) AS size", [database]);
    return Number(row?.size ?? 0);
  }

  /** Whether the database has tables of its own, those of extensions left aside. */
  async hasTables(database: string): Promise<boolean> {
    return this.within(database, async (client) => {
      const { rows } = await client.query<{ any: boolean }>(
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')" +
          " AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'" +
          " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS any",
      );
      return rows[0]?.any ?? false;
    });
  }

  /** The role the application connects as has to be there, and to be no superuser. */
  async checkApplicationRole(role: string): Promise<void> {
    const [row] = await this.query<{ superuser: boolean }>(
      "SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = $1",
      [role],
    );
    if (!row)
      throw new ServerError(
        `There is no role ${role} on the database server. Create it first (CREATE ROLE), or name another with --role.`,
      );
    if (row.superuser)
      throw new ServerError(
        `The role ${role} is a superuser: functions and triggers of a dump would run with its rights. Name another with --role.`,
      );
  }

  /** Removes databases and roles of imports that died. To be called under the lock only. Returns their names. */
  async sweep(live: string): Promise<string[]> {
    const pattern = `^${live.replace(/[^\w]/g, "\\$&")}_import_[0-9a-f]{8}$`;
    const names = await this.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datname ~ $1 UNION SELECT rolname FROM pg_roles WHERE rolname ~ $1",
      [pattern],
    );
    for (const { name } of names) await this.discard(name);
    return names.map(({ name }) => name);
  }

  /**
   * An empty database beside the live one, with its extensions and a role of its own.
   * @param schemas by extension. @default public
   * @param onMissing takes an extension that the server cannot make. @default that is an error
   */
  async createNew(
    live: string,
    extensions: string[],
    schemas: Record<string, string> = {},
    onMissing: (extension: string, error: Error) => void = (extension, error) => {
      throw new ServerError(
        `The extension ${extension} cannot be created on the database server: ${error.message}`,
      );
    },
  ): Promise<NewDatabase> {
    const name = `${live}_import_${randomBytes(4).toString("hex")}`;
    const password = randomBytes(24).toString("base64url");
    try {
      await this.query(
        `CREATE ROLE ${quote(name)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 64 PASSWORD '${password}'`,
      );
      if (!this.superuser) await this.query(`GRANT ${quote(name)} TO CURRENT_USER`);
      await this.query(
        `CREATE DATABASE ${quote(name)} TEMPLATE template0 ENCODING 'UTF8' ${await this.locale(live)}`,
      );
      await this.query(`REVOKE ALL ON DATABASE ${quote(name)} FROM PUBLIC`);
      await this.query(`GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${quote(name)} TO ${quote(name)}`);
      await this.within(name, async (client) => {
        for (const extension of extensions) {
          const schema = quote(schemas[extension] ?? "public");
          await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${quote(name)}`);
          await client
            .query(`CREATE EXTENSION ${quote(extension)} SCHEMA ${schema}`)
            .catch((error: Error) => onMissing(extension, error));
        }
        await client.query(`GRANT ALL ON SCHEMA public TO ${quote(name)}`);
      });
    } catch (error) {
      // What cannot be removed now is removed by the next import.
      await this.discard(name).catch(() => undefined);
      if (error instanceof ServerError) throw error;
      throw new ServerError(`No new database could be made on the server: ${(error as Error).message}`);
    }
    const { host, port, ssl } = this.client;
    const connection: ClientConfig = { host, port, ssl, user: name, password, database: name };
    return { name, role: name, connection };
  }

  /**
   * Of each connection of a role: what it cannot raise itself. Only superusers can set it; what others cannot have is
   * watched (`limits.ts`).
   */
  async limitTemporaryFiles(role: string, bytes: number): Promise<void> {
    if (!this.superuser) return;
    const kilobytes = Math.min(2 ** 31 - 1, Math.ceil(bytes / 1024));
    await this.query(`ALTER ROLE ${quote(role)} SET temp_file_limit = ${kilobytes}`);
  }

  /** Gives all of the loaded database to the application's role, and takes the loading role away. */
  async handOver({ name, role }: NewDatabase, application: string): Promise<void> {
    if (!this.superuser) {
      const [row] = await this.query<{ member: boolean }>("SELECT pg_has_role($1, 'MEMBER') AS member", [
        application,
      ]);
      if (!row?.member) await this.query(`GRANT ${quote(application)} TO CURRENT_USER`);
    }
    await this.within(name, async (client) => {
      await client.query(`REASSIGN OWNED BY ${quote(role)} TO ${quote(application)}`);
      await client.query(`GRANT ALL ON SCHEMA public TO ${quote(application)}`);
      await client.query(`DROP OWNED BY ${quote(role)}`);
      // Settings a function of the dump might have attached to its database.
      await client.query(`ALTER DATABASE ${quote(name)} RESET ALL`);
      // By default a schema named like the role comes first: a dump's own, with a second table of users in it.
      await client.query(`ALTER DATABASE ${quote(name)} SET search_path TO public`);
      await client.query(`ALTER DATABASE ${quote(name)} OWNER TO ${quote(application)}`);
    });
    await this.query(`DROP ROLE ${quote(role)}`);
  }

  /** Removes a database that never became the live one, and its role. */
  async discard(name: string): Promise<void> {
    await this.query(`DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`);
    await this.query(`DROP ROLE IF EXISTS ${quote(name)}`);
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  /** Sorting stays as it is in the live database, if there is one. */
  private async locale(live: string): Promise<string> {
    const icu = this.version >= 17 ? "datlocale" : this.version >= 15 ? "daticulocale" : "NULL::text";
    const [row] = await this.query<{ collate: string; ctype: string; icu: string | null }>(
      `SELECT datcollate AS collate, datctype AS ctype, ${icu} AS icu FROM pg_database` +
        " WHERE datname = $1 AND pg_encoding_to_char(encoding) = 'UTF8'",
      [live],
    );
    if (!row) return "";
    const literal = (value: string) => this.client.escapeLiteral(value);
    const provider =
      row.icu !== null && !(this.version >= 17 && /^(C|C\.UTF-?8|PG_UNICODE_FAST)$/i.test(row.icu))
        ? ` LOCALE_PROVIDER icu ICU_LOCALE ${literal(row.icu)}`
        : "";
    return `LC_COLLATE ${literal(row.collate)} LC_CTYPE ${literal(row.ctype)}${provider}`;
  }
}

const lockSpace = "dhistance import";
