/** A backup out of its repository and into a new database, which is then compared with the backup's manifest. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { Client, type ClientConfig } from "pg";
import { quote } from "../import/load/constraint";
import { ServerError, type NewDatabase, type Server } from "../import/server";
import { makeRoles, removeRoles } from "./access";
import { BackupError, MismatchError, LocationError } from "./errors";
import { libpqEnvironment } from "./libpq";
import {
  claimed,
  LAYOUT,
  openManifest,
  sha256,
  signedByOthers,
  type Claimed,
  type Manifest,
} from "./manifest";
import type { BackupLocation } from "./location";
import type { Progress } from "./progress";
import type { Repository } from "./restic";
import { countRows, differences, tablesOf } from "./tables";
import { postgresProgram, runTool, ToolError } from "./runTool";

export interface Found extends Claimed {
  repository: Repository;
}

/**
 * Every backup of a location that its export claimed good, the newest first. A repository that cannot be read is reported, and
 * so is how many backups are signed with another key.
 */
export async function backupsIn(
  location: BackupLocation,
  key: KeyObject | undefined,
  onUnreadable: (error: Error) => void,
  onOthers: (count: number) => void = () => undefined,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const name of (await location.months()).reverse()) {
    const repository = location.repository(name);
    try {
      const snapshots = await repository.snapshots();
      const copies = await claimed(snapshots, key);
      onOthers(await signedByOthers(snapshots, key));
      found.push(...copies.map((copy) => ({ ...copy, repository })));
    } catch (error) {
      location.signal.throwIfAborted();
      // One that was being made when its export was killed: there has never been anything in it.
      if (error instanceof BackupError && error.fault === "missing") continue;
      onUnreadable(error as Error);
    }
  }
  return found.sort((a, b) => b.receipt.at.localeCompare(a.receipt.at));
}

/**
 * The newest backup, or the one with a snapshot id that begins with `id`.
 * @throws BackupError when there is none, with the reason why repositories could not be read
 */
export async function chooseBackup(
  location: BackupLocation,
  key: KeyObject | undefined,
  id?: string,
): Promise<Found> {
  const unreadable: Error[] = [];
  let others = 0;
  const copies = await backupsIn(
    location,
    key,
    (error) => unreadable.push(error),
    (count) => (others += count),
  );
  const chosen =
    id === undefined ? copies.slice(0, 1) : copies.filter((copy) => copy.snapshot.id.startsWith(id));
  if (chosen.length > 1)
    throw new BackupError(
      "missing",
      `More than one backup in ${location.url} begins with ${id ?? ""}; give more of its id.`,
    );
  const [copy] = chosen;
  if (copy) return copy;
  if (unreadable[0]) throw unreadable[0];
  if (id === undefined || copies.length === 0) throw await noBackup(location, others);
  const signed = others > 0 ? `; ${others} more are signed with another key` : "";
  throw new BackupError(
    "missing",
    `There is no backup ${id} in ${location.url}. The list command shows the ${copies.length} that are there${signed}.`,
  );
}

/** @param others backups that are signed with another key */
export async function noBackup(location: BackupLocation, others: number): Promise<BackupError> {
  const { url } = location;
  if (others > 0)
    return new BackupError(
      "signature",
      `None of the ${others} backups in ${url} is signed with this --public-key. Is it the key of this server?`,
    );
  const months = await location.months();
  const hidden = await location.hiddenMonths();
  if (hidden.length > 0)
    return new BackupError(
      "missing",
      `The backups in ${url} were deleted or hidden (${hidden.join(", ")}); the bucket still has earlier versions of their objects. ` +
        "Bring these back before they expire.",
    );
  return new BackupError(
    "missing",
    months.length === 0
      ? await location.whyEmpty()
      : `There is no complete backup in ${url}: no export into ${months.join(", ")} has come to its end.`,
  );
}

/** What is read out of a backup before its database can be loaded. */
export interface Fetched {
  manifest: Manifest;
  /** Directory of the dump. */
  dump: string;
  /** Directory of the settings. */
  settings: string;
}

