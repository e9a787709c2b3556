import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import pc from "picocolors";
import { FILES, SCRATCH_PATH } from "../components/BackupVault/docker/portableFiles";
import { serverOn, stop, type ServerOnHost } from "../operations/docker/server";
import { APPLICATION_PORT } from "../components/contract/application";
import { ROLE, type ReplicateConfiguration } from "../components/jobs";
import { runIn } from "./copiesContainer";
import { Refused } from "./refused";
import { analyticsByHand, HAVING_ANALYTICS, json, look, say, type How } from "./restoring";
import { refuseUnsecured, startSecured } from "./securedStart";

/** A restore of a server on Docker, by the container that keeps its portable copies and has their keys. */

const PLACES = ["disk", "cloud"] as const;
type Place = (typeof PLACES)[number];

/** Where the settings of a copy are for a look; in memory, and gone with the container's end. */
const SETTINGS = "/tmp/settings-of-the-copy";

/** @returns the exit code: that of the command in the container */
export async function restoreOnDocker(tenant: string, name: string, host: string, how: How): Promise<number> {
  if (how.to)
    throw new Refused(
      "--to is for a server on AWS. From a copy of a server on Docker into any other: docs/recovery.md, with the keys of " +
        `its container (docker cp ${tenant}-${name}-portable:/run/dhistance KEYS).`,
    );
  if (how.from !== undefined && !(PLACES as readonly string[]).includes(how.from))
    throw new Refused(`--from "${how.from}"; there are ${PLACES.join(", ")}.`);
  const from = (how.from ?? "disk") as Place;
  const server = serverOn(host, tenant, name);
  const copies = await copiesOf(server, name);
  if (how.replace) return replace(server, copies, from, how);
  if (how.undo || how.confirm) return settle(server, copies, how);
  if (how.analytics) return makeAnalytics(server, how);
  const code = await list(server, copies, how);
  if (!how.json)
    console.log(`Back to a moment instead: npm run pitr -- list ${tenant} ${name} --host ${host}`);
  return code;
}

interface Copies {
  /** The options that name a place and its keys. */
  place(from: Place): string[];
  /** Those that name the database server and its administrator's password. */
  database: string[];
  name: string;
  files: string;
}

/** As the container itself was told: whoever restores need not know more than its name. */
async function copiesOf(server: ServerOnHost, name: string): Promise<Copies> {
  const { code, output } = await listen(server, ["cat", FILES.configuration]);
  if (code !== 0) throw new Error(`${server.portable} does not say where its copies are: ${output}`);
  const told = JSON.parse(output) as ReplicateConfiguration;
  const { source, copies, cloudPasswordFile, localPasswordFile, publicKeyFile, export: exporting } = told;
  if (!exporting) throw new Error(`${server.portable} makes no copies`);
  const at = { disk: [copies, localPasswordFile], cloud: [source, cloudPasswordFile] } as const;
  return {
    place: (from) => [
      ...["--copy", `${at[from][0]}/${name}`, "--repository-password-file", at[from][1]],
      ...["--public-key", publicKeyFile, "--scratch", SCRATCH_PATH],
    ],
    database: ["--server", exporting.server, "--password-file", exporting.passwordFile],
    ...{ name: exporting.database, files: exporting.files },
  };
}

/** Runs a command in the container for what it prints. @param err where it complains @default among what it prints */
async function listen(
  server: ServerOnHost,
  command: string[],
  err?: NodeJS.WritableStream,
): Promise<{ code: number; output: string }> {
  const out = new PassThrough();
  const output = text(out);
  const code = await runIn(server, server.portable, command, [out, err ?? out]);
  out.end();
  return { code, output: await output };
}

/** A place that cannot be read does not keep the other from being shown. */
async function list(server: ServerOnHost, copies: Copies, how: How): Promise<number> {
  let worst = 0;
  for (const from of PLACES) {
    if (!how.json) console.log(pc.bold(from === "disk" ? "On disk" : "In the cloud"));
    const code = await runIn(server, server.portable, [
      "backup",
      "list",
      ...copies.place(from),
      ...json(how),
    ]);
    worst = Math.max(worst, code);
  }
  return worst;
}

/** What the list command says of a copy. */
interface Listed {
  snapshot: string;
  at: string;
  rows: number;
}

