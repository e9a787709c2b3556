/**
 * Pulls the backups of one server from another location into a directory here, under a key of this location. The agent on the
 * customer's own host does so: it comes to the cloud, the cloud never comes to it.
 */
import { existsSync, readFileSync, type Dirent } from "node:fs";
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { BackupError, LossError } from "./errors";
import { heal, damagedRepositories, tidyUp } from "./heal";
import { withLock } from "./lock";
import { claimed, sha256, type Claimed, type Receipt } from "./manifest";
import type { BackupLocation } from "./location";
import type { Progress } from "./progress";
import type { Bandwidth, Repository } from "./restic";
import { saveKeys, restoreKeys, removeSavedKeys } from "./savedKeys";

export interface ReplicateOptions {
  source: BackupLocation;
  /** A directory, which nothing else writes to. */
  target: BackupLocation;
  /** Receipts of other keys do not count. @default any key counts */
  key?: KeyObject;
  /** Days a backup is kept after it was made. */
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
  /** Backups that came in this run. */
  copied: number;
  /** Repositories in which damage was found and healed. */
  healed: string[];
  /** Repositories past their retention. */
  removed: string[];
  /** The newest backup here that its export claimed good. */
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
  /** By repository: the trees of all backups that were ever seen there. */
  known: z.record(z.string(), z.array(z.string())).default({}),
  /** By repository that could not be healed: what the source offered then. */
  unhealed: z.record(z.string(), z.string()).default({}),
});

export type State = z.infer<typeof stateSchema>;

/** What the runs so far have noted in a directory of backups. */
export function stateOf(directory: string): State {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(join(directory, "state.json"), "utf8")));
  } catch {
    return stateSchema.parse({ checks: {} });
  }
}

async function note(directory: string, state: State): Promise<void> {
  const file = join(directory, "state.json");
  await writeFile(`${file}.new`, JSON.stringify(state, undefined, 2));
  await rename(`${file}.new`, file);
}

