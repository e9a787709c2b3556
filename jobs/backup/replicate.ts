/**
 * Pulls the copies of one server from another place into a directory here, under a key of this place. The agent on the
 * customer's own host does so: it comes to the cloud, the cloud never comes to it.
 */
import { existsSync, readFileSync } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { CopyError } from "./errors";
import { alone } from "./lock";
import { claimed, type Receipt } from "./manifest";
import type { Place } from "./place";
import type { Progress } from "./progress";
import type { Bandwidth, Repository } from "./restic";

export interface ReplicateOptions {
  source: Place;
  /** A directory, which nothing else writes to. */
  target: Place;
  /** Receipts of other keys do not count. @default any key counts */
  key?: KeyObject;
  /** Days a copy is kept after it was made. */
  retentionDays: number;
  /** Runs in which all data are read and checked once, a part in each. */
  parts: number;
  bandwidth?: Bandwidth;
  progress: Progress;
  signal: AbortSignal;
  /** For tests. @default now */
  now?: Date;
}

export interface ReplicateResult {
  /** Copies that came in this run. */
  copied: number;
  /** Repositories in which damage was found and healed. */
  healed: string[];
  /** Repositories of which the time is over. */
  removed: string[];
  /** The newest copy here that its export claimed good. */
  newest?: Receipt;
  /** What could not be done; the rest was. */
  problems: Error[];
}

const stateSchema = z.object({
  /** Last run that brought all there was, ISO 8601. */
  pulledAt: z.string().optional(),
  /** Repository that a run is writing to. */
  writing: z.string().optional(),
  /** By repository: the part of the data read last, and when all of them had been read without a fault. */
  checks: z.record(z.string(), z.object({ part: z.number(), at: z.string(), allAt: z.string().optional() })),
});

export type State = z.infer<typeof stateSchema>;

/** What the runs so far have noted in a directory of copies. */
export function stateOf(directory: string): State {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(join(directory, "state.json"), "utf8")));
  } catch {
    return { checks: {} };
  }
}

async function note(directory: string, state: State): Promise<void> {
  const file = join(directory, "state.json");
  await writeFile(`${file}.new`, JSON.stringify(state, undefined, 2));
  await rename(`${file}.new`, file);
}

/** One run. @throws BusyError when another is at work on the same directory */
export function replicate(options: ReplicateOptions): Promise<ReplicateResult> {
  return alone(options.target.url, () => new Run(options).run());
}

class Run {
  private readonly result: ReplicateResult = { copied: 0, healed: [], removed: [], problems: [] };
  private readonly state: State;
  private readonly directory: string;

  constructor(private readonly options: ReplicateOptions) {
    this.directory = options.target.url;
    this.state = stateOf(this.directory);
  }

  async run(): Promise<ReplicateResult> {
    const { source, target } = this.options;
    if (this.state.writing !== undefined) await this.recover(this.state.writing);
    const there = await this.attempt(() => source.months());
    const before = this.options.retentionDays;
    const wanted = (there ?? []).filter((name) => !isOver(name, this.now, before));
    for (const name of wanted) await this.attempt(() => this.pull(name));
    if (there && this.result.problems.length === 0) this.state.pulledAt = this.now.toISOString();
    for (const name of await target.months()) await this.attempt(() => this.check(name, there ?? []));
    const { retentionDays } = this.options;
    await this.attempt(async () =>
      this.result.removed.push(...(await drop(target, retentionDays, this.now))),
    );
    for (const name of (await target.months()).reverse()) {
      // Months come in their order: the newest of the last is the newest of all.
      if (this.result.newest) break;
      const [newest] = (await this.attempt(() => this.claimedIn(name))) ?? [];
      if (newest) this.result.newest = newest;
    }
    const left = new Set(await target.months());
    const checks = Object.entries(this.state.checks).filter(([name]) => left.has(name));
    this.state.checks = Object.fromEntries(checks);
    await note(this.directory, this.state);
    return this.result;
  }

  private get now(): Date {
    return this.options.now ?? new Date();
  }

