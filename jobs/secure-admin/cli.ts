/** The command line of the job that replaces the default administrator's password. */
import { Command } from "commander";
import { EXIT_CODES, JobError, runCommand, secretIn } from "../runCommand";
import {
  parseDuration,
  parseUrl,
  readSecret,
  serverConfig,
  UsageError,
  type ServerOptions,
} from "../import/cli/options";
import { giveOutputPeriodTypes } from "../outputPeriodTypes";
import { afterStart, asAdministrator, type AfterStartOptions, type Confirmed } from "./afterStart";
import { endSessions, parseSessions, type Sessions } from "../sessions";
import { beforeStart, type Outcome } from "./beforeStart";
import { missingInPassword } from "./defaultPassword";

interface New {
  adminPasswordEnv?: string;
  adminPasswordFile?: string;
}

interface Before {
  formerPasswordEnv?: string;
  sessions?: string;
  sessionsPasswordEnv?: string;
}

const BEFORE: Record<Outcome, string> = {
  replaced: "The default administrator has a new password.",
  kept: "The default administrator has a password of its own. It was not changed.",
  absent: "There is no default administrator among the accounts.",
  none: "There are no accounts yet: DHIS2 makes the first one when it starts.",
};

const AFTER: Record<Confirmed, string> = {
  changed:
    "DHIS2 has changed the default administrator's password. Three log-ins with the default one were refused.",
  ours: "The default administrator has its new password. Three log-ins with the default one were refused.",
  own: "Log-ins with DHIS2's default password were refused; the administrator has a password of its own, or there is none.",
};

export function program(): Command {
  const command = new Command("secure-admin").description(
    "Replaces the password of DHIS2's default administrator (admin) where it is still the default one.",
  );
  const withPassword = (each: Command) =>
    each
      .option("--admin-password-env <name>", "environment variable with the administrator's new password")
      .option("--admin-password-file <path>", "file with it")
      .addHelpText("after", EXIT_CODES);
  withPassword(command.command("before-start"))
    .description(
      "In a database that has accounts, while DHIS2 is stopped: it would write the former password back.",
    )
    .requiredOption("--server <url>", "the application's address: postgres://dhis2@host:5432/dhis2?sslmode=…")
    .option("--password-file <path>", "file with its password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .option(
      "--former-password-env <name>",
      "environment variable with an earlier password, to be replaced as well",
    )
    .option(
      "--sessions <url>",
      "Redis of a cluster, rediss://host:port: end all sessions there",
      parseSessions,
    )
    .option("--sessions-password-env <name>", "environment variable with its password")
    .action(async (flags: New & ServerOptions & Before) => {
      const { formerPasswordEnv } = flags;
      const sessions = sessionsOf(flags);
      const former = formerPasswordEnv && secretIn(formerPasswordEnv, "--former-password-env");
      const outcome = await beforeStart({
        connection: serverConfig(flags),
        password: newPassword(flags),
        ...(former && { former }),
      });
      console.log(BEFORE[outcome]);
      if (!sessions) return;
      await endSessions(sessions);
      console.log("All sessions in Redis have ended.");
    });
  withPassword(command.command("after-start"))
    .description("By DHIS2 itself, before anything outside reaches it, and confirms it by log-ins.")
    .requiredOption(
      "--application <url>",
      "DHIS2's address, such as http://moh-hmis-application:8080",
      parseUrl,
    )
    .option("--wait <duration>", "how long to wait for DHIS2's start", parseDuration, 0)
    .action(async (flags: New & { application: string; wait: number }) => {
      const { application, wait } = flags;
      const options = { application, wait, password: newPassword(flags) };
      const confirmed = await afterStart(options);
      console.log(AFTER[confirmed]);
      if (confirmed !== "own") await givePeriodTypes(options);
    });
  return command;
}

/** A server without them is as safe as one with them, so that this does not keep it closed. */
async function givePeriodTypes(options: AfterStartOptions): Promise<void> {
  try {
    if (await giveOutputPeriodTypes(asAdministrator(options)))
      console.log("DHIS2 had no output period types. It has all of them now.");
  } catch (error) {
    if (!(error instanceof JobError)) throw error;
    console.error(error.message);
  }
}

function sessionsOf({ sessions, sessionsPasswordEnv }: Before): Sessions | undefined {
  if (!sessions !== !sessionsPasswordEnv)
    throw new UsageError("--sessions and --sessions-password-env go together.");
  if (!sessions) return undefined;
  return { address: sessions, password: secretIn(sessionsPasswordEnv ?? "", "--sessions-password-env") };
}

function newPassword({ adminPasswordEnv, adminPasswordFile }: New): string {
  if (!adminPasswordEnv === !adminPasswordFile)
    throw new UsageError("name the new password's place: --admin-password-env or --admin-password-file.");
  const password = adminPasswordFile
    ? readSecret(adminPasswordFile, "--admin-password-file")
    : secretIn(adminPasswordEnv ?? "", "--admin-password-env");
  const lacking = missingInPassword(password);
  if (lacking)
    throw new UsageError(`DHIS2 does not take the administrator's new password: it has to have ${lacking}.`);
  return password;
}

if (require.main === module) {
  void runCommand(program(), process.argv.slice(2)).then((code) => (process.exitCode = code));
}