/** One run. @throws BusyError when another is at work on the same directory */
export function replicate(options: ReplicateOptions): Promise<ReplicateResult> {
  return withLock(options.target.url, () => new Run(options).run());
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
    const { source, target, key, retentionDays } = this.options;
    await tidyUp(target);
    if (this.state.writing !== undefined) await this.recover(this.state.writing);
    const there = await this.attempt(() => source.months());
    if (there) await this.attempt(async () => refuseGaps(source, there, await target.months()));
    const wanted = (there ?? []).filter((name) => !isOver(name, this.now, retentionDays));
    for (const name of wanted) await this.attempt(() => this.pull(name));
    if (there && this.result.problems.length === 0) this.state.pulledAt = this.now.toISOString();
    for (const name of await target.months()) await this.attempt(() => this.check(name, there ?? []));
    for (const name of await target.months()) await this.attempt(() => this.audit(name));
    // While anything is wrong nothing goes: what is over may be all that is left.
    if (this.result.problems.length === 0)
      await this.attempt(async () => {
        this.result.removed.push(...(await removeExpired(target, retentionDays, this.now, key)));
      });
    for (const name of this.result.removed) await this.forget(name);
    for (const name of (await target.months()).reverse()) {
      // Months come in their order: the newest of the last is the newest of all.
      if (this.result.newest) break;
      const [newest] = (await this.claimedIn(name).catch(() => undefined)) ?? [];
      if (newest) this.result.newest = newest.receipt;
    }
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

  private async claimedIn(name: string): Promise<Claimed[]> {
    return claimed(await this.options.target.repository(name).snapshots(), this.options.key);
  }

  /** A run that was killed left locks, and packs that no index tells of: without these it would fetch them again. */
  private async recover(name: string): Promise<void> {
    this.options.progress.begin("taking up a run that was interrupted");
    await this.attempt(async () => {
      const repository = this.options.target.repository(name);
      if (existsSync(join(repository.url, "config"))) await repository.recover();
      // Killed while it was being made. If anything is in it, its config was lost: that is for the healing.
      else if (await isEmpty(repository.url)) await rm(repository.url, { recursive: true, force: true });
    });
    this.options.signal.throwIfAborted();
  }

  private async pull(name: string): Promise<void> {
    const { source, target, progress, key, bandwidth } = this.options;
    progress.begin(`pulling ${name}`);
    const [from, to] = [source.repository(name), target.repository(name)];
    await this.writing(name, async () => {
      let before = 0;
      try {
        before = (await this.withSpare(name, () => this.claimedIn(name))).length;
      } catch (error) {
        if (!(error instanceof BackupError) || error.fault === "wrong-key") throw error;
        // The check heals it.
        if (error.fault === "damaged" || !(await isEmpty(to.url))) return;
        if (await isUnmade(from)) return;
        await to.create(from);
      }
      // What a killed pull has left there: an export looks after the present month alone.
      await from.unlockStale();
      try {
        await to.copyFrom(from, bandwidth);
      } catch (error) {
        if (!(error instanceof BackupError) || error.fault !== "damaged") throw error;
        // Which of the two is it? What is here the check heals.
        if (!(await to.isWhole())) return;
        throw new BackupError("damaged", `Not here, but where it comes from: ${error.message}`);
      }
      const now = await this.claimedIn(name);
      this.result.copied += now.length - before;
      const there = new Set(
        (await claimed(await from.snapshots(), key)).map(({ snapshot }) => snapshot.tree),
      );
      const gone = now.filter(({ snapshot }) => !there.has(snapshot.tree)).length;
      if (gone > 0)
        throw new LossError(
          `${from.url} has lost ${gone} of the ${now.length} backups that are in ${to.url}. Nothing is removed here. ` +
            "Find out who deleted them, and make a backup now.",
        );
    });
  }

  /** Does the work again with config and keys from the spare, if they are what is damaged. */
  private async withSpare<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof BackupError) || !(await restoreKeys(this.directory, name))) throw error;
      const done = await work();
      this.result.healed.push(name);
      return done;
    }
  }

  /** Notes which repository is being written to, for the run after one that was killed. */
  private async writing(name: string, work: () => Promise<void>): Promise<void> {
    this.state.writing = name;
    await note(this.directory, this.state);
    await work().catch((error: unknown) => {
      // It was found at the end.
      if (error instanceof LossError) delete this.state.writing;
      throw error;
    });
    delete this.state.writing;
  }

  /** Reads the next part of the data; what is damaged is fetched again. */
  private async check(name: string, there: string[]): Promise<void> {
    const { target, parts, progress } = this.options;
    progress.begin(`checking ${name}`);
    const last = this.state.checks[name];
    const part = ((last?.part ?? 0) % parts) + 1;
    let healed = false;
    try {
      await this.withSpare(name, () => target.repository(name).check(part, parts));
      const [aside] = (await damagedRepositories(this.directory))[name] ?? [];
      if (aside !== undefined)
        throw new BackupError("damaged", `${join(this.directory, aside)} is not healed yet.`);
    } catch (error) {
      if (!(error instanceof BackupError) || !["damaged", "missing"].includes(error.fault)) throw error;
      if (!there.includes(name))
        throw new BackupError(
          "damaged",
          `${error.message} It cannot be healed: its source is not in reach, or gone.`,
        );
      await this.writing(name, () => this.heal(name, error));
      healed = true;
    }
    const at = this.now.toISOString();
    const allAt = healed || part === parts ? at : last?.allAt;
    this.state.checks[name] = { part, at, ...(allAt !== undefined && { allAt }) };
  }

  /** @throws LossError when the source cannot give back all that is damaged */
  private async heal(name: string, damage: BackupError): Promise<void> {
    const { source, progress } = this.options;
    const offered = sha256(
      (await source.repository(name).snapshots())
        .map(({ id }) => id)
        .sort()
        .join(" "),
    );
    const unhealed = this.state.unhealed[name];
    // What was tried in vain is tried again when the source has something else, or when more is damaged.
    if (unhealed !== offered || damage.brokenPacks.length > 0) {
      progress.begin(`healing ${name}`);
      if (await heal({ ...this.options, name, key: this.options.key, known: this.state.known[name] })) {
        this.state.unhealed = without(this.state.unhealed, name);
        if (!this.result.healed.includes(name)) this.result.healed.push(name);
        return;
      }
    }
    this.state.unhealed[name] = offered;
    const kept = ((await damagedRepositories(this.directory))[name] ?? []).map((entry) =>
      join(this.directory, entry),
    );
    throw new LossError(
      `${name} in ${this.directory} is damaged, and ${source.url} cannot give back all that is damaged: ${damage.message} ` +
        `Nothing was deleted${kept.length > 0 ? `; the damaged repository is kept in ${kept.join(", ")}` : ""}. ` +
        "Save it before you remove anything by hand.",
    );
  }

  /** Compares what is there with what was known to be there. */
  private async audit(name: string): Promise<void> {
    // The check has reported those that cannot be read.
    const snapshots = await this.options.target
      .repository(name)
      .snapshots()
      .catch(() => undefined);
    if (!snapshots) return;
    await saveKeys(this.directory, name);
    // A new signing key does not count as a loss.
    const has = new Set((await claimed(snapshots, undefined)).map(({ snapshot }) => snapshot.tree));
    const known = new Set(this.state.known[name]);
    const lost = [...known].filter((tree) => !has.has(tree)).length;
    this.state.known[name] = [...new Set([...known, ...has])];
    if (lost > 0)
      throw new LossError(
        `${lost} of the ${known.size} backups that were in ${join(this.directory, name)} are not there any more. ` +
          `If you removed them, delete ${join(this.directory, "state.json")}.`,
      );
  }

  /** Of a month that is over. */
  private async forget(name: string): Promise<void> {
    for (const aside of (await damagedRepositories(this.directory))[name] ?? [])
      await rm(join(this.directory, aside), { recursive: true, force: true });
    await removeSavedKeys(this.directory, name);
    this.state.checks = without(this.state.checks, name);
    this.state.known = without(this.state.known, name);
    this.state.unhealed = without(this.state.unhealed, name);
  }
}

