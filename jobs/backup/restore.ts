/**
 * A backup into a new database, or over the old one, which is kept until it is confirmed (`import confirm`)
 * and to which `import rollback` goes back.
 */
import { mkdir, readdir, rename, rm, writeFile, copyFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import type { ClientConfig } from "pg";
import { rowsWithoutFile, type RowsWithoutFile } from "../fileResources";
import { Server, type NewDatabase } from "../import/server";
import { NeedsReimport } from "../import/runImport";
import { swap } from "../import/swap";
import { removeRoles, restoreRights } from "./access";
import { LocationError } from "./errors";
import { leftOutText, type LeftOutList } from "./fileStore";
import { withLock } from "./lock";
import {
  chooseBackup,
  compare,
  fetchBackup,
  loadDump,
  loadGrants,
  makeDatabase,
  manifestOf,
  withClient,
  type Found,
  type Load,
} from "./load";
import { leftOutOfRestore, rowsOf, sha256, type Manifest } from "./manifest";
import type { BackupLocation } from "./location";
import type { Progress } from "./progress";
import { refusedBy } from "./rehearsal";
import { refuseUnwritable, restoreFiles, type FilesRestored } from "./restoreFiles";
import { ToolError } from "./runTool";

export interface RestoreOptions {
  location: BackupLocation;
  /** Receipts and manifests of other keys do not count. @default nothing is verified */
  key?: KeyObject;
  /** Beginning of a snapshot's id. @default the newest */
  snapshot?: string;
  /** An administrator; its `database` is one that always exists. */
  server: ClientConfig;
  database: string;
  /** The application's role. */
  role: string;
  /** Whether a database that holds tables may be replaced. It is kept. */
  replace: boolean;
  /** The file store: what it lacks is added. @default it is not restored */
  files?: string;
  /** Whether files that differ are replaced, too. */
  replaceFiles?: boolean;
  /** Where the settings go. @default they are not restored */
  settings?: string;
  scratch: string;
  jobs: number;
  progress: Progress;
  signal: AbortSignal;
}

export interface RestoreResult {
  database: string;
  snapshot: string;
  /** The moment it is of. */
  at: string;
  from: string;
  rows: number;
  tables: number;
  /** What was done with the file store. */
  files?: FilesRestored;
  /** Rows whose file is not in the file store. */
  withoutFile?: RowsWithoutFile;
  settings: string[];
  postgresql: string;
  dhis2?: string;
  /** Roles that were missing on the server. They are there now, without login, password or rights elsewhere. */
  rolesMade: string[];
  /** What the exported database had and the restored one has not, with the reason. */
  lacking: string[];
  /** Whether its signature was verified. */
  verified: boolean;
  /** Name under which the previous database is kept. */
  kept?: string;
  seconds: number;
}

/** Whatever is thrown, the live database and the file store are what they were. */
export function restore(options: RestoreOptions): Promise<RestoreResult> {
  return withStage(options, (stage) => restoreFrom(stage, options));
}

async function withStage<T>(options: RestoreOptions, work: (stage: string) => Promise<T>): Promise<T> {
  const stage = join(options.scratch, `dhistance-restore-${options.database}`);
  return withLock(stage, async () => {
    const inside = join(stage, "copy");
    await rm(inside, { recursive: true, force: true });
    try {
      return await work(inside);
    } catch (error) {
      options.signal.throwIfAborted();
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      throw new LocationError(
        `The disk is full: ${options.scratch} has no space for the backup; name another with --scratch.`,
      );
    } finally {
      await rm(inside, { recursive: true, force: true });
    }
  });
}

async function restoreFrom(stage: string, options: RestoreOptions): Promise<RestoreResult> {
  const began = Date.now();
  const { location, key, progress, signal, database, jobs } = options;
  progress.begin("looking for the backup");
  const copy = await chooseBackup(location, key, options.snapshot);
  for (const directory of [options.files, options.settings])
    if (directory !== undefined) await refuseUnwritable(directory);
  const server = await Server.connect(options.server);
  let takeBack: (() => Promise<unknown>) | undefined;
  let fresh: NewDatabase | undefined;
  let roles: string[] = [];
  try {
    await server.checkApplicationRole(options.role);
    await server.lock(database);
    await server.sweep(database);
    const former = (await server.databases()).some(({ name }) => name === database);
    const holdsData = former && (await server.hasTables(database));
    if (holdsData && !options.replace) throw new NeedsReimport(occupied(database));
    const { manifest, dump, settings } = await fetchBackup(copy, key, stage, progress);
    ({ fresh, roles } = await makeDatabase(server, database, manifest));
    const load = { dump, stage, jobs, without: leftOutOfRestore(manifest) };
    await loadDump(server, fresh, load, progress, signal);
    await compare(fresh.connection, manifest, progress, signal);
    // Files first: a row without its file is worse than a file without its row.
    const files = await filesOf(copy, manifest, options);
    takeBack = files?.takeBack;
    const target = options.files;
    const withoutFile =
      target === undefined
        ? undefined
        : await withClient(fresh.connection, (client) => rowsWithoutFile(client, target));
    const names = await restoreSettings(settings, options.settings);
    progress.begin("publishing");
    await server.handOver(fresh, options.role);
    const lacking = [
      ...(await restoreAccess(server, fresh.name, manifest, load, options)),
      ...(files !== undefined && manifest.filesLeftOut
        ? [`of the file store, because the backup lacks it: ${leftOutText(manifest.filesLeftOut)}`]
        : []),
    ];
    const { kept } = await swap(server, database, { name: fresh.name, note: noteOf(manifest, copy) });
    takeBack = undefined;
    fresh = undefined;
    const rolesMade = roles;
    roles = [];
    if (kept !== undefined && !holdsData) await server.discard(kept);
    return {
      ...{
        database,
        snapshot: copy.snapshot.id,
        at: manifest.at,
        from: location.url,
        rows: rowsOf(manifest),
      },
      ...{ tables: Object.keys(manifest.tables).length, settings: names, postgresql: manifest.postgresql },
      ...(manifest.dhis2 !== undefined && { dhis2: manifest.dhis2 }),
      ...(files && { files: files.restored }),
      ...(withoutFile && { withoutFile }),
      ...(kept !== undefined && holdsData && { kept }),
      ...{ rolesMade, lacking },
      verified: key !== undefined,
      seconds: Math.round((Date.now() - began) / 100) / 10,
    };
  } finally {
    await takeBack?.();
    // What cannot be removed now is removed by the next run.
    if (fresh) await server.discard(fresh.name).catch(() => undefined);
    await removeRoles(server, roles);
    await server.close();
  }
}

export interface FilesOnlyResult {
  snapshot: string;
  /** The moment the backup is of. */
  at: string;
  from: string;
  files: FilesRestored;
  /** What the backup itself lacks. */
  filesLeftOut?: LeftOutList;
  /** Rows of the live database whose file is not in the file store. */
  withoutFile?: RowsWithoutFile;
}

/** Restores files alone; the database is read, and not changed. */
export function restoreFilesOnly(options: RestoreOptions & { files: string }): Promise<FilesOnlyResult> {
  return withStage(options, async () => {
    const { location, key, progress, files: target, replaceFiles: replace = false } = options;
    progress.begin("looking for the backup");
    const copy = await chooseBackup(location, key, options.snapshot);
    await refuseUnwritable(target);
    const manifest = await manifestOf(copy, key);
    const database = { ...options.server, database: options.database };
    const count = () => withClient(database, (client) => rowsWithoutFile(client, target));
    // Before anything is written: the database may not answer.
    await count();
    const { restored } = await restoreFiles(copy, manifest, { target, replace, progress });
    const withoutFile = await count();
    return {
      ...{ snapshot: copy.snapshot.id, at: manifest.at, from: location.url, files: restored },
      ...(manifest.filesLeftOut && { filesLeftOut: manifest.filesLeftOut }),
      ...(withoutFile && { withoutFile }),
    };
  });
}

/**
 * Grants and settings. An administrator makes them, so nobody's signature is not enough.
 * @returns what is missing, in words
 */
async function restoreAccess(
  server: Server,
  name: string,
  { access, unrestorable = [] }: Manifest,
  load: Load,
  { key, server: administrator, role, signal }: RestoreOptions,
): Promise<string[]> {
  const lacking = unrestorable.map(({ what }) => what);
  if (!key) return [...lacking, "grants and settings of the database (give --public-key to restore them)"];
  try {
    await loadGrants({ ...administrator, database: name }, load, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ToolError)) throw error;
    lacking.push(...refusedBy(error).map(({ what }) => what));
  }
  if (access) lacking.push(...(await restoreRights((work) => server.within(name, work), name, access, role)));
  return lacking;
}

