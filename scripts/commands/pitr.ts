import { Command, Option } from "commander";
import { YES } from "../lib/confirm";
import type { PitrOptions, PitrRestoreOptions } from "../lib/docker/pitr";
import { Output } from "../lib/output";

export function pitrCommand(): Command {
  const pitr = new Command("pitr").description(
    "Restore the database of a server on Docker to a point in time, from the backups on disk or in the cloud.",
  );
  const add = (name: string, description: string) =>
    pitr
      .command(name)
      .description(description)
      .argument("<tenant>", "name of a stack file")
      .argument("<server>", "name of a server in the stack file")
      .option(
        "--host <address>",
        "unix:///path/to/socket or ssh://user@host (default: that of the stack file, or DOCKER_HOST without one)",
      )
      .option("--json", "print JSON, one object a line");
  add("list", "List the backups in both repositories.").action(
    async (tenant: string, server: string, options: PitrOptions) => {
      const { listPitr } = await import("../lib/docker/pitr");
      await listPitr(tenant, server, options, new Output(options.json));
    },
  );
  add("restore", "Restore beside the live database, then exchange the two. The previous database is kept.")
    .option("--to <time>", "point in time, such as '2026-11-25 10:00:00+00' (default: the newest)")
    .addOption(
      new Option("--from <repository>", "the backups to use").choices(["disk", "cloud"]).default("disk"),
    )
    .option("--yes", YES)
    .action(async (tenant: string, server: string, options: PitrRestoreOptions) => {
      const { restorePitr } = await import("../lib/docker/pitr");
      await restorePitr(tenant, server, options, new Output(options.json));
    });
  add("undo", "Put the previous database back. The restored database is kept.")
    .option("--yes", YES)
    .action(async (tenant: string, server: string, options: PitrOptions) => {
      const { undoPitr } = await import("../lib/docker/pitr");
      await undoPitr(tenant, server, options, new Output(options.json));
    });
  add("confirm", "Delete the previous database.")
    .option("--yes", YES)
    .action(async (tenant: string, server: string, options: PitrOptions) => {
      const { confirmPitr } = await import("../lib/docker/pitr");
      await confirmPitr(tenant, server, options, new Output(options.json));
    });
  return pitr;
}
