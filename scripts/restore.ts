import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, Option } from "commander";
import pc from "picocolors";
import { ROLE, SECRETS } from "../components/jobs";
import { main as backup } from "../jobs/backup/cli";
import { isOnDocker } from "../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../toolchain";
import { agreed } from "./ask";
import { ROOT } from "./checkout";
import { copiesOf, type ServerCopies } from "./copies";
import type { Deployment } from "./deployment";
import { folderOf } from "./onDocker";
import { Refused } from "./refused";
import { restoreOnDocker } from "./restoreOnDocker";
import { readTenant } from "./tenant";

/** `npm run restore -- TENANT SERVER`: what can be restored of a server from its portable copies, and the restore itself. */

interface Flags {
  cwd: string;
  from?: string;
  snapshot?: string;
  replace?: boolean;
  to?: string;
  passwordFile?: string;
  database: string;
  scratch: string;
  undo?: boolean;
  confirm?: boolean;
  yes?: boolean;
  json?: boolean;
}

const CLOUD = "cloud";
/** Seconds that a restore may take. */
const PATIENCE = 24 * 3600;

new Command("npm run restore --")
  .description(
    "Lists the portable copies of a server; with --replace or --to, restores one. The moment before a fault is for RDS " +
      "to give, and for npm run pitr on Docker (docs/recovery.md).",
  )
  .argument("<tenant>", "a stack file's name")
  .argument("<server>", "its name in the stack file")
  .option(
    "--from <place>",
    "on AWS cloud (default) or the name of an agent; on Docker disk (default) or cloud",
  )
  .option("--snapshot <id>", "beginning of a copy's id, as the list shows it (default: the newest)")
  .option(
    "--replace",
    "put the copy in the live database's place, by a job beside it; that one is kept aside",
  )
  .option("--undo", "the way back: the former database takes its place again")
  .option("--confirm", "all is well: drop the former database")
  .addOption(
    new Option("--to <url>", "restore into another server that this machine reaches").conflicts("replace"),
  )
  .option("--password-file <path>", "file with the password of that server's administrator")
  .option("--database <name>", "name the database gets there", "hmis")
  .option("--scratch <directory>", "room here for the whole database, with --to", tmpdir())
  .option("-C, --cwd <folder>", "where Pulumi.yaml and the stack file are", ROOT)
  .option("--yes", "do not ask")
  .option("--json", "one JSON object a line instead of text")
  .addHelpText(
    "after",
    "\nExit codes: those of the backup command (docs/recovery.md); 2 is also what is refused.",
  )
  .action(async (tenant: string, server: string, flags: Flags) => {
    process.exitCode = await restore(tenant, server, flags);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(`${pc.red("Not restored.")} ${error instanceof Error ? error.message : String(error)}`);
    // Of a task, its own.
    const { exitCode } = error as { exitCode?: number };
    process.exitCode = error instanceof Refused ? 2 : (exitCode ?? 1);
  });

async function restore(tenant: string, server: string, flags: Flags): Promise<number> {
  const spec = readTenant(tenant, folderOf(tenant, flags.cwd));
  if (!spec.servers.some(({ name }) => name === server))
    throw new Refused(
      `tenant ${tenant} has no server "${server}"; it has ${spec.servers.map(({ name }) => name).join(", ")}.`,
    );
  const acts = [flags.replace, flags.to, flags.undo, flags.confirm].filter(Boolean).length;
  if (acts > 1) throw new Refused("--replace, --to, --undo and --confirm: one of them at a time.");
  if (flags.to && !flags.passwordFile) throw new Refused("--to needs --password-file.");
  if (isOnDocker(spec)) {
    const how = { ...flags, sure: (question: string) => ask(question, flags) };
    return restoreOnDocker(tenant, server, spec.target.docker.host, how);
  }

  const copies = found(tenant, server, await deploymentOf(tenant, flags));
  const hosts = spec.backups.copies.flatMap((copy) => ("onPremises" in copy ? [copy.onPremises.host] : []));
  const { from = CLOUD } = flags;
  if (from !== CLOUD && !copies.agents.includes(from))
    throw new Refused(`--from "${from}"; there are ${[CLOUD, ...copies.agents].join(", ")}.`);
  if (acts === 0) return list(server, copies, hosts, flags);
  if (flags.undo || flags.confirm) return settle(server, copies, flags);
  if (from !== CLOUD)
    throw new Refused(
      `the copy of ${from} is on the customer's own host, which nothing here reaches into. Restore it there, ` +
        "into a server that the host reaches, by docs/recovery.md.",
    );
  return flags.to ? elsewhere(copies, flags, flags.to) : inPlace(server, copies, flags);
}

function found(tenant: string, server: string, deployment: Deployment): ServerCopies {
  try {
    return copiesOf(tenant, server, deployment);
  } catch (error) {
    throw new Refused((error as Error).message);
  }
}

