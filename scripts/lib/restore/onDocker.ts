import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { FILES, SCRATCH_PATH } from "../../../components/BackupVault/docker/portableFiles";
import { APPLICATION_PORT } from "../../../components/contract/application";
import { ROLE, type ReplicateConfiguration } from "../../../components/jobs";
import { OLD_CONFIGURATION, OLD_LIST, withNewNames } from "../../../jobs/backup/oldNames";
import { serverOn, stop, type ServerOnHost } from "../../../operations/docker/server";
import { confirm } from "../confirm";
import { runIn } from "../docker/backupContainers";
import { requireSecureAdmin, startSecured } from "../docker/securedStart";
import { CommandError, UsageError } from "../errors";
import {
  GENERATING_ANALYTICS,
  jsonOption,
  nextSteps,
  sayAnalyticsLater,
  type RestoreRequest,
} from "./request";

/** Restores a server on Docker with the container that keeps its portable backups and has their keys. */

const LOCATIONS = ["disk", "cloud"] as const;
type Location = (typeof LOCATIONS)[number];

/** Where a restore puts the settings of the backup, for people to look at: in memory, until the container stops. */
const SETTINGS = "/tmp/settings-of-the-backup";

/** @returns the exit code: that of the command in the container */
export async function restoreOnDocker(host: string, request: RestoreRequest): Promise<number> {
  const { tenant, server: name, output } = request;
  if (request.to)
    throw new UsageError(
      "--to is for a server on AWS. To restore a backup of a server on Docker into any other: docs/recovery.md, with the " +
        `keys of its container (docker cp ${tenant}-${name}-portable:/run/dhistance KEYS).`,
    );
  const from = LOCATIONS.find((location) => location === (request.from ?? "disk"));
  if (!from)
    throw new UsageError(`--from "${request.from}" is not possible; allowed: ${LOCATIONS.join(", ")}.`);
  const server = serverOn(host, tenant, name);
  const backups = await backupsOf(server, name);
  if (request.filesOnly) return restoreFiles({ server, backups, from }, request);
  if (request.replace) return replaceDatabase({ server, backups, from }, request);
  if (request.undo) return undoRestore(server, backups, request);
  if (request.confirm) return confirmRestore(server, backups, request);
  if (request.analytics) return generateAnalytics(server, request);
  const code = await list(server, backups, request);
  output.print(`For point-in-time recovery: npm run pitr -- list ${tenant} ${name} --host ${host}`);
  return code;
}

/** How the container reaches its backups and the database. */
interface Backups {
  /** The options that name a repository and its keys. */
  repository(from: Location): string[];
  /** The options that name the database server and the file with its administrator's password. */
  server: string[];
  database: string;
  files: string;
}

interface Source {
  server: ServerOnHost;
  backups: Backups;
  from: Location;
}

/** Reads the container's own configuration, so that a person needs to know no more than its name. */
async function backupsOf(server: ServerOnHost, name: string): Promise<Backups> {
  const { code, output } = await outputOf(server, ["cat", FILES.configuration]);
  if (code !== 0)
    throw new CommandError(`${server.portable} has no readable configuration of its backups: ${output}`);
  const configuration = withNewNames(JSON.parse(output), OLD_CONFIGURATION) as ReplicateConfiguration;
  const { source, backups, cloudPasswordFile, localPasswordFile, publicKeyFile } = configuration;
  const exporting = configuration.export;
  if (!exporting) throw new CommandError(`${server.portable} makes no backups`);
  const at = { disk: [backups, localPasswordFile], cloud: [source, cloudPasswordFile] } as const;
  return {
    repository: (from) => [
      "--location",
      `${at[from][0]}/${name}`,
      "--repository-password-file",
      at[from][1],
      "--public-key",
      publicKeyFile,
      "--scratch",
      SCRATCH_PATH,
    ],
    server: ["--server", exporting.server, "--password-file", exporting.passwordFile],
    database: exporting.database,
    files: exporting.files,
  };
}

/**
 * Runs a command in the container and collects its output.
 * @param err where its standard error goes @default into the output
 */
async function outputOf(
  server: ServerOnHost,
  command: string[],
  err?: NodeJS.WritableStream,
): Promise<{ code: number; output: string }> {
  const out = new PassThrough();
  const output = text(out);
  const code = await runIn(server, server.portable, command, { streams: [out, err ?? out] });
  out.end();
  return { code, output: await output };
}

/** Shows every repository, also if one cannot be read. */
async function list(server: ServerOnHost, backups: Backups, request: RestoreRequest): Promise<number> {
  const { output } = request;
  let worst = 0;
  for (const from of LOCATIONS) {
    output.print(output.colors.bold(from === "disk" ? "On disk" : "In the cloud"));
    const command = ["backup", "list", ...backups.repository(from), ...jsonOption(request)];
    worst = Math.max(worst, await runIn(server, server.portable, command));
  }
  return worst;
}

/** What the list command prints. */
interface Answer {
  backups: Listed[];
  message: string;
}

/** A backup in its output. */
interface Listed {
  snapshot: string;
  at: string;
  rows: number;
}

/**
 * Chooses the backup while DHIS2 still runs.
 * @throws CommandError if none fits, or more than one
 */
