import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pc from "picocolors";
import { ROLE, SECRETS } from "../components/jobs";
import { program as analytics } from "../jobs/analytics/cli";
import { main as backup } from "../jobs/backup/cli";
import { chooseBackup, type Found } from "../jobs/backup/load";
import { publicKey } from "../jobs/backup/manifest";
import { BackupLocation } from "../jobs/backup/location";
import { runCommand } from "../jobs/runCommand";
import { Refused } from "./refused";
import { analyticsByHand, failed, HAVING_ANALYTICS, json, look, say, type How } from "./restoring";
import type { ServerOnAws } from "./serverOnAws";

/** A restore of a server on AWS: by the task that makes its portable copies, in the network of its database. */

export interface HowOnAws extends How {
  passwordFile?: string;
  /** Name the database gets elsewhere. */
  database: string;
  /** Room here for the whole database. */
  scratch: string;
}

const CLOUD = "cloud";
/** Seconds that a restore may take. */
const PATIENCE = 24 * 3600;
/** The exit code when the rest is done; as the backup command has it, for what is not there. */
const NOT_STARTED = 5;

/**
 * @param hosts by the agents' names
 * @returns the exit code
 */
export async function restoreOnAws(
  server: ServerOnAws,
  hosts: Map<string, string>,
  how: HowOnAws,
): Promise<number> {
  const { from = CLOUD } = how;
  if (from !== CLOUD && !server.agents.includes(from))
    throw new Refused(`--from "${from}"; there are ${[CLOUD, ...server.agents].join(", ")}.`);
  process.env["AWS_REGION"] = server.region;
  if (how.replace || how.undo || how.confirm || how.analytics) await refuseRehearsal(server);
  if (how.undo || how.confirm) return settle(server, how);
  if (how.analytics) return makeAnalytics(server, how);
  if (!how.replace && how.to === undefined) return list(server, hosts, how);
  if (from !== CLOUD)
    throw new Refused(
      `the copy of ${from} is on the customer's own host, which nothing here reaches into. Restore it there, ` +
        "into a server that the host reaches, by docs/recovery.md.",
    );
  return how.to === undefined ? replace(server, how) : elsewhere(server, how, how.to);
}

/** Places that this machine cannot read are named with the command that can. */
async function list(server: ServerOnAws, hosts: Map<string, string>, how: How): Promise<number> {
  const code = await withKeys(server, (keys) => backup(["list", ...keys, ...json(how)]));
  server.agents.forEach((agent) => {
    const host = hosts.get(agent);
    const command =
      `docker -H ${host ?? "HOST"} exec ${agent} backup list --copy /copies/${server.name} ` +
      "--repository-password-file /run/dhistance/local-password --public-key /run/dhistance/signing.pub";
    if (how.json) console.log(JSON.stringify({ event: "place", place: agent, host, command }));
    else console.log(`${pc.bold(agent)}: on the customer's own host. What is there:\n  ${command}`);
  });
  return code;
}

/** Here, with this machine's own restic and pg_restore. */
async function elsewhere(server: ServerOnAws, how: HowOnAws, to: string): Promise<number> {
  const { database, snapshot, passwordFile = "", scratch } = how;
  await how.sure(
    `Restore ${snapshot ?? "the newest copy"} of ${server.place} as database ${database} at ${to}?`,
  );
  return withKeys(server, (keys) =>
    backup([
      ...["restore", ...keys, "--server", to, "--password-file", passwordFile, "--database", database],
      ...["--role", ROLE, "--scratch", scratch, ...(snapshot ? ["--snapshot", snapshot] : []), ...json(how)],
    ]),
  );
}

async function replace(server: ServerOnAws, how: How): Promise<number> {
  const { snapshot, receipt } = await choose(server, how);
  await how.sure(
    `Stop DHIS2 on ${server.name} and put the copy of ${receipt.at} (${snapshot.id.slice(0, 8)}, ` +
      `${receipt.rows.toLocaleString("en")} rows) in its database's place? That one is kept aside; what was entered since ` +
      "is in it alone, until --undo.",
  );
  const code = await whileStopped(server, how, `restore of ${server.name}`, [
    ...["backup", "restore", "--copy", server.place, "--repository-password-env", SECRETS.repository],
    ...["--public-key-env", SECRETS.publicKey, "--snapshot", snapshot.id],
    ...[...onDatabase(server), "--role", ROLE, "--replace"],
  ]);
  if (code !== 0) return code;
  await makeAnalytics(server, how);
  say(how, `The file store was not touched: files of rows that are back are still in it.\n${look(how)}`);
  return 0;
}

/** The copy that is meant, while DHIS2 still runs. @throws CopyError, PlaceError */
function choose(server: ServerOnAws, { snapshot }: How): Promise<Found> {
  return withKeys(server, (_, folder) => {
    const access = { passwordFile: path.join(folder, "password"), cache: folder };
    const place = new BackupLocation(server.place, access, new AbortController().signal);
    return chooseBackup(place, publicKey(server.publicKey, "the stack's signing key"), snapshot);
  });
}

