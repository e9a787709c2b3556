/** One import from its beginning to its end: checks, new database, load, validation, sanitising, swap. */
import { Client, DatabaseError, type ClientConfig } from "pg";
import { openArchive } from "./archive";
import { isGeneratedTable } from "../generatedTables";
import { withoutLine } from "./errors";
import { openDump } from "./format";
import { watchLimits } from "./limits";
import { loadDump, newProgress, type LoadProgress, type LoadReport } from "./load";
import type { LeftOut } from "./leftOut";
import type { SessionSettings } from "./load/session";
import type { ImportRecord } from "./databaseNote";
import { sanitise, type SanitiseOptions, type SanitiseResult } from "./sanitise";
import { Server, ServerError, longestName, type NewDatabase } from "./server";
import { openSource, type DumpSource } from "./source";
import { Judge } from "./sql/judge";
import { splitDump } from "./sql/split";
import { dropExpired, swap } from "./swap";
import { validate, ValidationError, type Validation } from "./validate";

export interface ImportOptions {
  /** A path, `-` for standard input, or `s3://bucket/key`. */
  dump: string;
  /** SHA-256 the dump has to have; without it any is taken. */
  sha256?: string;
  /** The server, as an account that may create databases and roles; its database is one that always exists. */
  server: ClientConfig;
  /** Name of the live database. */
  database: string;
  /** The role the application connects as; everything will belong to it. */
  role: string;
  /** Connections that load at the same time. */
  connections: number;
  /** Version of the DHIS2 that is going to use the database. */
  dhis2Version?: string;
  excludeAnalytics: boolean;
  sanitise?: SanitiseOptions;
  /** Replace what an earlier import, or the application, has put into the live database. */
  reimport: boolean;
  /** Keep the replaced database at least until then, even if it is confirmed before. */
  keepUntil?: Date;
  /** Of a dump that holds several databases, the one to import. */
  fromDatabase?: string;
  /** Names of what is left out, `schema.name` or `name`, with all that is built on it. */
  leaveOut?: string[];
  /** In which a dump of a SQL_ASCII database is read, by PostgreSQL's name. Default: UTF8. */
  encoding?: string;
  /** Limits, in bytes; a default for each. */
  maxSpoolBytes?: number;
  maxDecompressedBytes?: number;
  maxRatio?: number;
  maxDatabaseBytes?: number;
  /** Made by the administrator before the dump is read. Default: those DHIS2 needs, postgis, btree_gin, pg_trgm. */
  extensions?: string[];
  /** Longest time of one statement, in seconds. */
  statementTimeout: number;
  /** Kept up to date while it runs. */
  progress: ImportProgress;
  signal: AbortSignal;
}

export type ImportPhase =
  "checking the dump" | "preparing" | "loading" | "validating" | "sanitising" | "publishing";

/** How far an import is, kept up to date by it, read by whoever wants to know. */
export class ImportProgress {
  #phase: ImportPhase = "checking the dump";
  bytes = 0;
  /** Undefined while nobody knows. */
  totalBytes: number | undefined = undefined;
  readonly load: LoadProgress = newProgress();
  /** Called when a phase begins, however short it is. */
  onPhase: () => void = () => undefined;

  get phase(): ImportPhase {
    return this.#phase;
  }
  set phase(phase: ImportPhase) {
    this.#phase = phase;
    this.onPhase();
  }
}

export interface ImportResult {
  /** `unchanged`: this very dump had been imported before; nothing was done. */
  outcome: "imported" | "unchanged";
  database: string;
  sha256: string;
  seconds: number;
  /** Of an import. */
  format?: string;
  postgresql?: string;
  tables: { name: string; rows: number; bytes: number }[];
  rows: number;
  leftOut: LeftOut[];
  validation?: Validation;
  sanitised?: SanitiseResult[];
  /** Name of the database that was live before. */
  kept?: string;
  /** How long connections had to wait at the swap, in milliseconds. */
  swapMilliseconds?: number;
  /** What dead imports had left and was removed. */
  removed: string[];
}

/** The live database holds something else, and nobody said that it may be replaced. */
export class NeedsReimport extends Error {
  override readonly name = "NeedsReimport";
}

const dhis2Extensions = ["postgis", "btree_gin", "pg_trgm"];

export async function runImport(options: ImportOptions): Promise<ImportResult> {
  const began = Date.now();
  const { progress, signal } = options;
  if (Buffer.byteLength(options.database) > longestName) {
    throw new ServerError(`The name ${options.database} is longer than ${longestName} bytes.`);
  }
  const source = await openSource(options.dump, {
    signal,
    progress: (bytes, total) => {
      if (progress.phase === "checking the dump") Object.assign(progress, { bytes, totalBytes: total });
    },
    ...(options.sha256 !== undefined && { sha256: options.sha256 }),
    ...(options.maxSpoolBytes !== undefined && { maxSpoolBytes: options.maxSpoolBytes }),
  });
  try {
    const result = await importSource(source, options);
    return { ...result, seconds: Math.round((Date.now() - began) / 100) / 10 };
  } finally {
    await source.remove();
  }
}

