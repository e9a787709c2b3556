/** One restic repository. Restic itself says what its options mean: `restic help COMMAND`. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UsageError } from "../import/cli/options";
import { BusyError } from "../import/server";
import { BackupError, LocationError } from "./errors";
import type { Unread } from "./fileStore";
import { messageIn, runTool, ToolError } from "./runTool";

export interface Snapshot {
  id: string;
  /** ISO 8601, by the clock of whoever wrote it. */
  time: string;
  /** Hash over all that is in it; the same in every repository. */
  tree: string;
  hostname: string;
  tags?: string[];
}

export interface Access {
  /** File with the repository's password. */
  passwordFile: string;
  /** Where restic keeps what it has read of a repository's directories. */
  cache: string;
}

/** How many KiB a second may be moved. @default as many as there are */
export interface Bandwidth {
  download?: number;
  upload?: number;
}

/** Called with bytes done, and bytes in all as far as restic knows. */
export type OnBytes = (done: number, total: number) => void;

/** Seconds to wait for another process's lock on the repository. Only clean-ups, in minutes, lock others out. */
const LOCK_WAIT = "2m";

/** Exit code of a backup that was made without what could not be read. */
const INCOMPLETE = 3;

/** Of what it says then, all is read: so many characters name tens of thousands of files. */
const LONG = 16 << 20;

export class Repository {
  constructor(
    /** As restic takes it: a directory, or `s3:https://host/bucket/folder`. */
    readonly url: string,
    readonly access: Access,
    private readonly signal: AbortSignal,
  ) {}

  /** Makes it; cuts data the same way as `like`, so that the same data have the same pieces. */
  async create(like?: Repository): Promise<void> {
    const from = like ? [...like.asSource(), "--copy-chunker-params"] : [];
    await this.run(["init", ...from]);
  }

  /**
   * Reads `paths`, seen from `directory`, into one new snapshot.
   * @returns what could not be read, if that `mayLack` something
   */
  async backup(args: {
    directory: string;
    paths: string[];
    host: string;
    tag: string;
    /** Absolute path of the folder that may have files which cannot be read. @default none may */
    mayLack?: string;
    /** Absolute paths that are left out. */
    without?: string[];
    bandwidth?: Bandwidth;
    onBytes?: OnBytes;
  }): Promise<{ id: string; added: number; total: number; unread: Unread[] }> {
    const { directory, paths, host, tag, mayLack, without = [], bandwidth, onBytes } = args;
    let summary: Summary | undefined;
    // The parent is found by host and tag: the directories of two runs need not have the same name.
    const options = ["--host", host, "--tag", tag, "--group-by", "host,tags", "--retry-lock", LOCK_WAIT];
    const exclude = without.map((path) => `--exclude=${path.replace(/[\\*?[\]]/g, "\\$&")}`);
    const unread = await this.run(["backup", ...options, ...exclude, ...limits(bandwidth), "--", ...paths], {
      ...{ cwd: directory, keep: LONG },
      onJson: (line) => {
        if (line.message_type === "status") onBytes?.(line.bytes_done ?? 0, line.total_bytes ?? 0);
        if (line.message_type === "summary") summary = line as unknown as Summary;
      },
    }).then(
      () => [],
      (error: unknown) => {
        const found = unreadIn(error);
        if (mayLack !== undefined && found?.every(({ item }) => item.startsWith(`${mayLack}/`))) return found;
        throw error;
      },
    );
    if (!summary) throw new LocationError(`restic wrote no snapshot into ${this.url}, and did not say why.`);
    const { snapshot_id: id, data_added: added, total_bytes_processed: total } = summary;
    return { id, added, total, unread };
  }

  /** @throws BackupError when there is no repository, its password is another, or its first files are damaged */
  async snapshots(): Promise<Snapshot[]> {
    const text = await this.run(["snapshots", "--no-lock"]);
    return JSON.parse(text.toString()) as Snapshot[];
  }

