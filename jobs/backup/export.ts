/**
 * One server's database, file store and settings into one snapshot of a portable repository. The database is read
 * first: every file that a row speaks of is there by then.
 */
import { copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Client, type ClientConfig } from "pg";
import { dhis2Version } from "../import/dhis2";
import { quote } from "../import/load/constraint";
import { BusyError, ServerError } from "../import/server";
import { accessOf } from "./access";
import { LocationError } from "./errors";
import {
  excludedOf,
  leftOutText,
  listLeftOut,
  readFileStore,
  sizeOf,
  withUnread,
  type FileStore,
  type LeftOutList,
} from "./fileStore";
import { libpqEnvironment } from "./libpq";
import {
  claimed,
  EXPORT_TAG,
  LAYOUT,
  openManifest,
  receiptOf,
  receiptTag,
  rowsOf,
  sha256,
  sign,
  type Manifest,
} from "./manifest";
import type { BackupLocation } from "./location";
import { openThisMonth, orInto } from "./month";
import type { Progress } from "./progress";
import { rehearse, structureOf } from "./rehearsal";
import type { Bandwidth, Repository } from "./restic";
import { countRows, fullName, leftOutOf, lockTables, neededEmpty, tablesOf, type Table } from "./tables";
import { lostSince, newlyUnread, newlyUnrestorable, nothingIn } from "./shrink";
import { postgresProgram, runTool, ToolError } from "./runTool";

export interface ExportOptions {
  /** Name of the server in the backups. */
  name: string;
  /** An account that may read all of the database. Its `database` is the one that is exported. */
  server: ClientConfig;
  location: BackupLocation;
  key: KeyObject;
  /** The file store. @default none is exported */
  files?: string;
  /** Files of settings, kept under their own names. */
  settings: string[];
  /** More of them, by name, such as DHIS2's `encryption.password`. */
  texts: Record<string, string>;
  /** Directory with space for the complete, uncompressed dump. */
  scratch: string;
  /** Tables that are read at the same time. */
  jobs: number;
  bandwidth?: Bandwidth;
  /**
   * Days in which all data of the month's repository are read and checked once, a part in each: what is damaged would
   * otherwise be taken for stored by every later export.
   */
  checkDays: number;
  /** That a backup which holds much less than earlier ones is meant to. @default it is an alarm */
  acceptShrink?: boolean;
  progress: Progress;
  signal: AbortSignal;
  /** For tests. @default now */
  now?: Date;
}

export interface ExportResult {
  repository: string;
  snapshot: string;
  at: string;
  rows: number;
  tables: number;
  /** Bytes of what was read, and of what the repository grew by. */
  bytes: number;
  added: number;
  /** Tables whose data is not in it, because DHIS2 generates it. `schema.table`. */
  leftOut: string[];
  /** What of the file store is not in it. Absent when all of it is. */
  filesLeftOut?: LeftOutList;
  /** The backups that it was compared with, by the point in time that each is of. */
  comparedWith: string[];
  /** What it lacks that they had, or that every database has. */
  shrunk: string[];
  /** The same, when that is meant to be so. */
  accepted: string[];
  seconds: number;
}

/**
 * @throws BusyError when another export of this database is under way, ServerError, LocationError, BackupError; whatever is
 * thrown, no new backup is claimed good
 */
