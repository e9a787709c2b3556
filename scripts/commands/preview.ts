import { Command } from "commander";
import { tenants } from "../lib/checkout";
import { Output } from "../lib/output";
import { refuseUnknownTenant } from "../lib/tenants";

export function previewCommand(): Command {
  return new Command("preview")
    .description(
      "Show what pulumi up would change, with the policy pack, but without a cloud and credentials (rehearsal). " +
        "It exits with the code of pulumi.",
    )
    .argument("<tenant>", "name of a stack file")
    .argument("[options...]", "more options of pulumi preview, after --, such as --diff or --json")
    .action(async (tenant: string, options: string[]) => {
      refuseUnknownTenant(tenant, tenants());
      const { previewRehearsal } = await import("../lib/rehearsal");
      process.exitCode = await previewRehearsal(tenant, options, new Output());
    });
}