function without<T>(record: Record<string, T>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([each]) => each !== name));
}

/**
 * Retention removes the oldest months of a source, and nothing else.
 * @throws LossError when a month is missing there that is newer than one which is not, or the newest
 */
function refuseGaps(source: BackupLocation, there: string[], here: string[]): void {
  const missing = here.filter(
    (name) => !there.includes(name) && (name === here.at(-1) || there.some((other) => other < name)),
  );
  if (missing.length > 0)
    throw new LossError(
      `${source.url} has lost ${missing.join(", ")}; their backups are here. Nothing is removed here. ` +
        "Find out who deleted them, and make a backup now.",
    );
}

/** Whether nothing was ever written into it but its keys. */
async function isEmpty(repository: string): Promise<boolean> {
  for (const kind of ["snapshots", "data", "index"]) {
    const entries = await readdir(join(repository, kind), { recursive: true, withFileTypes: true }).catch(
      (): Dirent[] => [],
    );
    if (entries.some((entry) => entry.isFile())) return false;
  }
  return true;
}

/**
 * Removes months with only backups past the retention, counted from the newest backup there is: a clock that is
 * wrong removes nothing, nor does a source that has stopped. While the newest lacks what those before it have, they stay.
 * @returns their names
 */
export async function removeExpired(
  location: BackupLocation,
  retentionDays: number,
  now: Date,
  key: KeyObject | undefined,
): Promise<string[]> {
  const names = await location.months();
  if (!names.some((name) => isOver(name, now, retentionDays))) return [];
  for (const newest of [...names].reverse()) {
    const [copy] = await claimed(await location.repository(newest).snapshots(), key);
    if (!copy) continue;
    if (copy.receipt.shrunk) return [];
    const last = new Date(copy.receipt.at);
    const from = last < now ? last : now;
    const over = names.filter((name) => name < newest && isOver(name, from, retentionDays));
    for (const name of over) await location.remove(name);
    return over;
  }
  return [];
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
      if (error instanceof BackupError && error.fault === "missing") return true;
      throw error;
    },
  );
}
