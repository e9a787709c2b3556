import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROLE, SECRETS } from "../../../components/jobs";
import { program as analytics } from "../../../jobs/analytics/cli";
import { main as backup } from "../../../jobs/backup/cli";
import { chooseBackup, type Found } from "../../../jobs/backup/load";
import { publicKey } from "../../../jobs/backup/manifest";
import { BackupLocation } from "../../../jobs/backup/location";
import { runCommand } from "../../../jobs/runCommand";
import { confirm } from "../confirm";
import { UsageError } from "../errors";
import {
  GENERATING_ANALYTICS,
  jsonOption,
  nextSteps,
  restoreError,
  sayAnalyticsLater,
  type RestoreRequest,
} from "./request";
import type { ServerOnAws } from "./serverOnAws";

/** Restores a server on AWS with the task that exports its portable backups: it runs in the network of the database. */

const CLOUD = "cloud";
/** Seconds that a restore may take. */
const PATIENCE = 24 * 3600;
/** The exit code when everything else is done but DHIS2 does not run; that of the backup job for what is unreachable. */
const NOT_STARTED = 5;

/**
 * @param hosts of the agents on premises, by their names
 * @returns the exit code
 */
export async function restoreOnAws(
  server: ServerOnAws,
  hosts: Map<string, string>,
  request: RestoreRequest,
): Promise<number> {
  const { from = CLOUD, replace, undo, confirm: settled, analytics: tables, to } = request;
  if (from !== CLOUD && !server.agents.includes(from))
    throw new UsageError(
      `--from "${from}" is not possible; allowed: ${[CLOUD, ...server.agents].join(", ")}.`,
    );
  if (request.filesOnly)
    throw new UsageError(
      "--files-only is for a server on Docker: no task on AWS may write to the file store but DHIS2. Restore single files " +
        "from a recovery point of AWS Backup; see docs/recovery/aws.md.",
    );
  process.env["AWS_REGION"] = server.region;
  if (replace || undo || settled || tables) await refuseRehearsal(server);
  if (undo) return undoRestore(server, request);
  if (settled) return confirmRestore(server, request);
  if (tables) return generateAnalytics(server, request);
  if (!replace && to === undefined) return list(server, hosts, request);
  if (from !== CLOUD)
    throw new UsageError(
      `the backup of ${from} is on the customer's own host, which this command does not reach. Restore it there, into ` +
        "a server that the host reaches; see docs/recovery.md.",
    );
  return to === undefined ? replaceDatabase(server, request) : restoreElsewhere(server, request, to);
}

/** For repositories that this machine cannot read, prints the command that can. */
async function list(
  server: ServerOnAws,
  hosts: Map<string, string>,
  request: RestoreRequest,
): Promise<number> {
  const code = await withKeys(server, (keys) => backup(["list", ...keys, ...jsonOption(request)]));
  const { bold } = request.output.colors;
  for (const agent of server.agents) {
    const host = hosts.get(agent);
    const command =
      `docker -H ${host ?? "HOST"} exec ${agent} backup list --location /copies/${server.name} ` +
      "--repository-password-file /run/dhistance/local-password --public-key /run/dhistance/signing.pub";
    request.output.result(
      { event: "location", location: agent, host, command },
      `${bold(agent)}: on the customer's own host. To list its backups:\n  ${command}`,
    );
  }
  return code;
}

/** Restores into another server, with this machine's own restic and pg_restore. */
async function restoreElsewhere(server: ServerOnAws, request: RestoreRequest, to: string): Promise<number> {
  const { database, snapshot, passwordFile = "", scratch } = request;
  await confirm(
    `Restore ${snapshot ?? "the newest backup"} of ${server.repository} as database ${database} at ${to}?`,
    request,
  );
  return withKeys(server, (keys) =>
    backup([
      "restore",
      ...keys,
      "--server",
      to,
      "--password-file",
      passwordFile,
      "--database",
      database,
      "--role",
      ROLE,
      "--scratch",
      scratch,
      ...(snapshot ? ["--snapshot", snapshot] : []),
      ...jsonOption(request),
    ]),
  );
}