function occupied(database: string): string {
  return (
    `${database} holds tables already. To replace it, and keep it until you confirm, pass ` +
    "--replace. To restore beside it, pass another name with --database."
  );
}

function noteOf(
  manifest: Manifest,
  { snapshot, repository }: { snapshot: { id: string }; repository: { url: string } },
) {
  const record = {
    ...{ sha256: sha256(JSON.stringify(manifest)), dump: `${repository.url} ${snapshot.id}` },
    ...{ at: new Date().toISOString(), rows: rowsOf(manifest), tables: Object.keys(manifest.tables).length },
    sanitised: false,
  };
  return { dhistance: 1 as const, import: record };
}

/** Without `files` to restore to, or if the backup of a whole server has none, nothing. */
async function filesOf(
  copy: Found,
  manifest: Manifest,
  { files: target, replaceFiles: replace = false, progress }: RestoreOptions,
): Promise<Awaited<ReturnType<typeof restoreFiles>> | undefined> {
  if (target === undefined || manifest.filesPath === undefined) return undefined;
  return restoreFiles(copy, manifest, { target, replace, progress });
}

/** Each is readable by its owner alone. One that is there is kept under another name. */
async function restoreSettings(from: string, to: string | undefined): Promise<string[]> {
  if (to === undefined) return [];
  await mkdir(to, { recursive: true, mode: 0o700 });
  const present = new Set(await readdir(to));
  const names = await readdir(from);
  for (const name of names) {
    if (present.has(name)) await rename(join(to, name), join(to, `${name}.before-${Date.now()}`));
    await writeFile(join(to, name), "", { mode: 0o600 });
    await copyFile(join(from, name), join(to, name));
  }
  return names;
}
