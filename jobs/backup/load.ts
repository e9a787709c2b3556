/** A backup out of its repository and into a new database, which is then compared with the backup's manifest. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { Client, type ClientConfig } from "pg";
import { quote } from "../import/load/constraint";
import { ServerError, type NewDatabase, type Server } from "../import/server";
import { BackupError, MismatchError, LocationError } from "./errors";
import { LAYOUT } from "./export";
import { libpqEnvironment } from "./libpq";
import { claimed, openManifest, sha256, signedByOthers, type Claimed, type Manifest } from "./manifest";
import { newestRepository, type BackupLocation } from "./location";
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
  await newestRepository(location);
  const unreadable: Error[] = [];
  const copies = await backupsIn(location, key, (error) => unreadable.push(error));
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
  const which = id === undefined ? "backup that its export claimed good" : `backup ${id}`;
  const signed = key ? " and signed with this key" : "";
  throw new BackupError(
    "missing",
    `There is no ${which}${signed} in ${location.url}; the list command says what is there.`,
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

/** @throws BackupError when anything of it is damaged, or not what was signed */
export async function fetchBackup(
  { repository, snapshot, receipt }: Found,
  key: KeyObject | undefined,
  stage: string,
  progress: Progress,
): Promise<Fetched> {
  progress.begin("reading the manifest");
  const jws = (await repository.dump(snapshot.id, LAYOUT.manifest)).toString();
  const manifest = await openManifest(jws, key);
  if (manifest.at !== receipt.at || manifest.server !== receipt.server)
    throw new BackupError("signature", `The manifest of ${snapshot.id} is another backup's.`);
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
const MADE_BEFORE =
  /^\d+; \d+ \d+ (?:EXTENSION|COMMENT - EXTENSION|SCHEMA - public|COMMENT - SCHEMA public|ACL|DEFAULT ACL) /;

/**
 * Loads a dump into an empty database that has the extensions.
 * @throws ServerError; LocationError when its disk is full
 */
export async function loadDump(
  server: Server,
  fresh: NewDatabase,
  { dump, stage, jobs }: { dump: string; stage: string; jobs: number },
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const database = fresh.connection;
  await letFillCatalogues(server, fresh);
  const env = await libpqEnvironment(database, stage);
  const restore = (parameters: string[]) =>
    runTool(postgresProgram("pg_restore"), [...parameters, dump], { env, signal });
  try {
    const contents = (await restore(["--list"])).toString().split("\n");
    const list = join(stage, "list");
    await writeFile(list, contents.filter((line) => !MADE_BEFORE.test(line)).join("\n"));
    progress.begin("loading the database");
    await restore([
      ...[`--dbname=${database.database ?? ""}`, `--use-list=${list}`, `--jobs=${jobs}`],
      ...["--exit-on-error", "--no-owner", "--no-acl", "--no-password"],
    ]);
    // It leaves no statistics: without them the first queries of the application take for ever.
    progress.begin("gathering statistics");
    await withClient(database, (client) => client.query("ANALYZE"));
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ToolError)) throw error;
    if (/no space left|disk full/i.test(error.complaint))
      throw new LocationError(
        `The disk of the database server is full; nothing was replaced. ${error.message}`,
      );
    throw new ServerError(`The backup could not be loaded; nothing was replaced. ${error.message}`);
  }
}

/** PostGIS's table of reference systems is an extension's, but the rows that people add to it are the database's. */
async function letFillCatalogues(server: Server, { name, role }: NewDatabase): Promise<void> {
  await server.within(name, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "SELECT to_regclass('public.spatial_ref_sys') IS NOT NULL AS there",
    );
    if (rows[0]?.there) await client.query(`GRANT ALL ON public.spatial_ref_sys TO ${quote(role)}`);
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
  const counts = await withClient(database, async (client) =>
    countRows(client, await tablesOf(client), signal),
  );
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
