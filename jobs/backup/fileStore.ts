/**
 * The file store as a backup reads it: how much there is, and what of it a backup cannot hold. One file that nobody can
 * read must not cost the backup of all others; it is named instead.
 */
import type { Stats } from "node:fs";
import { access, constants, lstat, readdir, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LocationError } from "./errors";

export const sizes = z.object({ files: z.number(), bytes: z.number() });

const leftOut = z.object({
  /** Seen from the file store. */
  path: z.string(),
  reason: z.string(),
  /** Whether it may hold data that are lost with the server. */
  data: z.boolean(),
});

/** What is not in the backup. */
export type LeftOut = z.infer<typeof leftOut>;

/** How many are left out, and the first of them. */
export const leftOutList = z.object({ count: z.number(), first: z.array(leftOut) });

export type LeftOutList = z.infer<typeof leftOutList>;

export interface FileStore {
  /** Its absolute path, without links: restic would back up a link alone. */
  path: string;
  /** What can be read of it. */
  size: z.infer<typeof sizes>;
  leftOut: LeftOut[];
}

/** Folder in a file store with what a restore has to keep so that it can be undone. It is in no backup. */
export const UNDO = ".dhistance-undo";

/** Most that a manifest names. */
const NAMED = 100;

/** Most that a person reads. */
const SHOWN = 5;

/** Files that are looked at at the same time. */
const AT_ONCE = 64;

export function listLeftOut(all: readonly LeftOut[]): LeftOutList {
  const sorted = [...all].sort((a, b) => Number(b.data) - Number(a.data) || a.path.localeCompare(b.path));
  return { count: all.length, first: sorted.slice(0, NAMED) };
}

/** In words: the first of them, and how many more. */
export function leftOutText({ count, first }: LeftOutList): string {
  const shown = first.slice(0, SHOWN).map(({ path, reason }) => `${path} (${reason})`);
  const more = count - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more.toLocaleString("en")} more`] : [])].join("; ");
}

/**
 * Looks at all of a file store. What disappears meanwhile does not count.
 * @throws LocationError when the store itself cannot be read
 */
export async function readFileStore(directory: string, signal: AbortSignal): Promise<FileStore> {
  const path = await realpath(directory).catch((error: unknown) => {
    throw unreadable(directory, error);
  });
  const store: FileStore = { path, size: { files: 0, bytes: 0 }, leftOut: [] };
  // Names are bytes: not all of them are valid text.
  const root = Buffer.from(path);
  const directories = [root];
  for (let at = directories.pop(); at; at = directories.pop()) {
    const within = at;
    const names = await readdir(within, "buffer").catch((error: unknown) => {
      if (within === root) throw unreadable(directory, error);
      leaveOut(store, within, error);
      return [];
    });
    for (let i = 0; i < names.length; i += AT_ONCE) {
      signal.throwIfAborted();
      const entries = names.slice(i, i + AT_ONCE).map((name) => Buffer.concat([within, SLASH, name]));
      const found = await Promise.all(entries.map((entry) => look(store, entry)));
      directories.push(...entries.filter((_, index) => found[index] === "directory"));
    }
  }
  return store;
}

const SLASH = Buffer.from("/");

/** Counts an entry, or names it. */
async function look(store: FileStore, entry: Buffer): Promise<"directory" | undefined> {
  try {
    const stats = await lstat(entry);
    if (stats.isDirectory()) return within(store, entry) === UNDO ? undefined : "directory";
    if (stats.isFile()) {
      await access(entry, constants.R_OK);
      store.size.files += 1;
      store.size.bytes += stats.size;
    } else if (stats.isSymbolicLink()) await lookBehind(store, entry);
    else {
      const reason = special(stats);
      if (reason !== undefined) store.leftOut.push({ path: within(store, entry), reason, data: false });
    }
  } catch (error) {
    leaveOut(store, entry, error);
  }
  return undefined;
}

/** A link is backed up as a link: what it points to is in the backup only if it is in the file store. */
async function lookBehind(store: FileStore, entry: Buffer): Promise<void> {
  const target = await realpath(entry).catch(() => undefined);
  if (target === undefined || target === store.path || target.startsWith(`${store.path}/`)) return;
  const reason = `a link to ${await readlink(entry)}, which is outside the file store`;
  store.leftOut.push({ path: within(store, entry), reason, data: true });
}

/** Restic keeps a named pipe, which has no data, and passes over a socket. A device only root could restore. */
function special(stats: Stats): string | undefined {
  if (stats.isSocket()) return "a socket";
  return stats.isBlockDevice() || stats.isCharacterDevice() ? DEVICE : undefined;
}

const DEVICE = "a device";

/** Absolute paths that restic must leave out: of a device it would back up the number. */
export function excludedOf({ path, leftOut }: FileStore): string[] {
  const devices = leftOut.filter(({ reason }) => reason === DEVICE).map((each) => each.path);
  return [UNDO, ...devices].map((each) => join(path, each));
}

function leaveOut(store: FileStore, entry: Buffer, error: unknown): void {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return;
  const path = within(store, entry);
  const reason = /^E\w+: ([^,]+)/.exec(message)?.[1] ?? message;
  store.leftOut.push({ path, reason, data: !isOfFileSystem(path) });
}

function within({ path }: FileStore, entry: Buffer | string): string {
  return entry.toString().slice(path.length + 1);
}

/** `lost+found` is the file system's own, in the root of a disk. */
function isOfFileSystem(path: string): boolean {
  return path === "lost+found";
}

/** What restic could not read. */
export interface Unread {
  /** Absolute path. */
  item: string;
  reason: string;
}

/**
 * Takes up what only showed when the files were read, such as a bad block of the disk.
 * @returns the store without it; undefined when all of it was known, or is gone
 */
export function withUnread(store: FileStore, unread: readonly Unread[]): FileStore | undefined {
  const known = new Set(store.leftOut.map(({ path }) => path));
  const found: LeftOut[] = [];
  for (const { item, reason } of unread) {
    const path = within(store, item);
    if (known.has(path) || /no such file/i.test(reason)) continue;
    known.add(path);
    found.push({ path, reason, data: !isOfFileSystem(path) });
  }
  return found.length === 0 ? undefined : { ...store, leftOut: [...store.leftOut, ...found] };
}

function unreadable(directory: string, error: unknown): LocationError {
  return new LocationError(`The file store ${directory} cannot be read: ${(error as Error).message}`);
}

/** @throws LocationError when the directory cannot be read */
export async function sizeOf(directory: string): Promise<z.infer<typeof sizes>> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch((error: Error) => {
    throw new LocationError(`${directory} cannot be read: ${error.message}`);
  });
  const files = entries.filter((entry) => entry.isFile());
  let bytes = 0;
  for (const { parentPath, name } of files)
    bytes += await lstat(join(parentPath, name)).then(
      ({ size }) => size,
      () => 0,
    );
  return { files: files.length, bytes };
}