export async function exportServer(options: ExportOptions): Promise<ExportResult> {
  const began = Date.now();
  const { name, location, key, progress, signal, files } = options;
  const stage = join(options.scratch, `dhistance-export-${name}`);
  progress.begin("looking at the repository");
  const client = await connect(options.server);
  let locked = false;
  try {
    await lock(client, String(options.server.database));
    locked = true;
    // What a killed export left; the lock says that it is nobody's.
    await rm(stage, { recursive: true, force: true });
    await mkdir(stage, { mode: 0o700 });
    const found = await openThisMonth(location, options);
    const earlier = await earlierManifests(location, createPublicKey(key), options.now ?? new Date());
    const database = await dump(client, stage, options);
    const contents: Manifest = {
      ...{ dhistance: 1 as const, server: name, database: String(options.server.database), ...database },
      settings: await gatherSettings(stage, options),
    };
    progress.begin("looking at the file store");
    const store = files === undefined ? undefined : await readFileStore(files, signal);
    const proof = await rehearsed(contents, earlier, stage, options);
    const backup = { contents: { ...contents, ...proof }, earlier, stage };
    const { manifest, repository, ...written } = await write(found, store, backup, options);
    progress.begin("signing the receipt");
    const tree = (await repository.snapshots()).find(({ id }) => id === written.id)?.tree;
    if (tree === undefined)
      throw new LocationError(`The snapshot ${written.id} is not in ${repository.url} any more.`);
    const receipt = receiptTag(await sign(receiptOf(manifest, tree), key));
    await repository.backup({ directory: stage, paths: [MANIFEST], host: name, tag: receipt });
    return {
      ...{ repository: repository.url, snapshot: written.id, at: manifest.at, rows: rowsOf(manifest) },
      ...{ tables: Object.keys(manifest.tables).length, bytes: written.total, added: written.added },
      ...{ leftOut: manifest.leftOut ?? [], comparedWith: earlier.map(({ at }) => at) },
      ...(manifest.filesLeftOut && { filesLeftOut: manifest.filesLeftOut }),
      ...{ shrunk: manifest.shrunk ?? [], accepted: manifest.accepted ?? [] },
      seconds: Math.round((Date.now() - began) / 100) / 10,
    };
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") throw full(options.scratch);
    throw error;
  } finally {
    // Without the lock it is another run's.
    if (locked) await rm(stage, { recursive: true, force: true });
    await client.end().catch(() => undefined);
  }
}

const MANIFEST = LAYOUT.manifest.slice(1);

/** Times that a backup is written when each time other files cannot be read. */
const ROUNDS = 5;

interface Written {
  id: string;
  total: number;
  added: number;
  manifest: Manifest;
  repository: Repository;
}

/** Writes the backup. What cannot be read of the file store is left out, and the manifest names it. */
async function write(
  into: Repository,
  store: FileStore | undefined,
  backup: { contents: Manifest; earlier: Manifest[]; stage: string },
  options: ExportOptions,
  rounds = ROUNDS,
): Promise<Written> {
  const { location, key, name, progress, bandwidth, acceptShrink = false } = options;
  const { contents, earlier, stage } = backup;
  const manifest = judge(store ? withFiles(contents, store) : contents, earlier, acceptShrink);
  await writeFile(join(stage, MANIFEST), await sign(manifest, key));
  progress.begin("writing the backup");
  const paths = [...Object.values(LAYOUT).map((path) => path.slice(1)), ...(store ? [store.path] : [])];
  const { result, repository } = await orInto(into, location, (repository) =>
    repository.backup({
      ...{ directory: stage, paths, host: name, tag: EXPORT_TAG, onBytes: progress.bytes },
      ...(bandwidth && { bandwidth }),
      ...(store && { mayLack: store.path, without: excludedOf(store) }),
    }),
  );
  const { id, total, added } = result;
  const found = store && withUnread(store, result.unread);
  if (!found) return { id, total, added, manifest, repository };
  if (rounds === 1)
    throw new LocationError(
      `Each time the file store ${found.path} is read, other files cannot be read: ${leftOutText(listLeftOut(found.leftOut))}. Look at its disk.`,
    );
  const next = await write(repository, found, backup, options, rounds - 1);
  return { ...next, added: next.added + added };
}

function withFiles(contents: Manifest, { path, size, leftOut }: FileStore): Manifest {
  const files = { files: size, filesPath: path };
  return { ...contents, ...files, ...(leftOut.length > 0 && { filesLeftOut: listLeftOut(leftOut) }) };
}

/** Compares what the backup holds with what earlier ones hold. */
function judge(contents: Manifest, earlier: Manifest[], acceptShrink: boolean): Manifest {
  const lost = [
    ...new Set([
      ...nothingIn(contents),
      ...earlier.flatMap((each) => lostSince(each, contents)),
      ...newlyUnrestorable(contents, earlier),
      ...newlyUnread(contents, earlier),
    ]),
  ];
  return { ...contents, ...(lost.length > 0 && (acceptShrink ? { accepted: lost } : { shrunk: lost })) };
}

async function connect(server: ClientConfig): Promise<Client> {
  const client = new Client({ ...server, application_name: "dhistance export", keepAlive: true });
  client.on("error", () => undefined);
  await client.connect().catch((error: Error) => {
    throw new ServerError(
      `No connection to the database ${server.database ?? ""} at ${server.host ?? ""}:${server.port ?? 5432} as ${server.user ?? ""}: ${error.message}`,
    );
  });
  return client;
}