/** All that can be found out without the server, then the server. */
async function importSource(source: DumpSource, options: ImportOptions): Promise<Unfinished> {
  // Where it has to be a certain one, that was asked before. Else it only tells whether this dump is in already, and is
  // computed beside what follows.
  const sha256 = source.sha256();
  sha256.catch(() => undefined);
  const maxBytes = options.maxDecompressedBytes;
  const dump = await openDump(source.path, {
    ...(maxBytes !== undefined && { maxBytes }),
    ...(options.maxRatio !== undefined && { maxRatio: options.maxRatio }),
  });
  try {
    const excludeData = options.excludeAnalytics ? isGeneratedTable : () => false;
    const { signal } = options;
    const script: Script =
      dump.kind === "sql"
        ? dump
        : await openArchive(dump, { signal, ...(maxBytes !== undefined && { maxBytes }) });
    const server = await Server.connect(options.server);
    try {
      const about = { sha256, size: source.size, excludeData };
      const result = await importScript(server, script, about, options).catch((error: unknown) => {
        throw dump.kind === "sql" ? error : withoutLine(error);
      });
      const format = dump.kind === "sql" ? "plain SQL" : `${dump.format} archive`;
      return result.outcome === "unchanged"
        ? result
        : { ...result, format: [...dump.packing, format].join(", ") };
    } finally {
      await server.close();
    }
  } finally {
    await dump.remove();
  }
}

type Unfinished = Omit<ImportResult, "seconds">;

/** A dump as SQL text. */
interface Script {
  read(): AsyncGenerator<Buffer>;
  bytesRead(): number;
}

async function importScript(
  server: Server,
  script: Script,
  dump: { sha256: Promise<string>; size: number; excludeData: (table: string) => boolean },
  options: ImportOptions,
): Promise<Unfinished> {
  const { database, progress, connections, fromDatabase, encoding } = options;
  const { sha256, excludeData } = dump;
  await server.checkApplicationRole(options.role);
  await server.lock(database);
  const removed = [...(await server.sweep(database)), ...(await dropExpired(server, database))];
  if (await isDone(server, options, sha256)) {
    return {
      outcome: "unchanged",
      database,
      sha256: await sha256,
      removed,
      tables: [],
      rows: 0,
      leftOut: [],
    };
  }
  progress.phase = "preparing";
  const judge = await Judge.create({
    excludeData,
    ...(fromDatabase !== undefined && { database: fromDatabase }),
    ...(options.leaveOut && { leaveOut: options.leaveOut }),
  });
  const at = new Date().toISOString();
  const load = async (connection: ClientConfig, settings: SessionSettings, signal: AbortSignal) => {
    Object.assign(progress, { bytes: 0, totalBytes: dump.size, phase: "loading" });
    const timer = setInterval(() => (progress.bytes = script.bytesRead()), 100);
    const report = await loadDump(splitDump(script.read(), encoding === undefined ? {} : { encoding }), {
      ...{ connection, connections, settings, judge, signal },
      ...(options.dhis2Version !== undefined && { dhis2Version: options.dhis2Version }),
      progress: progress.load,
    }).finally(() => clearInterval(timer));
    return { report, record: { sha256: await sha256, dump: options.dump, at } };
  };
  const replaced = await replace(server, options, load);
  return { outcome: "imported", database, sha256: await sha256, removed, ...replaced };
}

/** Whether this very dump is in the live database already. Throws NeedsReimport when something else is. */
async function isDone(server: Server, options: ImportOptions, hash: Promise<string>): Promise<boolean> {
  const { database, reimport } = options;
  const live = (await server.databases()).find(({ name }) => name === database);
  if (!live || reimport) return false;
  const sha256 = await hash;
  const record = live.note.import;
  if (record && record.sha256 === sha256) {
    if (!options.sanitise || record.sanitised) return true;
    throw new NeedsReimport(
      `${database} holds this dump already, imported ${record.at}, but not sanitised. ` +
        "To import it again, sanitised, ask for it with --reimport; what was entered since would no longer be live.",
    );
  }
  if (record) {
    throw new NeedsReimport(
      `${database} holds another dump: ${record.dump} (SHA-256 ${record.sha256}), imported ${record.at}; this one has ` +
        `SHA-256 ${sha256}. Importing it would replace the live database with all that was entered since. ` +
        "If that is meant, ask for it with --reimport (in the stack: reimport: true).",
    );
  }
  if (await server.hasTables(database)) {
    throw new NeedsReimport(
      `${database} holds tables already, and not from an import. Importing would replace them. ` +
        "If that is meant, ask for it with --reimport (in the stack: reimport: true).",
    );
  }
  return false;
}