async function replaceDatabase(server: ServerOnAws, request: RestoreRequest): Promise<number> {
  const { snapshot, receipt } = await choose(server, request);
  await confirm(
    `Stop DHIS2 on ${server.name} and replace its database with the backup of ${receipt.at} ` +
      `(${snapshot.id.slice(0, 8)}, ${receipt.rows.toLocaleString("en")} rows)? The current database is kept: only it ` +
      "has the data entered since, and --undo puts it back.",
    request,
  );
  const code = await whileStopped(server, request, `restore of ${server.name}`, [
    "backup",
    "restore",
    "--location",
    server.repository,
    "--repository-password-env",
    SECRETS.repository,
    "--public-key-env",
    SECRETS.publicKey,
    "--snapshot",
    snapshot.id,
    ...onDatabase(server),
    "--role",
    ROLE,
    "--replace",
  ]);
  if (code !== 0) return code;
  await generateAnalytics(server, request);
  request.output.progress(
    `The file store was not changed: it still has the files of the restored rows.\n${nextSteps(request)}`,
  );
  return 0;
}

/** Chooses the backup while DHIS2 still runs. @throws BackupError, LocationError */
function choose(server: ServerOnAws, { snapshot }: RestoreRequest): Promise<Found> {
  return withKeys(server, (_, folder) => {
    const access = { passwordFile: path.join(folder, "password"), cache: folder };
    const location = new BackupLocation(server.repository, access, new AbortController().signal);
    return chooseBackup(location, publicKey(server.publicKey, "the stack's signing key"), snapshot);
  });
}

async function undoRestore(server: ServerOnAws, request: RestoreRequest): Promise<number> {
  await confirm(`Stop DHIS2 on ${server.name} and put its previous database back?`, request);
  const command = ["import", "rollback", ...onDatabase(server)];
  return whileStopped(server, request, `rollback of ${server.name}`, command);
}

async function confirmRestore(server: ServerOnAws, request: RestoreRequest): Promise<number> {
  await confirm(`Delete the previous database of ${server.name}? This cannot be undone.`, request);
  await runExportTask(server, request, `confirm of ${server.name}`, [
    "import",
    "confirm",
    ...onDatabase(server),
  ]);
  return 0;
}

const onDatabase = ({ task: { server, database } }: ServerOnAws) => [
  "--server",
  server,
  "--password-env",
  SECRETS.administrator,
  "--database",
  database,
];

/** Runs a task while DHIS2 is stopped. DHIS2 starts again in any case, with as many tasks as the stack has. */
async function whileStopped(
  server: ServerOnAws,
  request: RestoreRequest,
  title: string,
  command: string[],
): Promise<number> {
  const { output } = request;
  const { stopService } = await import("../../../operations/aws/service");
  const byHand = startByHand(server);
  output.progress(
    `stopping DHIS2 on ${server.name}. If this command is interrupted, start it again:\n  ${byHand}`,
  );
  let code = 0;
  try {
    await stopService(applicationOf(server));
    await runExportTask(server, request, title, command);
  } catch (error) {
    code = printError(request, "Not restored.", error);
  }
  // Whatever the exit code: a task that was killed or lost its connection may have exchanged the databases before.
  try {
    await secureAdmin(server, request);
  } catch (error) {
    printError(request, "DHIS2 was not started, because its default password may open it.", error, byHand);
    return code || NOT_STARTED;
  }
  try {
    await startDhis2(server, request);
  } catch (error) {
    printError(request, "DHIS2 does not run.", error, byHand);
    code ||= NOT_STARTED;
  }
  return code;
}

const applicationOf = ({ region, service, task: { cluster, logGroup } }: ServerOnAws) => ({
  region,
  cluster,
  service: service.arn,
  container: "dhis2",
  logGroup,
});

