/** What each command does with its options; what it throws becomes the exit code. */
import { mkdir } from "node:fs/promises";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readSecret, serverConfig, UsageError, type ServerOptions } from "../import/cli/options";
import { ServerError } from "../import/server";
import { print } from "../runCommand";
import { damageIn, keptChecks } from "./checks";
import { alarm, interruptible } from "./console";
import { keptDrill, refuseOverdue, type Drill } from "./drill";
import { LocationError, LossError } from "./errors";
import { exportServer, type ExportOptions } from "./export";
import { backupsIn, noBackup } from "./load";
import { publicKey, signingKey } from "./manifest";
import { BackupLocation } from "./location";
import { Progress, report } from "./progress";
import { stateOf } from "./replicate";
import { restore, restoreFilesOnly } from "./restore";
import { confirmFiles, undoFiles } from "./restoreFiles";
import { inShort } from "./shrink";
import {
  backupList,
  confirmedSummary,
  drilledBefore,
  drillSummary,
  exportSummary,
  filesOnlySummary,
  restoreSummary,
  shrunkMessage,
  undoneSummary,
} from "./summary";
import { Vault } from "./vault";
import { refuseShrunk, reportMetrics, checkHealth, type Health } from "./health";

interface Common {
  json?: boolean;
  scratch: string;
  jobs: number;
}

interface LocationFlags extends Common {
  location: string;
  repositoryPasswordFile?: string;
  repositoryPasswordEnv?: string;
  awsCredentialsFile?: string;
  publicKey?: string;
  publicKeyEnv?: string;
}

interface ExportFlags extends Omit<LocationFlags, "location">, ServerOptions, Common {
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
  acceptShrink?: boolean;
  retryFor?: number;
}

interface RestoreFlags extends LocationFlags, ServerOptions {
  snapshot?: string;
  database: string;
  role: string;
  replace?: boolean;
  filesTo?: string;
  filesOnly?: boolean;
  replaceFiles?: boolean;
  settingsTo?: string;
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
    const location = await locationOf({ ...flags, location: flags.repository }, vault, signal);
    const options: ExportOptions = {
      ...{
        name: flags.name,
        server,
        location,
        key,
        progress,
        signal,
        scratch: flags.scratch,
        jobs: flags.jobs,
      },
      ...{ settings: flags.settings, checkDays: flags.checkDays, acceptShrink: flags.acceptShrink ?? false },
      texts: {
        ...(encryptionPassword !== undefined && { "encryption.password": encryptionPassword }),
        ...(dhisConf !== undefined && { "dhis.conf": dhisConf }),
      },
      ...(flags.files !== undefined && { files: flags.files }),
      ...(flags.limitUpload !== undefined && { bandwidth: { upload: flags.limitUpload } }),
    };
    const result = await again(flags, signal, () => exportServer(options));
    print(flags, { event: "exported", ...result }, exportSummary(result));
    if (result.shrunk.length > 0)
      throw new LossError(shrunkMessage(location.url, result.at, inShort(result.shrunk)));
    return undefined;
  });
}

/** How often an export that failed is tried again within the time for that. */
const TRIES = 18;