/** For as long as the connection lasts. The server holds it, so that it also counts for a task on another machine. */
async function lock(client: Client, database: string): Promise<void> {
  const { rows } = await client.query<{ got: boolean }>(
    "SELECT pg_try_advisory_lock(hashtext('dhistance export'), hashtext($1)) AS got",
    [database],
  );
  if (!rows[0]?.got)
    throw new BusyError(`Another export of ${database} is under way. Wait for it to end, or stop it.`);
}

const WEEK = 7 * 24 * 3600 * 1000;

/**
 * Of the newest backup that holds no less than those before it, and of the one of a week earlier: what is lost bit by bit
 * shows only there. What came before a loss that was meant does not count. Backups that cannot be read are passed over.
 */
async function earlierManifests(location: BackupLocation, key: KeyObject, now: Date): Promise<Manifest[]> {
  const aWeekAgo = new Date(now.getTime() - WEEK).toISOString();
  const good: { read: () => Promise<Manifest>; at: string }[] = [];
  months: for (const month of (await location.months()).reverse()) {
    const repository = location.repository(month);
    const snapshots = await repository.snapshots().catch(() => []);
    for (const { snapshot, receipt } of await claimed(snapshots, key)) {
      if (receipt.shrunk) continue;
      const read = async () =>
        openManifest((await repository.dump(snapshot.id, LAYOUT.manifest)).toString(), key);
      good.push({ read, at: receipt.at });
      if (receipt.accepted || receipt.at <= aWeekAgo) break months;
    }
  }
  const found = new Map<string, Manifest>();
  for (const order of [good, [...good].reverse()])
    for (const { at, read } of order) {
      const manifest = found.get(at) ?? (await read().catch(() => undefined));
      location.signal.throwIfAborted();
      if (!manifest) continue;
      found.set(at, manifest);
      break;
    }
  return [...found.values()];
}

/** Rehearses the restore of what was dumped, if nobody has done so with a database of this structure. */
async function rehearsed(
  manifest: Manifest,
  earlier: Manifest[],
  stage: string,
  { name, scratch, progress, signal }: ExportOptions,
): Promise<Pick<Manifest, "rehearsed" | "unrestorable">> {
  progress.begin("rehearsing the restore");
  const dump = join(stage, "database");
  const structure = await structureOf(manifest, dump, signal);
  if (earlier.some((each) => each.rehearsed === structure && !each.unrestorable))
    return { rehearsed: structure };
  // Not in the stage, which is ours alone: PostgreSQL may run as another account.
  const directory = join(scratch, `dhistance-rehearsal-${name}`);
  const unrestorable = await rehearse(manifest, { dump, stage, directory }, signal);
  return { rehearsed: structure, ...(unrestorable.length > 0 && { unrestorable }) };
}

type Dumped = Pick<
  Manifest,
  "at" | "postgresql" | "dhis2" | "extensions" | "schemas" | "access" | "tables" | "leftOut" | "dump"
>;

