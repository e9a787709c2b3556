/** The command line of the portable copies. */
import { mkdir } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, CommanderError, Option } from "commander";
import pc from "picocolors";
import {
  parseCount,
  parseDuration,
  parseName,
  readSecret,
  serverConfig,
  UsageError,
  type ServerOptions,
} from "../import/cli/options";
import { NeedsReimport } from "../import/run";
import { BusyError, ServerError } from "../import/server";
import { readConfiguration, type Configuration } from "./configuration";
import { drill, keepDrill, keptDrill, refuseOverdue } from "./drill";
import { CopyError, MismatchError, OverdueError, PlaceError } from "./errors";
import { exportServer } from "./export";
import { copiesIn } from "./load";
import { publicKey, signingKey } from "./manifest";
import { Place } from "./place";
import { Progress, report } from "./progress";
import { replicate, stateOf } from "./replicate";
import type { Bandwidth } from "./restic";
import { restore } from "./restore";
import { ToolError } from "./tool";
import { copyList, drillSummary, exportSummary, replicateSummary, restoreSummary } from "./summary";
import { Vault } from "./vault";

const exitCodes = `
Exit codes:
  0  done
  1  a fault of this program
  2  the command makes no sense
  3  the copy cannot be used: none there, damaged, another password, not signed by this key
  4  what was restored does not match its manifest
  5  a database server, a repository or a disk: not reached, not allowed, full
  6  the live database holds something, and --replace was not given
  7  another run is under way
  8  a promise is not kept: a copy is too old, a drill is missing
  130, 143  interrupted; nothing is claimed that is not so`;

interface Common {
  json?: boolean;
  scratch: string;
  jobs: number;
}

interface PlaceFlags extends Common {
  copy: string;
  repositoryPasswordFile?: string;
  repositoryPasswordEnv?: string;
  awsCredentialsFile?: string;
  publicKey?: string;
}

interface ExportFlags extends Omit<PlaceFlags, "copy">, ServerOptions, Common {
  repository: string;
  name: string;
  database: string;
  files?: string;
  settings: string[];
  encryptionPasswordFile?: string;
  encryptionPasswordEnv?: string;
  dhisConfEnv?: string;
  signingKeyFile?: string;
  signingKeyEnv?: string;
  limitUpload?: number;
  checkDays: number;
}

interface RestoreFlags extends PlaceFlags, ServerOptions {
  snapshot?: string;
  database: string;
  role: string;
  replace?: boolean;
  filesTo?: string;
  settingsTo?: string;
}

class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("Interrupted; nothing is claimed that is not so, and the next run goes on.");
  }
}