/** The copy that is meant, while DHIS2 still runs. @returns an exit code when there is none */
async function choose(
  server: ServerOnHost,
  copies: Copies,
  from: Place,
  { snapshot }: How,
): Promise<Listed | number> {
  const command = ["backup", "list", ...copies.place(from), "--json"];
  const { code, output } = await listen(server, command, process.stderr);
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  const events = lines.map(
    (line) => JSON.parse(line) as { event: string; copies: Listed[]; message: string },
  );
  const { copies: there = [] } = events.find(({ event }) => event === "copies") ?? {};
  const [chosen, other] = there.filter((copy) => copy.snapshot.startsWith(snapshot ?? ""));
  if (chosen && (snapshot === undefined || !other)) return chosen;
  // The list also ends with an error when there are backups and something is wrong with them.
  const why =
    there.length === 0
      ? (events.find(({ event }) => event === "error")?.message ??
        `There is no copy in ${from} that its export claimed good.`)
      : `--snapshot "${snapshot ?? ""}" begins ${other ? "more than one id" : "no id"} in ${from}; there are ` +
        there.map((copy) => copy.snapshot.slice(0, 8)).join(", ");
  console.error(`${pc.red("Not restored.")} ${why}`);
  return there.length > 0 || code === 0 ? NO_COPY : code;
}

/** As the backup command has it. */
const NO_COPY = 3;

async function replace(server: ServerOnHost, copies: Copies, from: Place, how: How): Promise<number> {
  const chosen = await choose(server, copies, from, how);
  if (typeof chosen === "number") return chosen;
  const { snapshot, at, rows } = chosen;
  await how.sure(
    `Stop ${server.application} and put the copy of ${at} (${snapshot.slice(0, 8)}, ${rows.toLocaleString("en")} rows) ` +
      `in ${from} in its database's place? That one is kept aside; what was entered since is in it alone, until --undo.`,
  );
  const code = await whileStopped(server, how, [
    ...["backup", "restore", ...copies.place(from), ...copies.database, "--database", copies.name],
    ...["--role", ROLE, "--replace", "--files-to", copies.files, "--settings-to", SETTINGS],
    ...["--snapshot", snapshot, ...json(how)],
  ]);
  if (code !== 0) return code;
  await compareSettings(server, how);
  await makeAnalytics(server, how);
  say(how, look(how));
  return 0;
}

/** They are in no copy. What hinders it is said, and hinders nothing else: DHIS2 runs. */
async function makeAnalytics(server: ServerOnHost, how: How): Promise<number> {
  const application = `http://${server.application}:${APPLICATION_PORT}`;
  const command = ["analytics", "--application", application, "--password-file", FILES.admin, ...json(how)];
  say(how, HAVING_ANALYTICS);
  const code = await runIn(server, server.portable, command);
  if (code !== 0) analyticsByHand(how);
  return code;
}

/** With another encryption.password DHIS2 cannot read what it has stored encrypted. */
async function compareSettings(server: ServerOnHost, how: How): Promise<void> {
  const line = (file: string) => `"$(grep '^encryption.password' ${file})"`;
  const same = `[ ${line(`${SETTINGS}/dhis.conf`)} = ${line(FILES.settings)} ]`;
  if ((await runIn(server, server.portable, ["sh", "-c", same])) === 0) return;
  say(
    how,
    `The copy was made under another encryption.password than the server has now: what DHIS2 stored encrypted it cannot ` +
      `read. See it: docker exec ${server.portable} grep encryption.password ${SETTINGS}/dhis.conf`,
  );
}

async function settle(server: ServerOnHost, copies: Copies, how: How): Promise<number> {
  const what = how.undo ? "rollback" : "confirm";
  const command = ["import", what, ...copies.database, "--database", copies.name, ...json(how)];
  await how.sure(
    how.undo
      ? `Stop ${server.application} and exchange its database for the one kept aside?`
      : `Drop the database that was kept aside of ${server.name}, for good?`,
  );
  if (how.confirm) return runIn(server, server.portable, command);
  return whileStopped(server, how, command);
}

/** The application is back in any case. */
async function whileStopped(server: ServerOnHost, how: How, command: string[]): Promise<number> {
  const show = (line: string) => Promise.resolve(say(how, line));
  await refuseUnsecured(server);
  await stop(server, server.application, show);
  try {
    return await runIn(server, server.portable, command);
  } finally {
    await startSecured(server, show);
  }
}