async function choose({ server, backups, from }: Source, { snapshot }: RestoreRequest): Promise<Listed> {
  const command = ["backup", "list", ...backups.repository(from), "--json"];
  const { code, output } = await outputOf(server, command, process.stderr);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  // A container of the former version names the list "copies".
  const events = lines.map(
    (line) => withNewNames(JSON.parse(line), OLD_LIST) as { event: string } & Partial<Answer>,
  );
  const all = events.find(({ event }) => event === "backups" || event === "copies")?.backups ?? [];
  const [chosen, other] = all.filter((backup) => backup.snapshot.startsWith(snapshot ?? ""));
  if (chosen && (snapshot === undefined || !other)) return chosen;
  const ids = all.map((backup) => backup.snapshot.slice(0, 8)).join(", ");
  if (all.length === 0) {
    const message = events.find(({ event }) => event === "error")?.message;
    throw new CommandError(
      `Not restored. ${message ?? `There is no complete backup in ${from}.`}`,
      code === 0 ? NO_BACKUP : code,
    );
  }
  // The list also ends with an error if there are backups and something is wrong with them.
  const found = other ? "More than one snapshot" : "No snapshot";
  const message = `${found} in ${from} starts with "${snapshot}"; snapshots: ${ids}.`;
  throw new CommandError(`Not restored. ${message}`, NO_BACKUP);
}

/** The exit code of the backup job if there is no usable backup. */
const NO_BACKUP = 3;

async function replaceDatabase(source: Source, request: RestoreRequest): Promise<number> {
  const { server, backups, from } = source;
  const { snapshot, at, rows } = await choose(source, request);
  await confirm(
    `Stop ${server.application} and replace its database with the backup of ${at} in ${from} ` +
      `(${snapshot.slice(0, 8)}, ${rows.toLocaleString("en")} rows)? The current database is kept: only it has the data ` +
      "entered since, and --undo puts it back.",
    request,
  );
  const code = await whileStopped(server, request, [
    "backup",
    "restore",
    ...backups.repository(from),
    ...backups.server,
    "--database",
    backups.database,
    "--role",
    ROLE,
    "--replace",
    "--files-to",
    backups.files,
    "--settings-to",
    SETTINGS,
    "--snapshot",
    snapshot,
    ...jsonOption(request),
  ]);
  if (code !== 0) return code;
  await compareSettings(server, request);
  await generateAnalytics(server, request);
  request.output.progress(nextSteps(request));
  return 0;
}

/** DHIS2 goes on meanwhile: no file that is there is touched. */
async function restoreFiles(source: Source, request: RestoreRequest): Promise<number> {
  const { server, backups, from } = source;
  const store = ["--files-to", backups.files, ...jsonOption(request)];
  if (request.undo || request.confirm) {
    const [verb, question] = request.undo
      ? ["undo-files", `Undo the last restore of files of ${server.name}?`]
      : ["confirm-files", `Delete what is kept to undo restores of files of ${server.name}?`];
    await confirm(question, request);
    return runIn(server, server.portable, ["backup", verb, ...store]);
  }
  const { snapshot, at } = await choose(source, request);
  await confirm(
    `Add to the file store of ${server.name} what it lacks of the backup of ${at} in ${from} (${snapshot.slice(0, 8)})?`,
    request,
  );
  const options = [...backups.repository(from), ...backups.server, "--database", backups.database];
  const command = ["backup", "restore", "--files-only", ...options, "--snapshot", snapshot, ...store];
  return runIn(server, server.portable, command);
}

/** Backups do not contain analytics tables. If they cannot be generated, the restore is still complete. */
async function generateAnalytics(server: ServerOnHost, request: RestoreRequest): Promise<number> {
  const application = `http://${server.application}:${APPLICATION_PORT}`;
  const password = ["--password-file", FILES.admin];
  request.output.progress(GENERATING_ANALYTICS);
  const command = ["analytics", "--application", application, ...password, ...jsonOption(request)];
  const code = await runIn(server, server.portable, command);
  if (code !== 0) sayAnalyticsLater(request);
  return code;
}

/** With another encryption.password DHIS2 cannot read what it has stored encrypted. */
async function compareSettings(server: ServerOnHost, { output }: RestoreRequest): Promise<void> {
  const line = (file: string) => `"$(grep '^encryption.password' ${file})"`;
  const same = `[ ${line(`${SETTINGS}/dhis.conf`)} = ${line(FILES.settings)} ]`;
  if ((await runIn(server, server.portable, ["sh", "-c", same])) === 0) return;
  output.progress(
    "The backup was made with another encryption.password than the server has now, so DHIS2 cannot read the values that " +
      `it has stored encrypted. To see it: docker exec ${server.portable} grep encryption.password ${SETTINGS}/dhis.conf`,
  );
}

async function undoRestore(server: ServerOnHost, backups: Backups, request: RestoreRequest): Promise<number> {
  await confirm(`Stop ${server.application} and put its previous database back?`, request);
  return whileStopped(server, request, importCommand("rollback", backups, request));
}

async function confirmRestore(
  server: ServerOnHost,
  backups: Backups,
  request: RestoreRequest,
): Promise<number> {
  await confirm(`Delete the previous database of ${server.name}? This cannot be undone.`, request);
  return runIn(server, server.portable, importCommand("confirm", backups, request));
}

function importCommand(
  verb: "rollback" | "confirm",
  { server, database }: Backups,
  request: RestoreRequest,
): string[] {
  return ["import", verb, ...server, "--database", database, ...jsonOption(request)];
}

/** Runs a command while DHIS2 is stopped, and starts DHIS2 again in any case. */
async function whileStopped(
  server: ServerOnHost,
  { output }: RestoreRequest,
  command: string[],
): Promise<number> {
  const show = (line: string) => Promise.resolve(output.progress(line));
  await requireSecureAdmin(server);
  await stop(server, server.application, show);
  try {
    return await runIn(server, server.portable, command);
  } finally {
    await startSecured(server, show);
  }
}