function startByHand({ region, service, task: { cluster } }: ServerOnAws): string {
  return (
    `aws ecs update-service --region ${region} --cluster ${cluster} --service ${service.arn} ` +
    `--desired-count ${service.desiredCount} --force-new-deployment`
  );
}

async function startDhis2(server: ServerOnAws, { output }: RestoreRequest): Promise<void> {
  const { startService } = await import("../../../operations/aws/service");
  const { desiredCount, startSeconds } = server.service;
  const title = `start of ${server.name}`;
  output.progress(`starting DHIS2 on ${server.name}`);
  const application = { ...applicationOf(server), patience: startSeconds + 900 };
  await startService(title, application, desiredCount, async (line) => output.progress(`${title}: ${line}`));
}

/** Prints an error after which the command continues. @returns its exit code */
function printError({ output }: RestoreRequest, heading: string, error: unknown, byHand?: string): number {
  const { message, exitCode } = restoreError(heading, error);
  output.error(byHand ? `${message}\nOnce that is fixed, start DHIS2:\n  ${byHand}` : message, exitCode);
  return exitCode;
}

/** Runs another command in the daily export's task, which may read the backups and the administrator's password. */
async function runExportTask(
  { region, publicKey: key, task: where }: ServerOnAws,
  request: RestoreRequest,
  title: string,
  command: string[],
): Promise<void> {
  const { runTask } = await import("../../../operations/aws/runTask");
  const what = {
    container: "export",
    command: [...command, ...jsonOption(request)],
    patience: PATIENCE,
    environment: { [SECRETS.publicKey]: key },
  };
  await runTask(title, { ...where, region, ...what }, async (line) => request.output.passOn(line));
}

/** Replaces DHIS2's default password, which either database may contain, in a first start that nothing can reach. */
async function secureAdmin(server: ServerOnAws, { output }: RestoreRequest): Promise<void> {
  const { region, name, service, task: where, secureAdmin } = server;
  const { runTask } = await import("../../../operations/aws/runTask");
  // Its task definition leaves no disk to the start.
  const { disk: _, ...network } = where;
  const title = `check of ${name}'s default administrator password`;
  const what = {
    container: "secure-admin",
    taskDefinition: secureAdmin,
    patience: service.startSeconds + 600,
  };
  await runTask(title, { ...network, region, ...what }, async (line) => output.progress(`${title}: ${line}`));
}

/** Asks DHIS2 from this machine, as any user reaches it. */
async function generateAnalytics(server: ServerOnAws, request: RestoreRequest): Promise<number> {
  request.output.progress(GENERATING_ANALYTICS);
  const code = await inFiles({ password: server.adminPassword }, (folder) => {
    const password = path.join(folder, "password");
    const options = ["--application", server.url, "--password-file", password, ...jsonOption(request)];
    return runCommand(analytics(), options);
  });
  if (code !== 0) sayAnalyticsLater(request);
  return code;
}

async function refuseRehearsal({ task: { cluster } }: ServerOnAws): Promise<void> {
  const { isRehearsal } = await import("../../../components/aws/runOnce");
  if (isRehearsal(cluster))
    throw new UsageError("the stack is a rehearsal: there is nothing on AWS to restore.");
}

/** Works with the options that name the repository and its keys. The folder has the keys as `password` and `signing.pub`. */
function withKeys<T>(
  server: ServerOnAws,
  work: (options: string[], folder: string) => Promise<T>,
): Promise<T> {
  const keys = { password: server.repositoryPassword, "signing.pub": server.publicKey };
  return inFiles(keys, (folder) =>
    work(
      [
        "--location",
        server.repository,
        "--repository-password-file",
        path.join(folder, "password"),
        "--public-key",
        path.join(folder, "signing.pub"),
      ],
      folder,
    ),
  );
}

/** Keeps texts in files that only this user can read, for as long as `work` takes. */
async function inFiles<T>(texts: Record<string, string>, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "restore-"));
  try {
    for (const [name, text] of Object.entries(texts))
      writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