  /**
   * Brings what `source` has and this one has not. What was brought before it was interrupted is not brought again.
   * @param ids of snapshots. @default all
   */
  async copyFrom(source: Repository, bandwidth?: Bandwidth, ids: string[] = []): Promise<void> {
    const options = [...source.asSource(), "--retry-lock", LOCK_WAIT, ...limits(bandwidth)];
    await this.run(["copy", ...options, ...ids], {}, [source]);
  }

  /**
   * Checks the structure, and reads one part in `of` of the data.
   * @throws BackupError when there is no repository, its password is another, or anything is damaged
   */
  async check(part: number, of: number): Promise<void> {
    const { errors, complaint, brokenPacks } = await this.findings([`--read-data-subset=${part}/${of}`]);
    if (errors > 0) throw new BackupError("damaged", complaint, brokenPacks);
  }

  /** Whether every snapshot has all that belongs to it, going by the directories alone. */
  async isWhole(): Promise<boolean> {
    return (await this.findings([])).errors === 0;
  }

  /** Contents of one small file. */
  dump(snapshot: string, file: string): Promise<Buffer> {
    return this.run(["dump", "--no-lock", snapshot, file]);
  }

  /**
   * Writes what `target` lacks of `folder` of a snapshot.
   * @throws BackupError when something in it is damaged
   */
  async restore(snapshot: string, folder: string, target: string, onBytes?: OnBytes): Promise<void> {
    const where = [`${snapshot}:${folder}`, "--target", target, "--overwrite", "never"];
    await this.run(["restore", "--no-lock", ...where], {
      onJson: (line) => {
        if (line.message_type === "status") onBytes?.(line.bytes_restored ?? 0, line.total_bytes ?? 0);
      },
    });
  }

  /** What a restore into `target` would add and, if it is to `replace` what differs, replace. Nothing is written. */
  async planRestore(
    snapshot: string,
    folder: string,
    target: string,
    replace: boolean,
  ): Promise<{ added: string[]; replaced: string[]; present: number }> {
    const plan = { added: [] as string[], replaced: [] as string[], present: 0 };
    const where = [`${snapshot}:${folder}`, "--target", target];
    const how = ["--dry-run", "--verbose=2", "--overwrite", replace ? "if-changed" : "never"];
    await this.run(["restore", "--no-lock", ...where, ...how], {
      onJson: ({ message_type: type, action, item = "" }) => {
        if (type !== "verbose_status") return;
        if (action === "restored") plan.added.push(item.slice(1));
        else if (action === "updated") plan.replaced.push(item.slice(1));
        else if (action === "unchanged") plan.present += 1;
      },
    });
    return plan;
  }

  /**
   * Takes away the locks of runs that are dead, and no other: of processes that are gone from this host, and those that
   * nobody has renewed for half an hour (restic renews them every five minutes).
   */
  async unlockStale(): Promise<void> {
    await this.run(["unlock"]);
  }

  /** After a run that was killed: removes its locks, and rebuilds the index of what it had written. Alone on it only. */
  async recover(): Promise<void> {
    await this.run(["unlock", "--remove-all"]);
    await this.run(["repair", "index"]);
  }

  /**
   * Takes out packs and indexes that are damaged, and keeps what can be read of them. The snapshots stay listed, also
   * those that now lack data: adding the same data again repairs them. For a repository on this machine, and
   * alone on it only.
   */
  async takeOutDamaged(): Promise<void> {
    await this.run(["unlock", "--remove-all"]);
    await removeAltered(join(this.url, "snapshots"));
    await this.run(["repair", "index"]);
    const { brokenPacks } = await this.findings(["--read-data"]);
    if (brokenPacks.length === 0) return;
    // It leaves what it takes out in the directory it runs in.
    const cwd = await mkdtemp(join(this.access.cache, "packs-"));
    await this.run(["repair", "packs", ...brokenPacks], { cwd }).finally(() => rm(cwd, { recursive: true }));
  }

