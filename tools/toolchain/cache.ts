import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, openSync, closeSync, fsyncSync, readdirSync, readFileSync } from "node:fs";
import { rm, rename, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Tools are kept outside the checkout, one folder for each content, named by its hash: what has its name is complete
 * and never changes. It is made under another name and renamed, so neither an interrupted run nor two at once
 * leave a half-made tool under the name of a complete one.
 */

/** `$DHISTANCE_CACHE`, else `$XDG_CACHE_HOME/dhistance`, else `~/.cache/dhistance`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { DHISTANCE_CACHE: own, XDG_CACHE_HOME: xdg } = env;
  if (own) return path.resolve(own);
  return path.join(xdg && path.isAbsolute(xdg) ? xdg : path.join(homedir(), ".cache"), "dhistance");
}

/** A short hash of texts and of files' contents, for a folder's name. */
export function contentHash(texts: readonly string[], files: readonly string[] = []): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of files) hash.update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** A lock whose holder has not touched it for this long, in ms, is taken to have been killed. */
const STALE = 10_000;
const DAY = 24 * 3600 * 1000;

/** The folder `name` of the cache if it is there. */
export async function kept(cache: string, name: string): Promise<string | undefined> {
  const folder = path.join(cache, name);
  if (!existsSync(folder)) return undefined;
  await touch(folder);
  return folder;
}

interface Making {
  /** Fills the empty folder. What it throws is thrown on, and the folder is gone. */
  make: (folder: string) => Promise<void>;
  /** Told once when another process is making the same and this one waits for it. */
  onWait?: () => void;
}

/**
 * The folder `name` of the cache, made if it is not there.
 * @returns its path, and whether it was made now
 */
export async function cached(
  cache: string,
  name: string,
  { make, onWait }: Making,
): Promise<{ folder: string; made: boolean }> {
  const present = await kept(cache, name);
  if (present) return { folder: present, made: false };
  const folder = path.join(cache, name);
  mkdirSync(cache, { recursive: true });
  const release = await lock(`${folder}.lock`, () => existsSync(folder), onWait);
  if (!release) return { folder, made: false };
  const unfinished = path.join(cache, `.unfinished-${name}-${randomBytes(4).toString("hex")}`);
  try {
    await tidy(cache);
    mkdirSync(unfinished);
    await make(unfinished);
    syncAll(unfinished);
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      // Someone took this lock for a dead one's and was first: theirs has the same content.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return { folder, made: true };
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    await release();
  }
}

/**
 * Takes a lock file, waiting for its holder unless that has died. It only spares work: the rename keeps
 * incomplete folders out, so two holders, which a suspended machine can cause, do no harm.
 * @returns how to release it; nothing if `done` came true while waiting
 */
export async function lock(
  file: string,
  done: () => boolean,
  onWait?: () => void,
  stale = STALE,
): Promise<(() => Promise<void>) | undefined> {
  for (let waited = false; ; waited = true) {
    if (done()) return undefined;
    try {
      await writeFile(file, "", { flag: "wx" });
      const alive = setInterval(() => void touch(file), stale / 5).unref();
      return async () => {
        clearInterval(alive);
        await rm(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > stale) await rm(file, { force: true });
    else {
      if (!waited) onWait?.();
      await sleep(Math.min(200, stale / 5));
    }
  }
}

/** How long something is kept unused, in ms: an engine takes minutes to make, other things a second. */
function keptFor(entry: string): number {
  if (entry.startsWith(".unfinished-")) return DAY;
  return entry.startsWith("engine-") ? 90 * DAY : 14 * DAY;
}

/** Removes what a killed run left and what nobody has used for long. */
async function tidy(cache: string): Promise<void> {
  for (const entry of readdirSync(cache)) {
    const file = path.join(cache, entry);
    const unused = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (unused > keptFor(entry)) await rm(file, { recursive: true, force: true });
  }
}

/** Marks it as in use now; a cache that cannot be written to is good for reading still. */
async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => undefined);
}

/** On the disk before the rename is, so that a power cut cannot leave the name with empty files. */
function syncAll(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) syncAll(file);
    else if (entry.isFile()) sync(file);
  }
  sync(folder);
}

function sync(file: string): void {
  const handle = openSync(file, "r");
  fsyncSync(handle);
  closeSync(handle);
}
