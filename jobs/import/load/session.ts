/** One connection that loads: session settings fit for it, and errors that name the dump's line. */
import { Client, DatabaseError, type ClientConfig, type QueryResult } from "pg";
import { from as copyFrom, type CopyStreamQuery } from "pg-copy-streams";

export interface SessionSettings {
  /** For `CREATE INDEX`, keys and foreign keys, in MiB. */
  maintenanceMemory: number;
  /** Workers that may help with one build or check; 0 for none. */
  maintenanceWorkers: number;
  /** Longest time one statement may take, in seconds: a function of the dump that never returns ends the import. */
  statementTimeout: number;
}

/** The server refused something of the dump. The message is for the person who asked for the import. */
export class LoadError extends Error {
  override readonly name = "LoadError";

  constructor(
    message: string,
    /** Line of the dump, where one is to blame; the first is 1. */
    readonly line?: number,
    /** PostgreSQL's SQLSTATE, for example `53100` for a full disk. */
    readonly code?: string,
  ) {
    super(line === undefined ? message : `Line ${line}: ${message}`);
  }
}

/** How much of a statement an error shows. */
export function excerpt(sql: string): string {
  const flat = sql.replace(/\s+/g, " ").trim();
  return flat.length > 300 ? `${flat.slice(0, 300)}…` : flat;
}

export function loadError(error: unknown, sql: string, line?: number): LoadError {
  if (error instanceof LoadError) return error;
  const { message, code, detail, where } = (error instanceof Error ? error : { message: String(error) }) as {
    message: string;
    code?: string;
    detail?: string;
    where?: string;
  };
  const known =
    code === "53100"
      ? "The database server's disk is full: "
      : code === "57014"
        ? "Stopped, it ran longer than the statement timeout allows (--statement-timeout): "
        : code === "53400"
          ? "Stopped, its temporary files grew larger than --max-database-size allows: "
          : "The database server refused it: ";
  const parts = [`${known}${message}`, detail, where, `In: ${excerpt(sql)}`];
  return new LoadError(parts.filter(Boolean).join("\n  "), line, code);
}

export class Session {
  private searchPath = "";
  private tuned = "";
  private lost: Error | undefined;

  private constructor(readonly client: Client) {}

  static async open(config: ClientConfig, settings: SessionSettings): Promise<Session> {
    const client = new Client({ ...config, application_name: "dhistance import" });
    const session = new Session(client);
    client.on("error", (error) => (session.lost = error));
    await client.connect();
    const seconds = Math.floor(settings.statementTimeout);
    await client.query(
      [
        "SET search_path = ''",
        "SET check_function_bodies = off",
        "SET standard_conforming_strings = on",
        "SET xmloption = content",
        "SET row_security = off",
        "SET client_min_messages = warning",
        // The rename that publishes the new database is committed synchronously, and with it all that came before.
        "SET synchronous_commit = off",
        // Of what is done here once, compiling costs more than it saves.
        "SET jit = off",
        `SET statement_timeout = '${seconds}s'`,
        // Nothing else uses the new database, but autovacuum holds a lock for up to a second.
        "SET lock_timeout = '120s'",
        "SET idle_in_transaction_session_timeout = 0",
        // A build must not go on for an hour after the job that asked for it was killed.
        "SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
      ].join(";"),
    );
    await session.tune({ memory: settings.maintenanceMemory, workers: 0 });
    return session;
  }

  /** Sets the search path a statement was written for. A round trip only where it changes. */
  async use(searchPath: string): Promise<void> {
    if (searchPath === this.searchPath) return;
    await this.client.query("SELECT pg_catalog.set_config('search_path', $1, false)", [searchPath]);
    this.searchPath = searchPath;
  }

  /**
   * Memory of the next builds and checks, in MiB, and how many processes may help with one. A round trip only where that
   * changes.
   */
  async tune({ memory, workers }: { memory: number; workers: number }): Promise<void> {
    const settings =
      `SET maintenance_work_mem = '${memory}MB'; SET max_parallel_maintenance_workers = ${workers};` +
      `SET max_parallel_workers_per_gather = ${workers}`;
    if (settings === this.tuned) return;
    await this.client.query(settings);
    this.tuned = settings;
  }

  /** Runs one statement (or several, as one transaction); an error names `line`. */
  async run(sql: string, searchPath = "", line?: number): Promise<QueryResult[]> {
    try {
      await this.use(searchPath);
      const result = (await this.client.query(sql)) as unknown as QueryResult | QueryResult[];
      return Array.isArray(result) ? result : [result];
    } catch (error) {
      throw loadError(this.reason(error), sql, line);
    }
  }

  /** Opens a `COPY … FROM stdin`. Rows may be written at once; `done` ends with the number of rows stored. */
  copy(sql: string): { stream: CopyStreamQuery; done: Promise<number> } {
    const stream = copyFrom(sql, { highWaterMark: 1 << 20 });
    const done = new Promise<number>((resolve, reject) => {
      const ended = () => reject(this.lost ?? new Error("the connection to the database server ended"));
      this.client.once("end", ended);
      const leave = () => this.client.off("end", ended);
      stream.once("finish", () => (leave(), resolve(stream.rowCount)));
      stream.on("error", (error) => {
        leave();
        reject(this.reason(error));
        // What waits to be written would be written to no connection.
        stream.destroy();
      });
    });
    this.client.query(stream);
    return { stream, done };
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  private reason(error: unknown): unknown {
    return error instanceof DatabaseError ? error : (this.lost ?? error);
  }
}