/** Tries again what failed because a server or a location was away; each failure is an alarm of its own. */
async function again<T>(
  flags: { json?: boolean; retryFor?: number },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { retryFor = 0 } = flags;
  for (const end = Date.now() + retryFor * 1000; ;) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const pause = (retryFor * 1000) / TRIES;
      const canPass = error instanceof LocationError || error instanceof ServerError;
      if (!canPass || Date.now() + pause > end) throw error;
      alarm(flags, `${error.message} It is tried again in ${Math.ceil(pause / 1000)} s.`);
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

export async function list(
  flags: LocationFlags & { maxAge?: number; drillFile?: string; maxDrillAge?: number },
): Promise<void> {
  await working(flags, async (vault, _progress, signal) => {
    const location = await locationOf(flags, vault, signal);
    const unreadable: Error[] = [];
    let others = 0;
    const backups = await backupsIn(
      location,
      keyOf(flags),
      (error) => unreadable.push(error),
      (count) => (others += count),
    );
    const checks = await keptChecks(location);
    const read = { ...checks, ...(location.local && stateOf(location.url).checks) };
    const figures = await keptDrill(location, flags.drillFile);
    const now = new Date();
    const shown = backups.map(({ snapshot, receipt, repository }) => ({
      ...{ snapshot: snapshot.id, ...receipt, repository: repository.url },
      checkedAt: read[repository.url.slice(repository.url.lastIndexOf("/") + 1)]?.allAt,
      restoredAt: figures?.snapshot === snapshot.id ? figures.at : undefined,
    }));
    const damage = damageIn(location, checks);
    const data = {
      location: location.url,
      damage: damage.map(({ message }) => message),
      backups: shown,
      unreadable: unreadable.map(({ message }) => message),
      drill: figures,
      signedByOthers: others,
    };
    print(flags, { event: "backups", ...data }, backupList(location.url, data, now));
    if (unreadable[0]) throw unreadable[0];
    if (backups.length === 0) throw await noBackup(location, others);
    refuseShrunk(location, backups[0]?.receipt);
    if (damage[0]) throw damage[0];
    if (flags.maxAge !== undefined)
      refuseOverdue(`The newest backup in ${location.url}`, backups[0]?.receipt.at, flags.maxAge, now);
    if (flags.maxDrillAge !== undefined)
      refuseOverdue(`The last drill of ${location.url}`, figures?.at, flags.maxDrillAge, now);
    return undefined;
  });
}

export async function runRestore(flags: RestoreFlags): Promise<void> {
  const server = serverConfig(flags);
  const { filesTo, filesOnly = false, replaceFiles = false } = flags;
  if (filesTo === undefined && (filesOnly || replaceFiles))
    throw new UsageError(`${filesOnly ? "--files-only" : "--replace-files"} needs --files-to DIRECTORY.`);
  await working(flags, async (vault, progress, signal) => {
    const key = keyOf(flags);
    const options = {
      location: await locationOf(flags, vault, signal),
      ...{ server, database: flags.database, role: flags.role, replace: flags.replace ?? false },
      ...{ scratch: flags.scratch, jobs: flags.jobs, progress, signal, replaceFiles },
      ...(key && { key }),
      ...(flags.snapshot !== undefined && { snapshot: flags.snapshot }),
      ...(flags.settingsTo !== undefined && { settings: flags.settingsTo }),
    };
    if (filesOnly && filesTo !== undefined) {
      const result = await restoreFilesOnly({ ...options, files: filesTo });
      return { event: "files restored", data: result, text: filesOnlySummary(result, filesTo) };
    }
    const result = await restore({ ...options, ...(filesTo !== undefined && { files: filesTo }) });
    return { event: "restored", data: result, text: restoreSummary(result) };
  });
}

interface FilesFlags {
  filesTo: string;
  json?: boolean;
}

export async function runUndoFiles(flags: FilesFlags): Promise<void> {
  const result = await undoFiles(flags.filesTo);
  print(flags, { event: "files undone", ...result }, undoneSummary(result));
}

export async function runConfirmFiles(flags: FilesFlags): Promise<void> {
  const restores = await confirmFiles(flags.filesTo);
  print(flags, { event: "files confirmed", restores }, confirmedSummary(restores));
}

interface DrillFlags extends LocationFlags {
  ifOlder?: number;
  maxAge?: number;
  maxDrillAge?: number;
  drillFile?: string;
  metrics?: Record<string, string>;
}

export async function runDrill(flags: DrillFlags): Promise<void> {
  await working(flags, async (vault, progress, signal) => {
    const location = await locationOf(flags, vault, signal);
    const key = keyOf(flags);
    const { scratch, jobs, ifOlder, maxAge, maxDrillAge, drillFile, metrics } = flags;
    const health = await checkHealth({
      ...{ location, scratch, jobs, progress, signal, ...(key && { key }) },
      ...(ifOlder !== undefined && { every: ifOlder }),
      ...(drillFile !== undefined && { drillFile }),
    });
    const now = new Date();
    if (metrics)
      await reportMetrics(metrics, health, now).catch((error: Error) => void health.problems.push(error));
    if (health.last) showDrill(flags, health, health.last);
    const [problem] = health.problems;
    if (problem) throw problem;
    if (maxAge !== undefined)
      refuseOverdue(`The newest backup in ${location.url}`, health.newest, maxAge, now);
    if (maxDrillAge !== undefined)
      refuseOverdue(`The last drill of ${location.url}`, health.last?.at, maxDrillAge, now);
    return undefined;
  });
}

/** Of one that was made by an earlier run there is nothing new to say, but for those who read JSON. */
function showDrill(flags: { json?: boolean }, { drilledNow }: Health, last: Drill): void {
  if (drilledNow) print(flags, { event: "drilled", ...last }, drillSummary(last));
  else print(flags, { event: "drilled before", ...last }, drilledBefore(last));
}

function keyOf({ publicKey: file, publicKeyEnv: env }: LocationFlags): KeyObject | undefined {
  if (file !== undefined) return publicKey(readSecret(file, "--public-key"), "--public-key");
  return env === undefined
    ? undefined
    : publicKey(secret(undefined, env, "--public-key"), "--public-key-env");
}

async function locationOf(flags: LocationFlags, vault: Vault, signal: AbortSignal): Promise<BackupLocation> {
  const { repositoryPasswordFile: file, repositoryPasswordEnv: env, awsCredentialsFile } = flags;
  const password = secret(file, env, "--repository-password");
  if (awsCredentialsFile !== undefined) vault.useCredentials(awsCredentialsFile);
  const cache = join(flags.scratch, "dhistance-cache");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  return new BackupLocation(
    flags.location,
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
