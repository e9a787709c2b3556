import { tmpdir } from "node:os";
import { Command, Option } from "commander";
import { ROOT } from "../lib/checkout";
import { YES } from "../lib/confirm";
import { Output } from "../lib/output";
import type { RestoreOptions } from "../lib/restore/request";

export function restoreCommand(): Command {
  return new Command("restore")
    .description(
      "List the portable backups of a server. With --replace or --to, restore one. For point-in-time recovery use RDS " +
        "(AWS) or npm run pitr (Docker); see docs/recovery.md.",
    )
    .argument("<tenant>", "name of a stack file")
    .argument("<server>", "name of a server in the stack file")
    .option(
      "--from <repository>",
      "on AWS: cloud (default) or the name of an agent; on Docker: disk (default) or cloud",
    )
    .option("--snapshot <id>", "start of a snapshot's id, as listed (default: the newest)")
    .option("--replace", "stop DHIS2 and replace its database with the backup; the current database is kept")
    .addOption(
      new Option(
        "--files-only",
        "on Docker: add to the file store what it lacks of the backup; database and DHIS2 are left alone. With --undo or " +
          "--confirm: undo that, or delete what was kept to undo it",
      ).conflicts(["replace", "to", "analytics"]),
    )
    .option("--undo", "stop DHIS2 and put the previous database back")
    .option("--confirm", "delete the previous database, once you have checked the restored one")
    .option("--analytics", "generate DHIS2's analytics tables, if that failed after --replace")
    .addOption(
      new Option("--to <url>", "restore into another server that this machine reaches").conflicts("replace"),
    )
    .option("--password-file <path>", "with --to: file with the password of that server's administrator")
    .option("--database <name>", "with --to: name of the new database", "hmis")
    .option("--scratch <directory>", "with --to: folder with capacity for the whole database", tmpdir())
    .option("-C, --cwd <folder>", "folder with Pulumi.yaml", ROOT)
    .option("--yes", YES)
    .option("--json", "print one JSON object a line")
    .action(
      async (tenant: string, server: string, { json, ...options }: RestoreOptions & { json?: boolean }) => {
        const { restore } = await import("../lib/restore");
        process.exitCode = await restore(tenant, server, options, new Output(json));
      },
    );
}