  private async findings(how: string[]): Promise<Findings> {
    let summary: CheckSummary | undefined;
    const onJson = (line: StatusLine) => {
      if (line.message_type === "summary") summary = line as CheckSummary;
    };
    let complaint = "";
    try {
      await this.run(["check", "--no-lock", ...how], { onJson });
    } catch (error) {
      // It counts errors by itself, whatever its words for them are; also that it could not begin, or reach the place.
      const counted = error instanceof LocationError && (summary?.num_errors ?? 0) > 0;
      const isDamage = error instanceof BackupError && error.fault === "damaged";
      const { cause } = error as Error;
      const said = cause instanceof ToolError ? cause.said : "";
      if (!isDamage && (!counted || said === "" || UNREACHABLE.test(said))) throw error;
      complaint = (error as Error).message;
      if (!summary || summary.num_errors === 0) return { errors: 1, brokenPacks: [], complaint };
    }
    return { errors: summary?.num_errors ?? 0, brokenPacks: summary?.broken_packs ?? [], complaint };
  }

  private asSource(): string[] {
    return ["--from-repo", this.url, "--from-password-file", this.access.passwordFile];
  }

  private async run(
    command: string[],
    options: { cwd?: string; keep?: number; onJson?: (line: StatusLine) => void } = {},
    others: Repository[] = [],
  ): Promise<Buffer> {
    const { cwd, keep, onJson } = options;
    const common = ["--repo", this.url, "--password-file", this.access.passwordFile];
    try {
      return await runTool("restic", [...common, "--cache-dir", this.access.cache, "--json", ...command], {
        ...{ env: environment(), signal: this.signal },
        ...(cwd !== undefined && { cwd }),
        ...(keep !== undefined && { keep }),
        ...(onJson && { onLine: (line: string) => void (line.startsWith("{") && onJson(JSON.parse(line))) }),
      });
    } catch (error) {
      throw error instanceof ToolError ? inWords(error, command[0] ?? "", [this, ...others]) : error;
    }
  }
}

interface Findings {
  errors: number;
  brokenPacks: string[];
  complaint: string;
}

interface CheckSummary extends StatusLine {
  num_errors: number;
  broken_packs: string[] | null;
}

interface StatusLine {
  message_type?: string;
  bytes_done?: number;
  bytes_restored?: number;
  total_bytes?: number;
  /** What is done with which file. */
  action?: string;
  item?: string;
}

interface Summary {
  snapshot_id: string;
  data_added: number;
  total_bytes_processed: number;
}

function limits({ download, upload }: Bandwidth = {}): string[] {
  return [
    ...(download === undefined ? [] : ["--limit-download", String(download)]),
    ...(upload === undefined ? [] : ["--limit-upload", String(upload)]),
  ];
}

/** How restic finds S3's credentials, and nothing else of our environment: the passwords of jobs are in it. */
export function environment(from: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const passed = /^(PATH|HOME|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|(HTTPS?|NO)_PROXY|AWS_\w+)$/i;
  return Object.fromEntries(
    Object.entries(from).filter((entry): entry is [string, string] => passed.test(entry[0])),
  );
}

const DAMAGED =
  /ciphertext verification failed|invalid data|is damaged|contains errors|no key found|unexpected EOF|not found in (the )?index|does not match id|hash mismatch|has zero size|unexpected file size|already contains keys|already initialized/i;

/** The location is not in reach, or refuses: that says nothing of what is there. */
const UNREACHABLE =
  /connection re(?:fused|set)|no such host|no route to host|network is unreachable|timed? ?out|deadline exceeded|access ?denied|permission denied|forbidden|certificate|internal server error|service unavailable|bad gateway|slow ?down|invalid ?access ?key|signature ?does ?not ?match|credential/i;

/** A file that the repository's directories name is gone, from a disk or from S3. */
const LOST = /<data\/[0-9a-f]+>.*(no such file|does not exist)|pack [0-9a-f]+: does not exist/is;