/** Dumps and counts in one and the same snapshot of the database. */
async function dump(client: Client, stage: string, options: ExportOptions): Promise<Dumped> {
  const { progress, signal, server } = options;
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  await client.query("SET LOCAL row_security = off; SET LOCAL statement_timeout = 0");
  const { rows } = await client.query<{ snapshot: string; at: Date; postgresql: string }>(
    "SELECT pg_export_snapshot() AS snapshot, now() AS at, current_setting('server_version') AS postgresql",
  );
  const [row] = rows;
  if (!row) throw new ServerError("The database server exports no snapshot.");
  const tables = await tablesOf(client);
  const leftOut = await leftOutOf(client, tables);
  const isLeftOut = (table: Table) => leftOut.has(fullName(table));
  const wanted = tables.filter((table) => !isLeftOut(table));
  const empty = await neededEmpty(client, leftOut);
  progress.begin("waiting for locked tables");
  await lockTables(client, wanted);
  progress.begin("reading the database", await bytesOf(client, wanted));
  const directory = join(stage, "database");
  // A table that is excluded altogether pg_dump does not lock: DHIS2 drops and renames it meanwhile.
  const excluded = tables.filter(isLeftOut).map((table) => {
    const option = empty.has(fullName(table)) ? "--exclude-table-data" : "--exclude-table";
    return `${option}=${quote(table.schema)}.${quote(table.name)}`;
  });
  const parameters = [
    // Not compressed: restic compresses, and of what it finds unchanged it stores nothing again.
    ...["--format=directory", "--compress=0", `--file=${directory}`, `--jobs=${options.jobs}`],
    ...[`--snapshot=${row.snapshot}`, "--no-password", "--lock-wait-timeout=60s"],
    ...excluded,
  ];
  const env = await libpqEnvironment(server, stage);
  const checkHealth = setInterval(() => {
    void sizeOf(directory).then(
      ({ bytes }) => (progress.done = bytes),
      () => undefined,
    );
  }, 500);
  const other = new AbortController();
  const stop = AbortSignal.any([signal, other.signal]);
  const dumping = runTool(postgresProgram("pg_dump"), parameters, { env, signal: stop });
  try {
    const [counts] = await Promise.all([countRows(client, wanted, stop), dumping]);
    const found = await aboutDatabase(client);
    await client.query("COMMIT");
    return {
      at: row.at.toISOString(),
      postgresql: row.postgresql,
      ...found,
      tables: counts,
      leftOut: [...leftOut],
      dump: await sizeOf(directory),
    };
  } catch (error) {
    other.abort(error);
    await dumping.catch(() => undefined);
    signal.throwIfAborted();
    if (error instanceof ToolError) {
      if (/no space left/i.test(error.complaint)) throw full(options.scratch);
      throw new ServerError(`The database could not be dumped, so no backup was made. ${error.message}`);
    }
    if (error instanceof Error && error.name !== "Error" && error.name !== "error") throw error;
    throw new ServerError(
      `The database could not be read, so no backup was made: ${(error as Error).message}`,
    );
  } finally {
    clearInterval(checkHealth);
  }
}

function full(scratch: string): LocationError {
  return new LocationError(
    `The disk is full: ${scratch} has no space for the complete dump. Name a larger directory with --scratch.`,
  );
}

async function bytesOf(client: Client, tables: Table[]): Promise<number> {
  const names = tables.map(({ schema, name }) => `${quote(schema)}.${quote(name)}`);
  const { rows } = await client.query<{ bytes: string | null }>(
    "SELECT sum(pg_table_size(t::regclass)) AS bytes FROM unnest($1::text[]) t",
    [names],
  );
  return Number(rows[0]?.bytes ?? 0);
}

async function aboutDatabase(
  client: Client,
): Promise<Pick<Manifest, "dhis2" | "extensions" | "schemas" | "access">> {
  const extensions = await client.query<{ name: string; schema: string }>(
    "SELECT extname AS name, nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace" +
      " WHERE extname <> 'plpgsql' ORDER BY e.oid",
  );
  const elsewhere = extensions.rows.filter(({ schema }) => schema !== "public");
  const there = await client.query(
    "SELECT FROM pg_class WHERE oid = to_regclass('public.flyway_schema_history')",
  );
  const migrations =
    there.rowCount === 0
      ? []
      : (
          await client.query<{ version: string | null; succeeded: boolean }>(
            "SELECT version, success AS succeeded FROM public.flyway_schema_history",
          )
        ).rows;
  const dhis2 = dhis2Version(
    migrations.map(({ version, ...rest }) => ({ version: version ?? undefined, ...rest })),
  );
  return {
    extensions: extensions.rows.map(({ name }) => name),
    schemas: Object.fromEntries(elsewhere.map(({ name, schema }) => [name, schema])),
    access: await accessOf(client),
    ...(dhis2 !== undefined && { dhis2 }),
  };
}

/** Copies the settings beside the dump, each readable by us alone. Returns the SHA-256 of each. */
async function gatherSettings(stage: string, options: ExportOptions): Promise<Record<string, string>> {
  const directory = join(stage, "settings");
  await mkdir(directory, { mode: 0o700 });
  for (const file of options.settings) {
    await copyFile(file, join(directory, basename(file))).catch((error: Error) => {
      throw new LocationError(`The settings ${file} cannot be read: ${error.message}`);
    });
  }
  for (const [name, text] of Object.entries(options.texts))
    await writeFile(join(directory, name), text, { mode: 0o600 });
  const names = await readdir(directory);
  return Object.fromEntries(names.sort().map((name) => [name, sha256(readFileSync(join(directory, name)))]));
}
