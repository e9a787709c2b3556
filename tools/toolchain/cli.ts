import { Command } from "commander";
import { ensureToolchain } from "./";

new Command("npm run toolchain --")
  .description(
    "Gets the Pulumi engine of the pinned version: the one on this machine, else the official download, else built " +
      "from source by this machine's Go. Kept in $DHISTANCE_CACHE, else in $XDG_CACHE_HOME/dhistance or ~/.cache/dhistance.",
  )
  .option("--json", "print what there is as JSON and no progress", false)
  .action(async ({ json }: { json: boolean }) => {
    const toolchain = await ensureToolchain({ quiet: json });
    if (json) return console.log(JSON.stringify(toolchain, null, 2));
    const { version, way, pulumi, rehearsal } = toolchain;
    console.log(`Pulumi ${version} (${way}): ${pulumi}`);
    console.log(`rehearsal providers: ${rehearsal ?? "none in this checkout"}`);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(`error: ${(error as Error).message}`);
    process.exitCode = 1;
  });
