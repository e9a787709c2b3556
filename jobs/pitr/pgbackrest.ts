/** pgBackRest's commands, for one repository each. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { lines, run, type Ended, type RunOptions } from "./process";
import { reasonOf } from "./alarms";
import type { Backup, Info } from "./info";
import { parseInfo } from "./parseInfo";
import { otherThan, PitrError, REPOSITORIES, type Repository } from "./repositories";

export const STANZA = process.env["PGBACKREST_STANZA"] ?? "dhis2";
const QUIET = "--log-level-console=off";
export const ONLY_WARNINGS = "--log-level-console=warn";
/** Seconds a repository out of reach is waited for, where the other one waits meanwhile: each time, and in all. */
const IMPATIENT = "--io-timeout=10";
export const PATIENCE = 30;

export const on = (repository: Repository) => `--repo=${REPOSITORIES[repository]}`;

export function pgbackrest(args: string[], options?: RunOptions): Promise<Ended> {
  return run("pgbackrest", args, options);
}

/**
 * @param options.impatient wait for the repository for a short time only
 * @throws PitrError with pgBackRest's own error
 */
export async function infoOf(
  repository: Repository,
  { impatient = false }: { impatient?: boolean } = {},
): Promise<Info> {
  const only = ["--output=json", QUIET, "--log-level-stderr=error"];
  const args = ["info", ...(impatient ? [IMPATIENT] : []), on(repository), ...only];
  const started = Date.now();
  const ended = await pgbackrest(args, { output: "both", ...(impatient && { seconds: PATIENCE }) });
  const { code, output } = ended;
  const text = output.toString();
  if (impatient && Date.now() - started >= PATIENCE * 1000)
    throw new PitrError(`no answer within ${PATIENCE} seconds`);
  if (code !== 0) throw new PitrError(`pgbackrest info: ${reasonOf(ended)}`);
  // Errors may stand before it.
  return parseInfo(text.slice(Math.max(0, text.search(/^\[/m))));
}

/** The repository's backups, newest first; none if it cannot be read. */
export async function backupsOf(repository: Repository): Promise<Backup[]> {
  return infoOf(repository).then(
    ({ backups }) => backups,
    () => [],
  );
}

/** Names below a folder of the repository; undefined if it cannot be listed. */
export async function list(
  repository: Repository,
  folder: string,
  options: string[] = [],
): Promise<string[] | undefined> {
  const args = ["repo-ls", on(repository), QUIET, ...options, folder];
  const { code, output } = await pgbackrest(args, { output: "capture" });
  return code === 0 ? lines(output) : undefined;
}

/** The same, with little patience and without a word. */
export async function hasFiles(repository: Repository, folder: string): Promise<boolean> {
  const args = ["repo-ls", on(repository), IMPATIENT, QUIET, folder];
  return lines((await pgbackrest(args, { output: "capture", silent: true })).output).length > 0;
}

/** Files of the WAL archive whose names match, sorted. */
export async function archived(repository: Repository, pattern: string): Promise<string[]> {
  const options = ["--recurse", `--filter=${pattern}`];
  return ((await list(repository, `archive/${STANZA}`, options)) ?? []).sort();
}

/** A file's content, decrypted; undefined if it cannot be read. */
export async function contentOf(
  repository: Repository,
  file: string,
  { impatient = false, options = [] as string[] } = {},
): Promise<Buffer | undefined> {
  const args = ["repo-get", on(repository), ...(impatient ? [IMPATIENT] : []), QUIET, ...options, file];
  const { code, output } = await pgbackrest(args, { output: "capture", silent: true });
  return code === 0 ? output : undefined;
}

/** A file as it lies in the repository, encrypted; undefined if it cannot be read or is empty. */
export async function rawContentOf(repository: Repository, file: string): Promise<Buffer | undefined> {
  const { code, output } = await pgbackrest(["repo-get", on(repository), ONLY_WARNINGS, "--raw", file], {
    output: "capture",
  });
  return code === 0 && output.length > 0 ? output : undefined;
}

/** Writes a file as it is to lie in the repository. @returns whether it is there */
export async function putRaw(repository: Repository, file: string, input: Buffer): Promise<boolean> {
  const args = ["repo-put", on(repository), ONLY_WARNINGS, "--raw", file];
  return (await pgbackrest(args, { input })).code === 0;
}

/** Overwrites one file of a repository with another one of it. @returns whether that succeeded */
export async function overwrite(repository: Repository, from: string, to: string): Promise<boolean> {
  const content = await rawContentOf(repository, from);
  return content !== undefined && (await putRaw(repository, to, content));
}

/**
 * Whether pgBackRest can read archive.info or backup.info, the main file or its second file: it looks there for the key of every
 * other file of the folder. A file that does not exist it has then looked for, and ends with 1.
 */
export async function canRead(
  repository: Repository,
  infoFile: string,
  options: string[] = [],
): Promise<boolean> {
  const absent = infoFile.replace(/[^/]+$/, "none/backup.manifest");
  const args = ["repo-get", on(repository), IMPATIENT, QUIET, "--ignore-missing", ...options, absent];
  return (await pgbackrest(args, { output: "discard" })).code === 1;
}

/** Runs a command that has no option for the repository with a configuration that knows this one only. */
export function alone(repository: Repository, args: string[], options: RunOptions = {}): Promise<Ended> {
  const file = `/tmp/${repository}.conf`;
  if (!existsSync(file)) {
    const other = `repo${REPOSITORIES[otherThan(repository)]}-`;
    const all = readFileSync(process.env["PGBACKREST_CONFIG"] ?? "", "utf8").split("\n");
    const own = all.filter((line) => !line.startsWith(other)).join("\n");
    // It has the repository's keys. Under its name it is complete: others may need it at the same time.
    writeFileSync(`${file}.${process.pid}`, own, { mode: 0o600 });
    renameSync(`${file}.${process.pid}`, file);
  }
  return pgbackrest(args, { ...options, env: { ...options.env, PGBACKREST_CONFIG: file } });
}