/** The company's backend if one is named, else that of the rehearsal. A stack that is not there is not made. */
async function deploymentOf(tenant: string, { cwd }: Flags): Promise<Deployment> {
  const providers = process.env["PULUMI_BACKEND_URL"] ? "real" : "rehearsal";
  useToolchain(await ensureToolchain(), { providers });
  const { LocalWorkspace } = await import("@pulumi/pulumi/automation");
  const stack = await LocalWorkspace.selectStack({ stackName: tenant, workDir: cwd }).catch(() => {
    const where =
      providers === "real" ? process.env["PULUMI_BACKEND_URL"] : "the rehearsal; is PULUMI_BACKEND_URL set?";
    throw new Refused(`there is no stack ${tenant} in ${where}`);
  });
  return (await stack.exportStack()).deployment as Deployment;
}

/** Places that this machine cannot read are named with the command that can. */
async function list(server: string, copies: ServerCopies, hosts: string[], { json }: Flags): Promise<number> {
  const code = await withKeys(copies, (keys) => backup(["list", ...keys, ...(json ? ["--json"] : [])]));
  copies.agents.forEach((agent, index) => {
    const command =
      `docker -H ${hosts[index] ?? "HOST"} exec ${agent} backup list --copy /copies/${server} ` +
      "--repository-password-file /run/dhistance/local-password --public-key /run/dhistance/signing.pub";
    if (json) console.log(JSON.stringify({ event: "place", place: agent, host: hosts[index], command }));
    else console.log(`${pc.bold(agent)}: on the customer's own host. What is there:\n  ${command}`);
  });
  return code;
}

/** Here, with this machine's own restic and pg_restore. */
async function elsewhere(copies: ServerCopies, flags: Flags, to: string): Promise<number> {
  const { database, snapshot, passwordFile = "", scratch, json } = flags;
  await ask(
    `Restore ${snapshot ?? "the newest copy"} of ${copies.place} as database ${database} at ${to}?`,
    flags,
  );
  return withKeys(copies, (keys) =>
    backup([
      ...["restore", ...keys, "--server", to, "--password-file", passwordFile, "--database", database],
      ...["--role", ROLE, "--scratch", scratch, ...(snapshot ? ["--snapshot", snapshot] : [])],
      ...(json ? ["--json"] : []),
    ]),
  );
}

/** By a task in the server's own network: nothing else reaches its database. */
async function inPlace(server: string, copies: ServerCopies, flags: Flags): Promise<number> {
  const { snapshot } = flags;
  await ask(
    `Put ${snapshot ?? "the newest copy"} in the place of ${server}'s live database? It is kept aside; its users lose ` +
      "what they have entered since the copy, until --undo.",
    flags,
  );
  await task(`restore of ${server}`, copies, [
    ...["backup", "restore", "--copy", copies.place, "--repository-password-env", SECRETS.repository],
    ...["--server", copies.task.server, "--password-env", SECRETS.administrator],
    ...["--database", copies.task.database, "--role", ROLE, "--replace"],
    ...(snapshot ? ["--snapshot", snapshot] : []),
  ]);
  console.log(
    "Next: restart DHIS2 (aws ecs update-service --force-new-deployment), log in and look, then --confirm or --undo. The " +
      "file store was not touched: files of rows that are back are still in it. Analytics are to be made anew.",
  );
  return 0;
}

async function settle(server: string, copies: ServerCopies, flags: Flags): Promise<number> {
  const what = flags.undo ? "rollback" : "confirm";
  await ask(
    flags.undo
      ? `Exchange ${server}'s live database for the one kept aside?`
      : `Drop the database that was kept aside of ${server}, for good?`,
    flags,
  );
  await task(`${what} of ${server}`, copies, [
    ...["import", what, "--server", copies.task.server, "--password-env", SECRETS.administrator],
    ...["--database", copies.task.database],
  ]);
  return 0;
}

/** The daily export's task, which has the right to read the copies and the administrator's password, with another command. */
async function task(title: string, { region, task: where }: ServerCopies, command: string[]): Promise<void> {
  const { isRehearsal } = await import("../components/aws/run");
  if (isRehearsal(where.cluster))
    throw new Refused("the stack is a rehearsal: there is nothing on AWS to restore.");
  const { runTask } = await import("../components/aws/run-task");
  await runTask(
    title,
    { ...where, region, container: "export", command, patience: PATIENCE },
    async (line) => void console.log(line),
  );
}

async function ask(question: string, { yes }: Flags): Promise<void> {
  if (yes) return;
  const nobody = new Refused("there is nobody to ask; --yes does without.");
  if (!(await agreed(question, nobody))) throw new Refused("it was not wanted.");
}

/** The options that name a place and its keys; the keys are in files for as long as `work` takes. */
async function withKeys<T>(
  { place, region, repositoryPassword, publicKey }: ServerCopies,
  work: (options: string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "restore-"));
  const file = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    return path.join(folder, name);
  };
  process.env["AWS_REGION"] = region;
  try {
    return await work([
      ...["--copy", place, "--repository-password-file", file("password", repositoryPassword)],
      ...["--public-key", file("signing.pub", publicKey)],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
