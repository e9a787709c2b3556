import { tmpdir } from "node:os";
import { Command, Option } from "commander";
import { nameOf } from "../components/BackupVault/onPremises";
import { isOnDocker } from "../stacks/tenant/spec";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { agreed } from "./ask";
import { ROOT } from "./checkout";
import type { Deployment } from "./deployment";
import { folderOf } from "./onDocker";
import { Refused } from "./refused";
import { restoreOnAws, type HowOnAws } from "./restoreOnAws";
import { restoreOnDocker } from "./restoreOnDocker";
import { failed } from "./restoring";
import { serverIn, type ServerOnAws } from "./serverOnAws";
import { readTenant } from "./tenant";

/** `npm run restore -- TENANT SERVER`: what can be restored of a server from its portable copies, and the restore itself. */

interface Flags extends Omit<HowOnAws, "sure" | "command"> {
  cwd: string;
  yes?: boolean;
}

export const program = new Command("npm run restore --")
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
    "put the copy in the live database's place, while DHIS2 is stopped; that one is kept aside",
  )
  .option("--undo", "the way back: the former database takes its place again")
  .option("--confirm", "all is well: drop the former database")
  .option("--analytics", "have DHIS2 make its analytics tables, as after --replace, should that have failed")
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
  });

if (require.main === module) {
  program.parseAsync().catch((error: unknown) => {
    process.exitCode = failed("Not restored.", error);
  });
}

async function restore(tenant: string, server: string, flags: Flags): Promise<number> {
  const spec = readTenant(tenant, folderOf(tenant, flags.cwd));
  if (!spec.servers.some(({ name }) => name === server))
    throw new Refused(
      `tenant ${tenant} has no server "${server}"; it has ${spec.servers.map(({ name }) => name).join(", ")}.`,
    );
  const { replace, to, undo, confirm, analytics } = flags;
  if ([replace, to, undo, confirm, analytics].filter(Boolean).length > 1)
    throw new Refused("--replace, --to, --undo, --confirm and --analytics: one of them at a time.");
  if (to && !flags.passwordFile) throw new Refused("--to needs --password-file.");
  const command = `npm run restore -- ${tenant} ${server}${flags.cwd === ROOT ? "" : ` --cwd ${flags.cwd}`}`;
  const how = { ...flags, command, sure: (question: string) => ask(question, flags) };
  if (isOnDocker(spec)) return restoreOnDocker(tenant, server, spec.target.docker.host, how);
  const hosts = new Map(
    spec.backups.copies.flatMap((copy): [string, string][] =>
      "onPremises" in copy
        ? [[`${tenant}-vault-agent-${nameOf(copy.onPremises)}`, copy.onPremises.host]]
        : [],
    ),
  );
  return restoreOnAws(found(tenant, server, await deploymentOf(tenant, flags)), hosts, how);
}

function found(tenant: string, server: string, deployment: Deployment): ServerOnAws {
  try {
    return serverIn(deployment, tenant, server);
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

async function ask(question: string, { yes }: Flags): Promise<void> {
  if (yes) return;
  const nobody = new Refused("Cannot ask for confirmation here. Pass --yes.");
  if (!(await agreed(question, nobody))) throw new Refused("Cancelled. Nothing was changed.");
}
