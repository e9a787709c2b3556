import { Command, Option } from "commander";
import { ROOT } from "../lib/checkout";
import { UsageError } from "../lib/errors";
import { Output } from "../lib/output";

interface Flags {
  changedSince?: string;
  from: string;
  json?: boolean;
  markdown?: boolean;
}

export function previewCommand(): Command {
  return new Command("preview")
    .description(
      "Show what pulumi up would change, with the policy pack, but without a cloud and credentials (rehearsal). " +
        "With --changed-since, each stack is brought to what it was there first, so that removals and downgrades " +
        "are seen.",
    )
    .argument(
      "[tenants...]",
      "names of stack files; after --, more options of pulumi preview, such as --diff",
    )
    .option(
      "--changed-since <ref>",
      "compare with a commit; without names, all tenants that have changed since",
    )
    .option("--from <folder>", "git checkout whose stack files are previewed by this one's programs", ROOT)
    .option("--json", "print one JSON object: refusals, policy violations, changes, cost")
    .addOption(new Option("--markdown", "print the comment of a pull request").conflicts("json"))
    .action(async (words: string[], flags: Flags) => {
      const { changedSince, from, json, markdown } = flags;
      const end = words.findIndex((word) => word.startsWith("-"));
      const [tenants, options] = end < 0 ? [words, []] : [words.slice(0, end), words.slice(end)];
      if (tenants.length === 0 && changedSince === undefined)
        throw new UsageError("name a tenant, or all that have changed with --changed-since <ref>.");
      const { previewTenants } = await import("../lib/preview");
      process.exitCode = await previewTenants(
        {
          tenants,
          ...(changedSince !== undefined && { changedSince }),
          from,
          options,
          format: json ? "json" : markdown ? "markdown" : "engine",
        },
        new Output(json),
      );
    });
}