/** @throws BackupError when the manifest is damaged, not signed with the key, or another backup's */
export async function manifestOf(
  { repository, snapshot, receipt }: Found,
  key: KeyObject | undefined,
): Promise<Manifest> {
  const jws = (await repository.dump(snapshot.id, LAYOUT.manifest)).toString();
  const manifest = await openManifest(jws, key);
  if (manifest.at !== receipt.at || manifest.server !== receipt.server)
    throw new BackupError("signature", `The manifest of ${snapshot.id} is another backup's.`);
  return manifest;
}

/** @throws BackupError when anything of it is damaged, or not what was signed */
export async function fetchBackup(
  copy: Found,
  key: KeyObject | undefined,
  stage: string,
  progress: Progress,
): Promise<Fetched> {
  const { repository, snapshot } = copy;
  progress.begin("reading the manifest");
  const manifest = await manifestOf(copy, key);
  const [dump, settings] = [join(stage, "database"), join(stage, "settings")];
  progress.begin("fetching the database", manifest.dump.bytes);
  await mkdir(stage, { recursive: true, mode: 0o700 });
  await repository.restore(snapshot.id, LAYOUT.database, dump, progress.bytes);
  await repository.restore(snapshot.id, LAYOUT.settings, settings);
  for (const [name, hash] of Object.entries(manifest.settings)) {
    if (sha256(await readFile(join(settings, name))) !== hash)
      throw new BackupError("damaged", `The settings ${name} are not those that were signed.`);
  }
  return { manifest, dump, settings };
}

/** What a role without rights over the server cannot make, and finds made: extensions and the schema they are in. */
const MADE_BEFORE = /^(?:EXTENSION|COMMENT - EXTENSION|SCHEMA - public|COMMENT - SCHEMA public) /;
/** Only when it says all that it does, pg_restore says which entry of the dump it could not make. */
const SAY_WHICH = "--verbose";
const LONG = 16 << 20;
/** It is put in force at the end: foreign keys are checked by queries, which it would hide rows from. */
const ROW_SECURITY = /^ROW SECURITY /;
/** Grants come last, from the administrator: only then everything has its owner. */
const GRANTS = /^(?:ACL|DEFAULT ACL) /;

export interface Load {
  dump: string;
  /** Private directory for temporary files. */
  stage: string;
  /** Tables that are loaded at the same time. */
  jobs: number;
  /** Entries of the dump that are left out. */
  without?: number[];
  /** That no rows are loaded, and errors are for the caller. */
  rehearsal?: boolean;
}

/** A new database with the extensions and roles that a backup needs. */
export async function makeDatabase(
  server: Server,
  database: string,
  { extensions, schemas, access, unrestorable = [] }: Manifest,
): Promise<{ fresh: NewDatabase; roles: string[] }> {
  const roles = await makeRoles(server, access ?? { roles: [] });
  const known = new Set(unrestorable.map(({ what }) => what.split(" (")[0]));
  try {
    const fresh = await server.createNew(database, extensions, schemas, (extension, error) => {
      if (!known.has(`EXTENSION ${extension}`))
        throw new ServerError(
          `The extension ${extension} cannot be created on the database server: ${error.message}`,
        );
    });
    return { fresh, roles };
  } catch (error) {
    await removeRoles(server, roles);
    throw error;
  }
}

/** The lines of the dump's contents that `wanted` takes, as a file for pg_restore. Each gets what the line speaks of. */
async function listOf(
  { dump, stage, without = [] }: Load,
  env: Record<string, string>,
  signal: AbortSignal,
  wanted: (what: string) => boolean,
): Promise<string> {
  const contents = await runTool(postgresProgram("pg_restore"), ["--list", dump], { env, signal });
  const left = new Set(without);
  const lines = contents
    .toString()
    .split("\n")
    .filter((line) => {
      const [, entry, what] = /^(\d+); \d+ \d+ (.*)$/.exec(line) ?? [];
      return what !== undefined && !left.has(Number(entry)) && wanted(what);
    });
  const file = join(stage, "list");
  await writeFile(file, lines.join("\n"));
  return file;
}

/**
 * Loads a dump into an empty database that has the extensions.
 * @throws ServerError; LocationError when its disk is full; of a rehearsal, ToolError with all that could not be made
 */
