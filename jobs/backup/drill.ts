/**
 * Restores the newest backup of a location into a throwaway database without network and compares it with its manifest. What
 * it measures is what may be promised: how much would be lost (RPO), and how long it takes (RTO).
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Server } from "../import/server";
import { OverdueError } from "./errors";
import { withThrowawayServer } from "./throwawayServer";
import { chooseBackup, compare, fetchBackup, loadDump, makeDatabase } from "./load";
import { withLock } from "./lock";
import { leftOutOfRestore, rowsOf } from "./manifest";
import type { BackupLocation } from "./location";
import { OLD_FIGURES, withNewNames } from "./oldNames";
import type { Progress } from "./progress";
import { sizeOf } from "./fileStore";

export interface DrillOptions {
  location: BackupLocation;
  key?: KeyObject;
  /** Oldest the newest backup may be, in seconds. @default any age */
  maxAge?: number;
  scratch: string;
  jobs: number;
  progress: Progress;
  signal: AbortSignal;
  /** For tests. @default now */
  now?: Date;
}

const drillSchema = z.object({
  /** Where the backup is. */
  location: z.string(),
  snapshot: z.string(),
  server: z.string(),
  /** The points in time of the backup and of the drill. ISO 8601. */
  of: z.string(),
  at: z.string(),
  /** What would have been lost had the server been lost when the drill began. Seconds. */
  rpoSeconds: z.number(),
  /** From nothing to a complete database with its file store: seconds, in total and by phase. */
  rtoSeconds: z.number(),
  seconds: z.object({ fetch: z.number(), load: z.number(), compare: z.number() }),
  rows: z.number(),
  tables: z.number(),
  bytes: z.number(),
  files: z.number(),
  verified: z.boolean(),
});

/** Figures of a drill that succeeded. */
export type Drill = z.infer<typeof drillSchema>;

/**
 * @throws BackupError, MismatchError; OverdueError, with the figures in `drill`, when the backup is good but too old
 */
export async function drill(options: DrillOptions): Promise<Drill> {
  const stage = join(options.scratch, "dhistance-drill");
  return withLock(stage, async () => {
    const inside = join(stage, "copy");
    await rm(inside, { recursive: true, force: true });
    try {
      return await drillIn(inside, stage, options);
    } finally {
      await rm(inside, { recursive: true, force: true });
    }
  });
}

async function drillIn(inside: string, stage: string, options: DrillOptions): Promise<Drill> {
  const { location, key, jobs, progress, signal } = options;
  const at = options.now ?? new Date();
  const began = Date.now();
  progress.begin("looking for the backup");
  const copy = await chooseBackup(location, key);
  const { manifest, dump } = await fetchBackup(copy, key, inside, progress);
  const store = { files: 0, bytes: 0 };
  if (manifest.filesPath !== undefined) {
    progress.begin("fetching the file store", manifest.files?.bytes);
    const target = join(inside, "files");
    await copy.repository.restore(copy.snapshot.id, manifest.filesPath, target, progress.bytes);
    Object.assign(store, await sizeOf(target));
  }
  const fetched = Date.now();
  return withThrowawayServer(join(stage, "server"), signal, async (superuser) => {
    const server = await Server.connect(superuser);
    try {
      const { fresh } = await makeDatabase(server, "drill", manifest);
      const without = leftOutOfRestore(manifest);
      await loadDump(server, fresh, { dump, stage: inside, jobs, without }, progress, signal);
      const loaded = Date.now();
      await compare(fresh.connection, manifest, progress, signal);
      const done = Date.now();
      const seconds = (from: number, to: number) => Math.round((to - from) / 100) / 10;
      return {
        ...{ location: location.url, snapshot: copy.snapshot.id, server: manifest.server, of: manifest.at },
        at: at.toISOString(),
        rpoSeconds: Math.round((at.getTime() - Date.parse(manifest.at)) / 1000),
        rtoSeconds: seconds(began, done),
        seconds: {
          fetch: seconds(began, fetched),
          load: seconds(fetched, loaded),
          compare: seconds(loaded, done),
        },
        ...{ rows: rowsOf(manifest), tables: Object.keys(manifest.tables).length },
        ...{ bytes: manifest.dump.bytes + store.bytes, files: store.files, verified: key !== undefined },
      };
    } finally {
      await server.close();
    }
  });
}

/** The figures' name, beside the backups they are of. */
const FIGURES = "drill.json";

/** Keeps the figures, for those who watch. @param file @default beside the backups */
export async function keepDrill(location: BackupLocation, figures: Drill, file?: string): Promise<void> {
  if (file === undefined) return location.keep(FIGURES, figures);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(figures, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

/** Figures of the last drill that succeeded. */
export async function keptDrill(location: BackupLocation, file?: string): Promise<Drill | undefined> {
  try {
    const kept: unknown =
      file === undefined ? await location.kept(FIGURES) : JSON.parse(await readFile(file, "utf8"));
    return drillSchema.parse(withNewNames(kept, OLD_FIGURES));
  } catch {
    return undefined;
  }
}

/**
 * What is promised of a backup, against what is. A moment in the future is a clock that is wrong, and no promise kept.
 * @throws OverdueError in words for the person on call
 */
export function refuseOverdue(what: string, at: string | undefined, maxAge: number, now: Date): void {
  if (at === undefined) throw new OverdueError(`${what} is missing; one every ${hours(maxAge)} is promised.`);
  const age = (now.getTime() - Date.parse(at)) / 1000;
  if (age > maxAge)
    throw new OverdueError(`${what} is ${hours(age)} old (${at}); ${hours(maxAge)} is promised.`);
  if (age < -CLOCKS)
    throw new OverdueError(`${what} is of ${at}, ${hours(-age)} from now: the clock here or there is wrong.`);
}

/** How far two clocks may differ, in seconds. */
const CLOCKS = 600;

function hours(seconds: number): string {
  const value = seconds / 3600;
  return value < 48 ? `${Number(value.toFixed(1))} hours` : `${Number((value / 24).toFixed(1))} days`;
}
