/**
 * The files of a backup into a file store that may have files already. Those stay, unless a person asks for them to be
 * replaced. What a restore adds and replaces is recorded in the store first, so that it can be undone.
 */
import { lstat, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { BackupError, LocationError } from "./errors";
import { UNDO } from "./fileStore";
import type { Found } from "./load";
import type { Manifest } from "./manifest";
import type { Progress } from "./progress";

export interface FilesRestored {
  added: number;
  replaced: number;
  /** Files of the backup that were in the store already. */
  present: number;
}

export interface UndoneFiles {
  added: number;
  replaced: number;
  /** False when an undo was undone. */
  undone: boolean;
}

const recordSchema = z.object({
  snapshot: z.string(),
  /** Paths in the store. */
  added: z.array(z.string()),
  replaced: z.array(z.string()),
  /** Whether the restore came to its end. */
  complete: z.boolean(),
  /** Whether the files of before are in the store, and those of the backup aside. */
  undone: z.boolean(),
});

type Record = z.infer<typeof recordSchema>;

/** In a record's folder: its list, and the files that are not in the store now. */
const LIST = "record.json";
const BEFORE = "before";
const RESTORED = "restored";

/**
 * Makes the folder, if need be, and sees that it can be written to.
 * @throws LocationError
 */
export async function refuseUnwritable(directory: string): Promise<void> {
  try {
    await makeFolder(directory);
    const probe = join(directory, ".dhistance-probe");
    await makeFolder(probe);
    await rmdir(probe);
  } catch (error) {
    throw new LocationError(`${directory} cannot be written to: ${(error as Error).message}`);
  }
}

/** Node's own `mkdir` with `recursive` never ends where no folder can be made, as in `/proc`. */
async function makeFolder(directory: string): Promise<void> {
  await mkdir(directory).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === "EEXIST") return;
    if (error.code !== "ENOENT" || dirname(directory) === directory) throw error;
    await makeFolder(dirname(directory));
    await mkdir(directory);
  });
}

/**
 * Adds the files of a backup that the store lacks.
 * @param replace whether files that differ are replaced, too
 * @returns also how to take that back at once
 * @throws BackupError when the backup has no files, or is damaged; the store is then as it was
 */
export async function restoreFiles(
  { repository, snapshot }: Pick<Found, "repository" | "snapshot">,
  { filesPath, files }: Pick<Manifest, "filesPath" | "files">,
  { target, replace, progress }: { target: string; replace: boolean; progress: Progress },
): Promise<{ restored: FilesRestored; takeBack: () => Promise<void> }> {
  if (filesPath === undefined)
    throw new BackupError("missing", `The backup ${snapshot.id.slice(0, 8)} has no file store.`);
  await takeBackInterrupted(target);
  const isNew = (await readdir(target)).length === 0;
  progress.begin("comparing the file store", files?.bytes);
  const plan = await repository.planRestore(snapshot.id, filesPath, target, replace);
  const folder = join(target, UNDO, new Date().toISOString().replace(/\D/g, ""));
  const record = { snapshot: snapshot.id, ...plan, complete: false, undone: false };
  await write(folder, record);
  try {
    await move(plan.replaced, target, join(folder, BEFORE));
    progress.begin("restoring the file store", files?.bytes);
    await repository.restore(snapshot.id, filesPath, target, progress.bytes);
    const added = await filesAmong(plan.added, target);
    // There is nothing to go back to in a store that was empty.
    if (isNew || added.length + plan.replaced.length === 0) await forget(target, folder);
    else await write(folder, { ...record, added, complete: true });
    return {
      restored: { added: added.length, replaced: plan.replaced.length, present: plan.present },
      takeBack: async () => {
        await write(folder, { ...record, added });
        await takeBackInterrupted(target);
      },
    };
  } catch (error) {
    await takeBackInterrupted(target);
    throw error;
  }
}

/**
 * Undoes the newest restore of files, or an undo: what was added or replaced is put aside, and what was replaced is put
 * back.
 * @throws BackupError when none was recorded
 */
export async function undoFiles(target: string): Promise<UndoneFiles> {
  await takeBackInterrupted(target);
  const folder = (await recordsIn(target)).at(-1);
  if (folder === undefined)
    throw new BackupError(
      "missing",
      `There is no restore to undo in ${target}: none added or replaced files, or it was confirmed.`,
    );
  const record = await read(folder);
  await exchange(target, folder, record);
  await write(folder, { ...record, undone: !record.undone });
  return { added: record.added.length, replaced: record.replaced.length, undone: !record.undone };
}

/** Deletes what was kept to undo restores of files. @returns how many restores that were */
export async function confirmFiles(target: string): Promise<number> {
  await takeBackInterrupted(target);
  const records = await recordsIn(target);
  await rm(join(target, UNDO), { recursive: true, force: true });
  return records.length;
}

/** Those that were killed: the store is as it was before them. */
async function takeBackInterrupted(target: string): Promise<void> {
  for (const folder of (await recordsIn(target)).reverse()) {
    const record = await read(folder).catch(() => undefined);
    if (record?.complete) continue;
    if (record) await exchange(target, folder, record);
    await forget(target, folder);
  }
}

/** Each move can be interrupted: what was moved is not moved again. */
async function exchange(target: string, folder: string, { added, replaced, undone }: Record): Promise<void> {
  const [before, restored] = [join(folder, BEFORE), join(folder, RESTORED)];
  await (undone ? move(added, restored, target) : move(added, target, restored));
  const [from, to] = undone ? [restored, before] : [before, restored];
  for (const path of await filesAmong(replaced, from)) {
    await move([path], target, to);
    await move([path], from, target);
  }
}

async function forget(target: string, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await rmdir(join(target, UNDO)).catch(() => undefined);
}

/** The folders of records, the oldest first. */
async function recordsIn(target: string): Promise<string[]> {
  const names = await readdir(join(target, UNDO)).catch((): string[] => []);
  return names.sort().map((name) => join(target, UNDO, name));
}

async function read(folder: string): Promise<Record> {
  return recordSchema.parse(JSON.parse(await readFile(join(folder, LIST), "utf8")));
}

async function write(folder: string, record: Record): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${LIST}.new`), JSON.stringify(record));
  await rename(join(folder, `${LIST}.new`), join(folder, LIST));
}

/** The files, and links, among paths. */
async function filesAmong(paths: readonly string[], directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const stats = await lstat(join(directory, path)).catch(() => undefined);
    if (stats && !stats.isDirectory()) found.push(path);
  }
  return found;
}

/** Moves the files that are there, with their folders made. */
async function move(paths: readonly string[], from: string, to: string): Promise<void> {
  for (const path of await filesAmong(paths, from)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await rename(join(from, path), join(to, path));
  }
}