export function program(): Command {
  const program = new Command("backup")
    .description(
      "Portable copies of DHIS2 servers: made, pulled home, restored, and proven by restoring them.",
    )
    .addHelpText("after", exitCodes);

  const exporting = program
    .command("export")
    .description("write database, file store and settings into this month's repository, signed")
    .requiredOption(
      "--server <url>",
      "postgres://account@host:5432/postgres?sslmode=verify-full&sslrootcert=ca.pem",
    )
    .requiredOption("--database <name>", "the database", parseName)
    .option("--password-file <path>", "file with the account's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption("--name <server>", "name of the server in the copies", parseName)
    .requiredOption("--repository <place>", "a directory, or s3:https://host/bucket/folder")
    .option("--files <directory>", "the file store")
    .option("--settings <file...>", "files of settings, such as dhis.conf", [])
    .option("--encryption-password-file <path>", "file with DHIS2's encryption.password")
    .option("--encryption-password-env <name>", "environment variable with it")
    .option("--dhis-conf-env <name>", "environment variable with dhis.conf, kept among the settings")
    .option("--signing-key-file <path>", "private Ed25519 key in PEM")
    .option("--signing-key-env <name>", "environment variable with it")
    .option("--limit-upload <KiB/s>", "most that is sent a second", parseRate)
    .option(
      "--check-days <n>",
      "days in which all data of the month's repository are read once",
      parseCount,
      7,
    );
  passwordOptions(commonOptions(exporting)).action(runExport);

  program
    .command("replicate")
    .description("pull the copies of servers into a directory here, again and again")
    .requiredOption("--config <file>", "what to pull, and how; JSON")
    .option("--once", "one run, with an exit code that says how it went")
    .option("--scratch <directory>", "for temporary files", tmpdir())
    .option("--json", "one JSON object a line instead of text")
    .action(runReplicate);

  copyOptions(program.command("list"))
    .description("say which copies a place holds: how old, of what, when they were last verified")
    .option("--max-age <duration>", "fail when the newest copy is older", parseDuration)
    .option("--drill-file <path>", "where the last drill's figures are")
    .option("--max-drill-age <duration>", "fail when the last drill is older, or was none", parseDuration)
    .action(list);

  copyOptions(program.command("restore"))
    .description("load a copy into a database, checked against its manifest before it takes the name")
    .requiredOption("--server <url>", "administrator's address: postgres://admin@host:5432/postgres")
    .option("--password-file <path>", "file with the administrator's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption("--database <name>", "name the database gets", parseName)
    .option("--role <name>", "role of the application; everything will belong to it", parseName, "dhis")
    .option("--snapshot <id>", "beginning of the copy's id (default: the newest)", parseSnapshot)
    .option("--replace", "take the place of a database that holds tables, which is kept aside")
    .option("--files-to <directory>", "the file store; files that are there stay")
    .option("--settings-to <directory>", "the settings, encryption.password among them")
    .action(runRestore);

  copyOptions(program.command("drill"))
    .description(
      "restore the newest copy into a throwaway database without network, and say how long it took",
    )
    .option("--max-age <duration>", "fail when the copy is older", parseDuration)
    .option("--drill-file <path>", "keep the figures there")
    .action(runDrill);

  return program;
}

function commonOptions(command: Command): Command {
  return command
    .option("--scratch <directory>", "room for a whole dump, uncompressed", tmpdir())
    .option("-j, --jobs <n>", "tables that are moved at the same time", parseCount, 2)
    .option("--json", "one JSON object a line instead of text");
}

function passwordOptions(command: Command): Command {
  return command
    .option("--repository-password-file <path>", "file with the repositories' password")
    .option("--repository-password-env <name>", "environment variable with it")
    .option(
      "--aws-credentials-file <path>",
      "credentials for S3 (default: as the AWS command line finds them)",
    );
}

function copyOptions(command: Command): Command {
  const copy = new Option("--copy <place>", "the copies: a directory, or s3:https://host/bucket/folder");
  return passwordOptions(commonOptions(command.addOption(copy.makeOptionMandatory()))).option(
    "--public-key <path>",
    "key that the exports were signed for; without it no signature is verified",
  );
}

async function runExport(flags: ExportFlags): Promise<void> {
  const key = signingKey(secret(flags.signingKeyFile, flags.signingKeyEnv, "--signing-key"), "--signing-key");
  const server = { ...serverConfig(flags), database: flags.database };
  const { encryptionPasswordFile: file, encryptionPasswordEnv: env } = flags;
  const encryptionPassword =
    file === undefined && env === undefined ? undefined : secret(file, env, "--encryption-password");
  const dhisConf =
    flags.dhisConfEnv === undefined ? undefined : secret(undefined, flags.dhisConfEnv, "--dhis-conf");
  await working(flags, async (vault, progress, signal) => {
    const place = await placeOf({ ...flags, copy: flags.repository }, vault, signal);
    const result = await exportServer({
      ...{ name: flags.name, server, place, key, progress, signal, scratch: flags.scratch, jobs: flags.jobs },
      ...{ settings: flags.settings, checkDays: flags.checkDays },
      texts: {
        ...(encryptionPassword !== undefined && { "encryption.password": encryptionPassword }),
        ...(dhisConf !== undefined && { "dhis.conf": dhisConf }),
      },
      ...(flags.files !== undefined && { files: flags.files }),
      ...(flags.limitUpload !== undefined && { bandwidth: { upload: flags.limitUpload } }),
    });
    return { event: "exported", data: result, text: exportSummary(result) };
  });
}

interface ReplicateFlags {
  config: string;
  once?: boolean;
  scratch: string;
  json?: boolean;
}

async function runReplicate(flags: ReplicateFlags): Promise<void> {
  const configuration = readConfiguration(flags.config);
  await interruptible(async (signal) => {
    for (;;) {
      const problems = await pullAll(configuration, flags, signal);
      if (flags.once) {
        if (problems[0]) throw problems[0];
        return;
      }
      await sleep(configuration.everyMinutes * 60_000, undefined, { signal }).catch(() =>
        signal.throwIfAborted(),
      );
    }
  });
}

/** Each server on its own: what befalls one keeps no other from being pulled. */
async function pullAll(
  configuration: Configuration,
  flags: ReplicateFlags,
  signal: AbortSignal,
): Promise<Error[]> {
  const problems: Error[] = [];
  const { copies, cloudPasswordFile, localPasswordFile, retentionDays, parts, maxAgeHours } = configuration;
  for (const server of configuration.servers) {
    const progress = new Progress();
    const stop = report(progress, flags.json ?? false);
    const vault = await Vault.open(flags.scratch);
    try {
      vault.useRolesAnywhere(configuration);
      const cache = join(copies, ".cache");
      await mkdir(cache, { recursive: true, mode: 0o700 }).catch((error: Error) => {
        throw new PlaceError(`${copies} cannot be written to: ${error.message}`);
      });
      const directory = join(copies, server);
      const key = configuration.publicKeyFile;
      const bandwidth: Bandwidth = configuration.kibPerSecond ? { download: configuration.kibPerSecond } : {};
      const result = await replicate({
        source: new Place(
          `${configuration.source}/${server}`,
          { passwordFile: cloudPasswordFile, cache },
          signal,
        ),
        target: new Place(directory, { passwordFile: localPasswordFile, cache }, signal),
        ...(key !== undefined && { key: publicKey(readSecret(key, "publicKeyFile"), "publicKeyFile") }),
        ...{ retentionDays, parts, bandwidth, progress, signal },
      });
      stop();
      print(
        flags,
        { event: "replicated", server, ...result, problems: undefined },
        replicateSummary(server, result),
      );
      problems.push(...result.problems);
      result.problems.forEach((problem) => alarm(flags, problem.message));
      refuseOverdue(
        `The newest copy of ${server} in ${directory}`,
        result.newest?.at,
        maxAgeHours * 3600,
        new Date(),
      );
    } catch (error) {
      stop();
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      problems.push(error);
      alarm(flags, error.message);
    } finally {
      await vault.close();
    }
  }
  return problems;
}

async function list(
  flags: PlaceFlags & { maxAge?: number; drillFile?: string; maxDrillAge?: number },
): Promise<void> {
  await working(flags, async (vault, _progress, signal) => {
    const place = await placeOf(flags, vault, signal);
    const unreadable: Error[] = [];
    const copies = await copiesIn(place, keyOf(flags), (error) => unreadable.push(error));
    const state = place.local ? stateOf(place.url) : undefined;
    const figures = flags.drillFile === undefined ? undefined : await keptDrill(flags.drillFile);
    const now = new Date();
    const shown = copies.map(({ snapshot, receipt, repository }) => ({
      ...{ snapshot: snapshot.id, ...receipt, repository: repository.url },
      checkedAt: state?.checks[repository.url.slice(repository.url.lastIndexOf("/") + 1)]?.allAt,
      restoredAt: figures?.snapshot === snapshot.id ? figures.at : undefined,
    }));
    const data = {
      copy: place.url,
      copies: shown,
      unreadable: unreadable.map(({ message }) => message),
      drill: figures,
    };
    print(flags, { event: "copies", ...data }, copyList(place.url, shown, figures, now));
    if (unreadable[0]) throw unreadable[0];
    if (flags.maxAge !== undefined)
      refuseOverdue(`The newest copy in ${place.url}`, copies[0]?.receipt.at, flags.maxAge, now);
    if (flags.maxDrillAge !== undefined)
      refuseOverdue(`The last drill of ${place.url}`, figures?.at, flags.maxDrillAge, now);
    return undefined;
  });
}

async function runRestore(flags: RestoreFlags): Promise<void> {
  const server = serverConfig(flags);
  await working(flags, async (vault, progress, signal) => {
    const key = keyOf(flags);
    const result = await restore({
      place: await placeOf(flags, vault, signal),
      ...{ server, database: flags.database, role: flags.role, replace: flags.replace ?? false },
      ...{ scratch: flags.scratch, jobs: flags.jobs, progress, signal },
      ...(key && { key }),
      ...(flags.snapshot !== undefined && { snapshot: flags.snapshot }),
      ...(flags.filesTo !== undefined && { files: flags.filesTo }),
      ...(flags.settingsTo !== undefined && { settings: flags.settingsTo }),
    });
    return { event: "restored", data: result, text: restoreSummary(result) };
  });
}

async function runDrill(flags: PlaceFlags & { maxAge?: number; drillFile?: string }): Promise<void> {
  await working(flags, async (vault, progress, signal) => {
    const place = await placeOf(flags, vault, signal);
    const key = keyOf(flags);
    const { scratch, jobs, maxAge, drillFile } = flags;
    const figures = await drill({ place, scratch, jobs, progress, signal, ...(key && { key }) });
    if (drillFile !== undefined) await keepDrill(drillFile, figures);
    if (maxAge === undefined) return { event: "drilled", data: figures, text: drillSummary(figures) };
    print(flags, { event: "drilled", ...figures }, drillSummary(figures));
    refuseOverdue(`The newest copy in ${place.url}`, figures.of, maxAge, new Date(figures.at));
    return undefined;
  });
}

function keyOf({ publicKey: file }: PlaceFlags): KeyObject | undefined {
  return file === undefined ? undefined : publicKey(readSecret(file, "--public-key"), "--public-key");
}

async function placeOf(flags: PlaceFlags, vault: Vault, signal: AbortSignal): Promise<Place> {
  const { repositoryPasswordFile: file, repositoryPasswordEnv: env, awsCredentialsFile } = flags;
  const password = secret(file, env, "--repository-password");
  if (awsCredentialsFile !== undefined) vault.useCredentials(awsCredentialsFile);
  const cache = join(flags.scratch, "dhistance-cache");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  return new Place(
    flags.copy,
    { passwordFile: await vault.keep("repository-password", password), cache },
    signal,
  );
}

/** A secret in a file or in a variable. */
function secret(file: string | undefined, env: string | undefined, option: string): string {
  if (file !== undefined) return readSecret(file, `${option}-file`);
  if (env === undefined) throw new UsageError(`${option}-file is missing.`);
  const value = process.env[env];
  if (!value) throw new UsageError(`${option}-env names ${env}, which is not set.`);
  return value;
}

interface Outcome {
  event: string;
  data: object;
  text: string;
}

/** Shows the progress of one piece of work, then what came of it. */
async function working(
  flags: { json?: boolean; scratch: string },
  work: (vault: Vault, progress: Progress, signal: AbortSignal) => Promise<Outcome | undefined>,
): Promise<void> {
  await interruptible(async (signal) => {
    const progress = new Progress();
    const stop = report(progress, flags.json ?? false);
    const vault = await Vault.open(flags.scratch);
    try {
      const outcome = await work(vault, progress, signal);
      stop();
      if (outcome) print(flags, { event: outcome.event, ...outcome.data }, outcome.text);
    } finally {
      stop();
      await vault.close();
    }
  });
}

/** Lets the work end cleanly on the first signal, and at once on the second. */
async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    const exitCode = signal === "SIGINT" ? 130 : 143;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await work(controller.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function print(flags: { json?: boolean }, data: object, text: string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(data) : text}\n`);
}

/** One line, the same wherever it comes from: what watches the log looks for its first two words. */
function alarm(flags: { json?: boolean }, message: string): void {
  if (flags.json) process.stdout.write(`${JSON.stringify({ event: "alarm", message })}\n`);
  process.stderr.write(`${pc.red("ALARM backup:")} ${message}\n`);
}

function parseRate(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) === 0)
    throw new CommanderError(2, "rate", "a number of KiB a second");
  return Number(text);
}

function parseSnapshot(text: string): string {
  if (!/^[0-9a-f]{4,64}$/.test(text))
    throw new CommanderError(2, "snapshot", "the beginning of an id, as list shows it");
  return text;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  if (error instanceof CopyError) return 3;
  if (error instanceof MismatchError) return 4;
  if (error instanceof PlaceError || error instanceof ServerError || error instanceof ToolError) return 5;
  if (error instanceof NeedsReimport) return 6;
  if (error instanceof BusyError) return 7;
  return error instanceof OverdueError ? 8 : 1;
}

/** Returns the exit code. */
export async function main(parameters: string[]): Promise<number> {
  const json = parameters.includes("--json");
  const command = program();
  for (const each of [command, ...command.commands]) each.exitOverride();
  try {
    await command.parseAsync(parameters, { from: "user" });
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    if (error instanceof CommanderError) return code;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const said = code === 1 ? (stack ?? message) : message;
    if (json) process.stdout.write(`${JSON.stringify({ event: "error", exitCode: code, message: said })}\n`);
    // A pull has said so already, server by server.
    else if (parameters[0] !== "replicate" || error instanceof UsageError || code === 1)
      process.stderr.write(`${pc.red(code >= 128 || code === 2 ? "Not done." : "ALARM backup:")} ${said}\n`);
    return code;
  }
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