async function settle(server: ServerOnAws, how: How): Promise<number> {
  await how.sure(
    how.undo
      ? `Stop DHIS2 on ${server.name} and exchange its database for the one kept aside?`
      : `Drop the database that was kept aside of ${server.name}, for good?`,
  );
  if (how.undo)
    return whileStopped(server, how, `rollback of ${server.name}`, [
      "import",
      "rollback",
      ...onDatabase(server),
    ]);
  await task(server, how, `confirm of ${server.name}`, ["import", "confirm", ...onDatabase(server)]);
  return 0;
}

const onDatabase = ({ task: { server, database } }: ServerOnAws) => [
  ...["--server", server, "--password-env", SECRETS.administrator, "--database", database],
];

/** The application is back in any case, as many tasks of it as the stack has. */
async function whileStopped(
  server: ServerOnAws,
  how: How,
  title: string,
  command: string[],
): Promise<number> {
  const { region, name, task: where } = server;
  const { arn, desiredCount, startSeconds } = server.service;
  const { cluster, logGroup } = where;
  const { startService, stopService } = await import("../operations/aws/service");
  const application = { region, cluster, service: arn, container: "dhis2", logGroup };
  const byHand =
    `aws ecs update-service --region ${region} --cluster ${cluster} --service ${arn} ` +
    `--desired-count ${desiredCount} --force-new-deployment`;
  say(how, `stopping DHIS2 on ${name}. If this is cut off before DHIS2 is started again:\n  ${byHand}`);
  let code = 0;
  try {
    await stopService(application);
    await task(server, how, title, command);
  } catch (error) {
    code = failed("Not restored.", error);
  }
  // Whatever the exit code: a task that was killed, or lost its connection, may have exchanged the databases before.
  try {
    await secureAdmin(server, how);
  } catch (error) {
    failed("DHIS2 was not started: its default password may open it.", error);
    console.error(`Once that is mended:\n  ${byHand}`);
    return code || NOT_STARTED;
  }
  const start = `start of ${name}`;
  say(how, `starting DHIS2 on ${name}`);
  try {
    const patience = startSeconds + 900;
    await startService(start, { ...application, patience }, desiredCount, async (line) =>
      say(how, `${start}: ${line}`),
    );
  } catch (error) {
    failed("DHIS2 does not run.", error);
    console.error(`Once that is mended:\n  ${byHand}`);
    code ||= NOT_STARTED;
  }
  return code;
}

/** The daily export's task, which has the right to read the copies and the administrator's password, with another command. */
async function task(
  { region, publicKey: key, task: where }: ServerOnAws,
  how: How,
  title: string,
  command: string[],
): Promise<void> {
  const { runTask } = await import("../operations/aws/runTask");
  const what = {
    ...{ container: "export", command: [...command, ...json(how)], patience: PATIENCE },
    environment: { [SECRETS.publicKey]: key },
  };
  await runTask(title, { ...where, region, ...what }, async (line) => void console.log(line));
}

/** What was restored, or was there before, may have DHIS2's default password: a first start that nothing reaches. */
async function secureAdmin({ region, name, service, task: where, secureAdmin }: ServerOnAws, how: How) {
  const { runTask } = await import("../operations/aws/runTask");
  // Its definition has no disk that is given at the start.
  const { disk: _, ...place } = where;
  const title = `check of ${name}'s default administrator password`;
  const what = {
    container: "secure-admin",
    taskDefinition: secureAdmin,
    patience: service.startSeconds + 600,
  };
  await runTask(title, { ...place, region, ...what }, async (line) => say(how, `${title}: ${line}`));
}

/** From this machine, as any user reaches DHIS2. */
async function makeAnalytics(server: ServerOnAws, how: How): Promise<number> {
  say(how, HAVING_ANALYTICS);
  const code = await inFiles({ password: server.adminPassword }, (folder) =>
    runCommand(analytics(), [
      ...["--application", server.url, "--password-file", path.join(folder, "password"), ...json(how)],
    ]),
  );
  if (code !== 0) analyticsByHand(how);
  return code;
}

async function refuseRehearsal({ task: { cluster } }: ServerOnAws): Promise<void> {
  const { isRehearsal } = await import("../components/aws/runOnce");
  if (isRehearsal(cluster))
    throw new Refused("the stack is a rehearsal: there is nothing on AWS to restore.");
}

/** The options that name the copies and their keys; the keys are in the folder, as `password` and `signing.pub`. */
function withKeys<T>(
  server: ServerOnAws,
  work: (options: string[], folder: string) => Promise<T>,
): Promise<T> {
  const keys = { password: server.repositoryPassword, "signing.pub": server.publicKey };
  return inFiles(keys, (folder) =>
    work(
      [
        ...["--copy", server.place, "--repository-password-file", path.join(folder, "password")],
        ...["--public-key", path.join(folder, "signing.pub")],
      ],
      folder,
    ),
  );
}

/** Texts in files that nobody else can read, for as long as `work` takes. */
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