  /** What fails does not keep the rest from being done. */
  private async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.options.signal.throwIfAborted();
      this.result.problems.push(error as Error);
      return undefined;
    }
  }

  private async claimedIn(name: string): Promise<Receipt[]> {
    const snapshots = await this.options.target.repository(name).snapshots();
    return (await claimed(snapshots, this.options.key)).map(({ receipt }) => receipt);
  }

  /** A run that was killed left locks, and packs that no index tells of: without these it would fetch them again. */
  private async recover(name: string): Promise<void> {
    this.options.progress.begin("taking up a run that was interrupted");
    await this.attempt(async () => {
      const repository = this.options.target.repository(name);
      if (existsSync(join(repository.url, "config"))) await repository.recover();
      // Killed while it was being made: there is nothing in it.
      else await rm(repository.url, { recursive: true, force: true });
    });
    this.options.signal.throwIfAborted();
  }

  private async pull(name: string): Promise<void> {
    const { source, target, progress } = this.options;
    progress.begin(`pulling ${name}`);
    const [from, to] = [source.repository(name), target.repository(name)];
    await this.writing(name, async () => {
      let before = 0;
      try {
        before = (await this.claimedIn(name)).length;
      } catch (error) {
        if (!(error instanceof CopyError) || error.fault === "wrong-key") throw error;
        if (error.fault === "damaged") return this.heal(name);
        if (await isUnmade(from)) return;
        await to.create(from);
      }
      // What a killed pull has left there: an export looks after the present month alone.
      await from.unlockStale();
      await this.copy(from, to).catch(async (error: unknown) => {
        if (!(error instanceof CopyError) || error.fault !== "damaged") throw error;
        // Which of the two is it?
        if (await to.isWhole())
          throw new CopyError("damaged", `Not here, but where it comes from: ${error.message}`);
        await this.heal(name);
      });
      const now = await this.claimedIn(name);
      this.result.copied += now.length - before;
      if (now[0]) this.result.newest = now[0];
    });
  }

  private copy(from: Repository, to: Repository): Promise<void> {
    return to.copyFrom(from, this.options.bandwidth);
  }

  /** Notes which repository is being written to, for the run after one that was killed. */
  private async writing(name: string, work: () => Promise<void>): Promise<void> {
    this.state.writing = name;
    await note(this.directory, this.state);
    await work();
    delete this.state.writing;
  }

  /** Reads the next part of the data; what is damaged is brought anew. */
  private async check(name: string, there: string[]): Promise<void> {
    const { target, parts, progress } = this.options;
    progress.begin(`checking ${name}`);
    const last = this.state.checks[name];
    const part = ((last?.part ?? 0) % parts) + 1;
    try {
      await target.repository(name).check(part, parts);
    } catch (error) {
      if (!(error instanceof CopyError) || !["damaged", "missing"].includes(error.fault)) throw error;
      if (!there.includes(name))
        throw new CopyError(
          "damaged",
          `${error.message} It cannot be healed: its source is not in reach, or gone.`,
        );
      await this.writing(name, () => this.heal(name));
    }
    const at = this.now.toISOString();
    const all = part === parts || this.result.healed.includes(name);
    const allAt = all ? at : last?.allAt;
    this.state.checks[name] = { part, at, ...(allAt !== undefined && { allAt }) };
  }

  /**
   * First only what is damaged is fetched again. When the repository is beyond that, all of it: the damaged one stays
   * aside until the new one is whole.
   */
  private async heal(name: string): Promise<void> {
    const { source, target, progress, signal } = this.options;
    progress.begin(`healing ${name}`);
    const [from, to] = [source.repository(name), target.repository(name)];
    const again = async () => {
      await this.copy(from, to);
      await to.check(1, 1);
    };
    try {
      await to.dropDamaged();
      await again();
    } catch (error) {
      signal.throwIfAborted();
      if (!(await from.isWhole())) throw error;
      await rename(to.url, `${to.url}-damaged-${Date.now()}`);
      await to.create(from);
      await again();
    }
    for (const entry of await readdir(target.url))
      if (entry.startsWith(`${name}-damaged-`))
        await rm(join(target.url, entry), { recursive: true, force: true });
    this.result.healed.push(name);
  }
}

/**
 * Removes months of which every copy is older than asked for, counted from the newest copy there is: a clock that is
 * wrong removes nothing, nor does a source that has stopped.
 * @returns their names
 */
export async function drop(place: Place, retentionDays: number, now: Date): Promise<string[]> {
  const names = await place.months();
  const newest = names.at(-1);
  if (newest === undefined) return [];
  const last = endOf(newest);
  const from = last < now ? last : now;
  const over = names.slice(0, -1).filter((name) => isOver(name, from, retentionDays));
  for (const name of over) await place.remove(name);
  return over;
}

const DAY = 24 * 3600 * 1000;

/** The moment after a repository's last. */
function endOf(name: string): Date {
  const [year, month] = name.split(/[-.]/).map(Number);
  return new Date(Date.UTC(year ?? 0, month ?? 0, 1));
}

/** Whether all that can be in a month's repository is older than `days`. */
export function isOver(name: string, now: Date, days: number): boolean {
  return endOf(name).getTime() + days * DAY < now.getTime();
}

/** Whether its export was killed while it made the repository: there has never been anything in it. */
function isUnmade(repository: Repository): Promise<boolean> {
  return repository.snapshots().then(
    () => false,
    (error: unknown) => {
      if (error instanceof CopyError && error.fault === "missing") return true;
      throw error;
    },
  );
}
