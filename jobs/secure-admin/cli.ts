/** The command line of the job that replaces the default administrator's password. */
import { Command } from "commander";
import { EXIT_CODES, runCommand, secretIn } from "../command";
import { parseDuration, serverConfig, UsageError, type ServerOptions } from "../import/cli/options";
import { secureAdmin, type Outcome } from "./run";

interface Flags extends ServerOptions {
  wait: number;
  adminPasswordEnv: string;
}

const SAYS: Record<Outcome, string> = {
  replaced: "The default administrator has a new password.",
  kept: "The administrator has a password of its own; it was left as it is.",
  absent: "There is no default administrator among the accounts.",
};

export function program(): Command {
  return new Command("secure-admin")
    .description(
      "Waits for DHIS2's accounts, then replaces the default administrator's password if it is still the default.",
    )
    .requiredOption("--server <url>", "the application's address: postgres://dhis2@host:5432/dhis2?sslmode=…")
    .option("--password-file <path>", "file with its password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption(
      "--admin-password-env <name>",
      "environment variable with the administrator's new password",
    )
    .option("--wait <duration>", "how long to wait for the accounts", parseDuration, 0)
    .addHelpText("after", EXIT_CODES)
    .action(async (flags: Flags) => {
      const password = secretIn(flags.adminPasswordEnv, "--admin-password-env");
      if (password.length < 8 || Buffer.byteLength(password) > 72)
        throw new UsageError("the administrator's new password has to be 8 to 72 bytes long.");
      console.log(SAYS[await secureAdmin({ connection: serverConfig(flags), password, wait: flags.wait })]);
    });
}

if (require.main === module) {
  void runCommand(program(), process.argv.slice(2)).then((code) => (process.exitCode = code));
}
