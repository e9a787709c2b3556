/** The command line of the job that has DHIS2 make its analytics tables. */
import { Command } from "commander";
import { EXIT_CODES, interruptible, print, runCommand } from "../runCommand";
import { parseDuration, parseUrl, readSecret } from "../import/cli/options";
import { makeAnalytics } from "./makeAnalytics";

interface Flags {
  application: string;
  account: string;
  passwordFile: string;
  wait: number;
  json?: boolean;
}

export function program(): Command {
  return new Command("analytics")
    .description("Has DHIS2 make its analytics tables again, as after a restore, and waits until it has.")
    .requiredOption("--application <url>", "DHIS2's address, such as https://hmis.moh.example.org", parseUrl)
    .option("--account <name>", "an account that may maintain", "admin")
    .requiredOption("--password-file <path>", "file with its password")
    .option(
      "--wait <duration>",
      "how long to wait for the end; DHIS2 goes on without",
      parseDuration,
      24 * 3600,
    )
    .option("--json", "one JSON object a line instead of text")
    .addHelpText("after", EXIT_CODES)
    .action(async ({ application, account, passwordFile, wait, json = false }: Flags) => {
      const password = readSecret(passwordFile, "--password-file");
      await interruptible("DHIS2 continues with what it was asked for.", (signal) =>
        makeAnalytics({
          ...{ application, account, password, wait, signal },
          onNotice: ({ level, message }) =>
            print({ json }, { event: "progress", level, phase: message }, message),
        }),
      );
      print({ json }, { event: "analytics made" }, "The analytics tables are made.");
    });
}

if (require.main === module) {
  void runCommand(program(), process.argv.slice(2)).then((code) => (process.exitCode = code));
}