export async function loadDump(
  server: Server,
  fresh: NewDatabase,
  load: Load,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { dump, stage, jobs, rehearsal = false } = load;
  const database = fresh.connection;
  const present = (await letFillCatalogues(server, fresh)).map((schema) => `SCHEMA - ${schema} `);
  const env = await libpqEnvironment(database, stage);
  try {
    const belongs = (what: string) =>
      !MADE_BEFORE.test(what) && !GRANTS.test(what) && !present.some((schema) => what.startsWith(schema));
    const restore = async (wanted: (what: string) => boolean) =>
      runTool(
        postgresProgram("pg_restore"),
        [
          ...[`--dbname=${database.database ?? ""}`, "--no-owner", "--no-acl", "--no-tablespaces"],
          ...["--no-password", `--use-list=${await listOf(load, env, signal, wanted)}`],
          ...(rehearsal ? ["--schema-only", SAY_WHICH] : ["--exit-on-error", `--jobs=${jobs}`]),
          dump,
        ],
        { env, signal, keep: LONG },
      );
    if (!rehearsal) progress.begin("loading the database");
    await restore((what) => belongs(what) && !ROW_SECURITY.test(what));
    await restore((what) => belongs(what) && ROW_SECURITY.test(what));
    if (rehearsal) return;
    // It leaves no statistics: without them the first queries of the application take for ever.
    progress.begin("gathering statistics");
    await withClient(database, (client) => client.query("ANALYZE"));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ToolError) || rehearsal) throw error;
    if (/no space left|disk full/i.test(error.said))
      throw new LocationError(
        `The disk of the database server is full; nothing was replaced. ${error.message}`,
      );
    throw new ServerError(`The backup could not be loaded; nothing was replaced. ${error.message}`);
  }
}

/**
 * The grants on a restored database's objects, made by an administrator. GRANT runs nothing that is in the database.
 * @throws ToolError with all that could not be made
 */
export async function loadGrants(
  administrator: ClientConfig,
  load: Load,
  signal: AbortSignal,
): Promise<void> {
  const env = await libpqEnvironment(administrator, load.stage);
  const list = await listOf(load, env, signal, (what) => GRANTS.test(what));
  const parameters = [`--dbname=${administrator.database ?? ""}`, `--use-list=${list}`];
  await runTool(
    postgresProgram("pg_restore"),
    [...parameters, "--no-owner", "--no-password", SAY_WHICH, load.dump],
    { env, signal, keep: LONG },
  );
}

/**
 * Tables and sequences that are an extension's, such as PostGIS's reference systems, have rows that people add to them.
 * @returns the schemas that are there
 */
async function letFillCatalogues(server: Server, { name, role }: NewDatabase): Promise<string[]> {
  return server.within(name, async (client) => {
    const { rows } = await client.query<{ name: string; kind: string }>(
      "SELECT c.oid::regclass::text AS name, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind" +
        " FROM pg_extension e CROSS JOIN unnest(e.extconfig) AS o JOIN pg_class c ON c.oid = o",
    );
    for (const { name: table, kind } of rows)
      await client.query(`GRANT ALL ON ${kind} ${table} TO ${quote(role)}`);
    const schemas = await client.query<{ name: string }>("SELECT nspname AS name FROM pg_namespace");
    return schemas.rows.map(({ name: schema }) => schema);
  });
}

/** @throws MismatchError when a table has other rows than the manifest says */
export async function compare(
  database: ClientConfig,
  manifest: Manifest,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  progress.begin("counting rows");
  const counts = await withClient(database, async (client) => {
    const tables = await tablesOf(client);
    await client.query("BEGIN");
    // Policies may hide rows from the owner, too. What is done here is undone.
    const { rows } = await client.query<{ name: string }>(
      "SELECT oid::regclass::text AS name FROM pg_class WHERE relforcerowsecurity",
    );
    for (const { name } of rows) await client.query(`ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`);
    const found = await countRows(client, tables, signal);
    await client.query("ROLLBACK");
    return found;
  });
  const found = differences(manifest.tables, counts);
  if (found.length > 0) throw new MismatchError(found);
}

export async function withClient<T>(config: ClientConfig, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...config, application_name: "dhistance backup" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
