/** What each command does with its options; what it throws becomes the exit code. */
import { mkdir } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pc from "picocolors";
import { readSecret, serverConfig, UsageError, type ServerOptions } from "../import/cli/options";
import { readConfiguration, type Configuration } from "./configuration";
import { drill, keepDrill, keptDrill, refuseOverdue } from "./drill";
import { PlaceError } from "./errors";
import { exportServer } from "./export";
import { copiesIn } from "./load";
import { publicKey, signingKey } from "./manifest";
import { Place } from "./place";
import { Progress, report } from "./progress";
import { replicate, stateOf } from "./replicate";
import type { Bandwidth } from "./restic";
import { restore } from "./restore";
import { copyList, drillSummary, exportSummary, replicateSummary, restoreSummary } from "./summary";
import { Vault } from "./vault";

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

export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("Interrupted; nothing is claimed that is not so, and the next run goes on.");
  }
}

export async function runExport(flags: ExportFlags): Promise<void> {
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

export async function runReplicate(flags: ReplicateFlags): Promise<void> {
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

export async function list(
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

export async function runRestore(flags: RestoreFlags): Promise<void> {
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

export async function runDrill(flags: PlaceFlags & { maxAge?: number; drillFile?: string }): Promise<void> {
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
