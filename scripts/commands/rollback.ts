import { Command } from "commander";
import { ROOT } from "../lib/checkout";
import { YES } from "../lib/confirm";
import type { RollbackOptions } from "../lib/docker/rollback";
import { Output } from "../lib/output";

export function rollbackCommand(): Command {
  return new Command("rollback")
    .description(
      "Undo an upgrade of DHIS2 on Docker: restore the database from before the upgrade, set the earlier version in the " +
        "stack file, run pulumi up. If interrupted, run it again to resume. The current database is kept.",
    )
    .argument("<tenant>", "name of the stack")
    .argument("<server>", "name of a server in the stack file")
    .option(
      "--forget",
      "instead, delete the database from before the upgrade, or the one that was rolled back",
    )
    .option("-C, --cwd <folder>", "folder with Pulumi.yaml", ROOT)
    .option("--yes", YES)
    .option("--json", "print one JSON object")
    .action(
      async (tenant: string, server: string, { json, ...options }: RollbackOptions & { json?: boolean }) => {
        const { rollback } = await import("../lib/docker/rollback");
        await rollback(tenant, server, options, new Output(json));
      },
    );
}