type Load = (
  connection: ClientConfig,
  settings: SessionSettings,
  signal: AbortSignal,
) => Promise<{ report: LoadReport; record: Pick<ImportRecord, "sha256" | "dump" | "at"> }>;

type Replaced = Omit<ImportResult, "outcome" | "database" | "sha256" | "seconds" | "removed" | "format">;

/** Makes the new database beside the live one, and the live one of it. Whatever fails, the live one is untouched. */
async function replace(server: Server, options: ImportOptions, load: Load): Promise<Replaced> {
  const { database, role, progress, signal } = options;
  const former = (await server.databases()).find(({ name }) => name === database);
  // An empty database that was only there to be filled is nothing to go back to.
  const worthKeeping = former && (former.note.import !== undefined || (await server.hasTables(database)));
  const fresh = await server.createNew(database, options.extensions ?? dhis2Extensions);
  let published = false;
  const { statementTimeout, maxDatabaseBytes } = options;
  const limits = await watchLimits(server, {
    ...{ database: fresh.name, role: fresh.role, statementTimeout },
    ...(maxDatabaseBytes !== undefined && { maxBytes: maxDatabaseBytes }),
  });
  const stop = AbortSignal.any([signal, server.lost.signal, limits.signal]);
  try {
    const settings = await sessionSettings(server, options);
    const loaded = await load(fresh.connection, settings, stop);
    const { report } = loaded;
    progress.phase = "validating";
    const session = { connection: fresh.connection, statementTimeout, stop };
    const validation = await asRole(session, (client) =>
      validate(client, report.tables, options.dhis2Version),
    );
    stop.throwIfAborted();
    let sanitised: SanitiseResult[] | undefined;
    if (options.sanitise) {
      progress.phase = "sanitising";
      const how = options.sanitise;
      sanitised = await asRole(session, (client) => sanitise(client, how));
    }
    stop.throwIfAborted();
    progress.phase = "publishing";
    const tables = [...report.tables].map(([name, { rows, bytes }]) => ({ name, rows, bytes }));
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    await server.handOver(fresh, role);
    const record = { ...loaded.record, rows, tables: tables.length, sanitised: sanitised !== undefined };
    const { kept, milliseconds } = await swap(
      server,
      database,
      { name: fresh.name, note: { dhistance: 1, import: record } },
      options.keepUntil,
    );
    published = true;
    if (!worthKeeping && kept !== undefined) await server.discard(kept);
    return {
      ...(report.serverVersion !== undefined && { postgresql: report.serverVersion }),
      ...{ tables, rows, validation, swapMilliseconds: milliseconds },
      ...(sanitised && { sanitised }),
      leftOut: report.leftOut.list(),
      ...(worthKeeping && kept !== undefined && { kept }),
    };
  } finally {
    await limits.stop();
    if (!published) await discard(server, fresh);
  }
}

/** What cannot be removed now (the server is gone, perhaps) is removed by the next import. */
async function discard(server: Server, fresh: NewDatabase): Promise<void> {
  await server.discard(fresh.name).catch(() => undefined);
}

interface RoleSession {
  connection: ClientConfig;
  /** In seconds. */
  statementTimeout: number;
  stop: AbortSignal;
}

async function asRole<T>(
  { connection, statementTimeout, stop }: RoleSession,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...connection, application_name: "dhistance import" });
  client.on("error", () => undefined);
  await client.connect();
  const abort = () => void client.end().catch(() => undefined);
  stop.addEventListener("abort", abort);
  try {
    await client.query(
      "SET search_path = pg_catalog; SET row_security = off; SET synchronous_commit = off;" +
        ` SET statement_timeout = '${Math.floor(statementTimeout)}s'`,
    );
    return await work(client);
  } catch (error) {
    stop.throwIfAborted();
    // A lost connection or a full disk is the server's fault, not the dump's.
    if (!(error instanceof DatabaseError) || /^(08|53|57P|58)/.test(error.code ?? "")) throw error;
    throw new ValidationError(`The new database cannot be checked or sanitised: ${error.message}`);
  } finally {
    stop.removeEventListener("abort", abort);
    await client.end();
  }
}

/** Memory for index builds: a share of what the server was given for its buffers, 64 MiB to 1 GiB each. */
async function sessionSettings(server: Server, options: ImportOptions): Promise<SessionSettings> {
  const [row] = await server.query<{ buffers: string }>(
    "SELECT setting::bigint * 8192 AS buffers FROM pg_settings WHERE name = 'shared_buffers'",
  );
  const share = Number(row?.buffers ?? 0) / options.connections;
  const mebibytes = Math.round(Math.min(1024, Math.max(64, share / 2 ** 20)));
  return {
    maintenanceMemory: mebibytes,
    maintenanceWorkers: Math.max(1, options.connections - 1),
    statementTimeout: options.statementTimeout,
  };
}
