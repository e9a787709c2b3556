/**
 * Heals a damaged repository on this machine from its source. The work is done in a second repository beside it, which
 * takes its name only if it lacks no backup that the damaged one lists. The damaged one is deleted only when every
 * backup that was ever known there has been read completely in the new one; until then it is kept, and that is an alarm.
 */
import { copyFile, link, mkdir, readdir, rename, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { KeyObject } from "node:crypto";
import { BackupError } from "./errors";
import { claimed } from "./manifest";
import type { BackupLocation } from "./location";
import type { Bandwidth, Repository, Snapshot } from "./restic";

export interface HealOptions {
  /** Of the repository, in both places. */
  name: string;
  source: BackupLocation;
  /** A directory, which nothing else writes to. */
  target: BackupLocation;
  key: KeyObject | undefined;
  /** Trees of the backups that were known there. @default nobody knows */
  known: string[] | undefined;
  bandwidth?: Bandwidth;
  signal: AbortSignal;
}

const WORK = "-healing";
const ASIDE = /^(\d{4}-\d{2}(?:\.[2-9])?)-damaged-\d+$/;

/** Damaged repositories that are kept under other names, by the name that they had. */
export async function damagedRepositories(directory: string): Promise<Record<string, string[]>> {
  const kept: Record<string, string[]> = {};
  for (const entry of await readdir(directory).catch((): string[] => [])) {
    const name = ASIDE.exec(entry)?.[1];
    if (name !== undefined) (kept[name] ??= []).push(entry);
  }
  return kept;
}

/** After a healing that was interrupted: its work is removed, and a repository without its name gets that again. */
export async function tidyUp(target: BackupLocation): Promise<void> {
  for (const entry of await readdir(target.url).catch((): string[] => []))
    if (entry.endsWith(WORK)) await rm(join(target.url, entry), { recursive: true, force: true });
  const there = await target.months();
  for (const [name, kept] of Object.entries(await damagedRepositories(target.url))) {
    const last = kept.sort().at(-1);
    if (last !== undefined && !there.includes(name))
      await rename(join(target.url, last), join(target.url, name));
  }
}

/** @returns whether all that was ever known there is intact now; if not, the damaged repository is still there */
export async function heal(options: HealOptions): Promise<boolean> {
  const { name, source, target, key, signal } = options;
  const [from, to, work] = [source.repository(name), target.repository(name), target.repository(name + WORK)];
  // Nothing is touched when the source cannot be read.
  const offered = await from.snapshots();
  const listed = await treesOf(to, key);
  const asides = (await damagedRepositories(target.url))[name] ?? [];
  const wanted = await wantedTrees(options, listed, asides);

  const mended = await beside(to, work).catch(async () => {
    signal.throwIfAborted();
    await rm(work.url, { recursive: true, force: true });
    await work.create(from);
    return false;
  });
  await bring(from, offered, work, options);
  const whole = await isWhole(work);
  const has = new Set(await treesOf(work, key));
  if (!(listed ?? []).every((tree) => has.has(tree)) || (!mended && has.size === 0)) {
    await rm(work.url, { recursive: true, force: true });
    return false;
  }
  const aside = join(target.url, `${name}-damaged-${Date.now()}`);
  await rename(to.url, aside);
  await rename(work.url, to.url);
  if (!whole || !wanted?.every((tree) => has.has(tree))) return false;
  for (const each of [...asides.map((entry) => join(target.url, entry)), aside])
    await rm(each, { recursive: true, force: true });
  return true;
}

/** Undefined when nobody knows. */
async function wantedTrees(
  { target, key, known }: HealOptions,
  listed: string[] | undefined,
  asides: string[],
): Promise<string[] | undefined> {
  if (listed === undefined && known === undefined) return undefined;
  const wanted = [...(known ?? []), ...(listed ?? [])];
  for (const entry of asides) {
    const kept = await treesOf(target.repository(entry), key);
    if (kept === undefined && known === undefined) return undefined;
    wanted.push(...(kept ?? []));
  }
  return wanted;
}

/** Trees of the backups that a repository lists and that were claimed good; undefined when it cannot be read. */
async function treesOf(repository: Repository, key: KeyObject | undefined): Promise<string[] | undefined> {
  try {
    return (await claimed(await repository.snapshots(), key)).map(({ snapshot }) => snapshot.tree);
  } catch (error) {
    if (error instanceof BackupError) return undefined;
    throw error;
  }
}

/** Lays the undamaged files of a repository into another one. restic never changes a file, so both can share it. */
async function beside(to: Repository, work: Repository): Promise<true> {
  await rm(work.url, { recursive: true, force: true });
  for (const entry of await readdir(to.url, { withFileTypes: true, recursive: true })) {
    const [old, copy] = [entry.parentPath, entry.parentPath.replace(to.url, work.url)].map((directory) =>
      join(directory, entry.name),
    ) as [string, string];
    if (entry.isDirectory()) await mkdir(copy, { recursive: true });
    else if (entry.isFile()) await share(old, copy);
  }
  await work.takeOutDamaged();
  return true;
}

async function share(file: string, as: string): Promise<void> {
  await mkdir(dirname(as), { recursive: true });
  // Not every file system has hard links.
  await link(file, as).catch(() => copyFile(file, as));
}

/**
 * Brings what the source offers, also where it is listed already: only so does restic look for data that are missing. A
 * snapshot that does not come is listed again as it was.
 */
async function bring(
  from: Repository,
  offered: Snapshot[],
  work: Repository,
  { bandwidth, signal }: HealOptions,
): Promise<void> {
  const ids = new Map(offered.map((snapshot) => [identity(snapshot), snapshot.id]));
  const again = (await work.snapshots()).filter((snapshot) => ids.has(identity(snapshot)));
  const file = ({ id }: Snapshot) => join(work.url, "snapshots", id);
  const held = join(work.url, "held");
  await mkdir(held);
  for (const snapshot of again) {
    await rename(file(snapshot), join(held, snapshot.id));
  }
  try {
    await work.copyFrom(from, bandwidth);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BackupError)) throw error;
    // One that is damaged in the source must not keep the others from coming.
    for (const { id } of offered)
      await work.copyFrom(from, bandwidth, [id]).catch(() => signal.throwIfAborted());
  }
  const came = new Set((await work.snapshots()).map(identity));
  for (const snapshot of again) {
    if (came.has(identity(snapshot))) await unlink(join(held, snapshot.id));
    else await rename(join(held, snapshot.id), file(snapshot));
  }
  await rm(held, { recursive: true });
}

/** What all copies of one snapshot have in common. */
function identity({ tree, time, tags }: Snapshot): string {
  return JSON.stringify([tree, time, [...(tags ?? [])].sort()]);
}

async function isWhole(repository: Repository): Promise<boolean> {
  return repository.check(1, 1).then(
    () => true,
    (error: unknown) => {
      if (error instanceof BackupError) return false;
      throw error;
    },
  );
}