/** Exit codes: https://restic.readthedocs.io/en/stable/075_scripting.html */
function inWords(error: ToolError, command: string, [repository, source]: Repository[]): Error {
  const { code, said } = error;
  const complaint = detailOf(said) || error.complaint;
  const where = [repository?.url, source && `from ${source.url}`].filter(Boolean).join(" ");
  if (code === undefined && /not on this machine/.test(complaint))
    return new LocationError("restic is not on this machine: apt-get install restic (0.17 or later).");
  if (/empty password is not allowed/.test(said))
    return new UsageError(
      `The password of the repository at ${where} is empty. Give the one it was made with.`,
    );
  if (code === 10) return new BackupError("missing", `There is no repository at ${where}.`);
  if (LOST.test(said))
    return new BackupError("damaged", `The repository at ${where} is damaged: ${complaint}`);
  if (/unable to open config file|does not exist/i.test(said))
    return new BackupError("missing", `There is no repository at ${where}.`);
  if (code === 12)
    return new BackupError("wrong-key", `The repository at ${where} is encrypted under another password.`);
  if (code === 11)
    return new BusyError(
      `The repository at ${where} is locked by another process: ${complaint}. Wait for it to end.`,
    );
  if (/no space left on device|disk quota exceeded/i.test(said))
    return new LocationError(`The disk is full: restic ${command} at ${where} stopped. ${complaint}`);
  if (code === INCOMPLETE && command === "backup")
    return new LocationError(
      `Files changed or could not be read while they were backed up to ${where}; that snapshot is not claimed good. ${complaint}`,
      { cause: error },
    );
  if (DAMAGED.test(said))
    return new BackupError("damaged", `The repository at ${where} is damaged: ${complaint}`);
  return new LocationError(
    `restic ${command} at ${where} failed: ${complaint || `exit code ${code ?? "none"}`}`,
    { cause: error },
  );
}

/** Its advice is for who uses restic alone, and the last line often only counts what the others say. */
const ADVICE =
  /https?:\/\/|^restic |must be repaired|repository contains errors|^error for tree|^\d+ errors?$/;

/** Most of what restic said that a message quotes: lines, and characters. */
const QUOTED = { lines: 2, characters: 240 };

/** What is wrong in restic's words, without its advice and repetitions, in one line. */
export function detailOf(said: string): string {
  const messages = said
    .split("\n")
    .flatMap((line) => messageIn(line).split("\n"))
    .map((line) => line.replace(/^\s*Fatal: /, "").trim())
    .map((line) => line.replace(/\b([0-9a-f]{8})[0-9a-f]{56}\b/g, "$1").replace(/[:.]$/, ""))
    .filter((line) => line !== "" && !ADVICE.test(line));
  const different = [...new Set(messages)].filter(
    (line, _, all) => !all.some((other) => other !== line && other.includes(line)),
  );
  const shown = different.slice(0, QUOTED.lines).join("; ");
  const text = shown.length > QUOTED.characters ? `${shown.slice(0, QUOTED.characters)}…` : shown;
  const more = different.length - QUOTED.lines;
  return more > 0 ? `${text} (and ${more} more)` : text;
}

/** Of a backup that was made, what could not be read for it; undefined when restic did not say all of it. */
function unreadIn(error: unknown): Unread[] | undefined {
  const cause = error instanceof LocationError ? error.cause : undefined;
  if (!(cause instanceof ToolError) || cause.code !== INCOMPLETE || cause.said.length >= LONG)
    return undefined;
  const found = new Map<string, string>();
  for (const line of cause.said.split("\n")) {
    if (!line.startsWith("{")) continue;
    const { message_type: type, item, error } = JSON.parse(line) as ErrorLine;
    if (type === "error" && item !== undefined) found.set(item, error?.message?.split(": ").at(-1) ?? "");
  }
  return found.size === 0 ? undefined : [...found].map(([item, reason]) => ({ item, reason }));
}

interface ErrorLine extends StatusLine {
  error?: { message?: string };
}

/** Restic names its files after the SHA-256 of what is in them. */
async function removeAltered(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(directory, name)), hash);
    if (hash.digest("hex") !== name) await rm(join(directory, name));
  }
}
