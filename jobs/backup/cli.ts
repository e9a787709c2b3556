/** The command line of the portable backups. */
import { tmpdir } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import * as command from "../runCommand";
import { parseCount, parseDuration, parseName } from "../import/cli/options";
import { NeedsReimport } from "../import/runImport";
import { BusyError, ServerError } from "../import/server";
import { runReplicate } from "./agent";
import { list, runConfirmFiles, runDrill, runExport, runRestore, runUndoFiles } from "./commands";
import { BackupError, LossError, MismatchError, OverdueError, LocationError } from "./errors";
import { ToolError } from "./runTool";

const exitCodes = `
Exit codes:
  0  done
  1  a fault of this program
  2  the command makes no sense
  3  the backup cannot be used: none there, damaged, another password, not signed by this key
  4  what was restored does not match its manifest
  5  a database server, a repository or a disk: not reached, not allowed, full
  6  the live database holds something, and --replace was not given
  7  another run is under way
  8  a promise is not kept: a backup is too old, a drill is missing
  9  something was lost: backups that were there are gone, or a backup holds much less than those before it
  130, 143  interrupted; nothing is claimed that is not so`;

export function program(): Command {
  const program = new Command("backup")
    .description(
      "Portable backups of DHIS2 servers: made, pulled home, restored, and proven by restoring them.",
    )
    .addHelpText("after", exitCodes);

  const exporting = program
    .command("export")
    .description("write database, file store and settings into this month's repository, signed")
    .requiredOption(
      "--server <url>",
      "postgres://account@host:5432/postgres?sslmode=verify-full&sslrootcert=ca.pem",
    )
    .requiredOption("--database <name>", "the database", parseName)
    .option("--password-file <path>", "file with the account's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption("--name <server>", "name of the server in the backups", parseName)
    .requiredOption("--repository <location>", "a directory, or s3:https://host/bucket/folder")
    .option("--files <directory>", "the file store")
    .option("--settings <file...>", "files of settings, such as dhis.conf", [])
    .option("--encryption-password-file <path>", "file with DHIS2's encryption.password")
    .option("--encryption-password-env <name>", "environment variable with it")
    .option("--dhis-conf-env <name>", "environment variable with dhis.conf, kept among the settings")
    .option("--signing-key-file <path>", "private Ed25519 key in PEM")
    .option("--signing-key-env <name>", "environment variable with it")
    .option("--limit-upload <KiB/s>", "most that is sent a second", parseRate)
    .option(
      "--check-days <n>",
      "days in which all data of the month's repository are read once",
      parseCount,
      7,
    )
    .option(
      "--retry-for <duration>",
      "try again for so long when a server or the repository is not reached (default: do not)",
      parseDuration,
    )
    .option(
      "--accept-shrink",
      "the backup is meant to hold less than earlier ones: no alarm, and later ones are compared with it",
    );
  passwordOptions(commonOptions(exporting)).action(runExport);

  program
    .command("replicate")
    .description(
      "pull the backups of servers into a directory here, again and again; make them first, if the configuration says so",
    )
    .requiredOption("--config <file>", "what to pull, and how; JSON")
    .option("--once", "one run, with an exit code that says how it went")
    .option("--now", "make a backup whether one is due or not, where the backups are made here")
    .option(
      "--accept-shrink",
      "the backup is meant to hold less than earlier ones: no alarm, and later ones are compared with it",
    )
    .option("--scratch <directory>", "for temporary files", tmpdir())
    .option("--json", "one JSON object a line instead of text")
    .action(runReplicate);

  locationOptions(program.command("list"))
    .description("list the backups in a location: how old, of what, when they were last verified")
    .option("--max-age <duration>", "fail when the newest backup is older", parseDuration)
    .option(
      "--drill-file <path>",
      "where the last drill's figures are (default: drill.json beside the backups)",
    )
    .option("--max-drill-age <duration>", "fail when the last drill is older, or was none", parseDuration)
    .action(list);

  restoreCommands(program);

  locationOptions(program.command("drill"))
    .description(
      "restore the newest backup into a throwaway database without network, and say how long it took",
    )
    .option("--if-older <duration>", "only if the last good drill is older; else only look", parseDuration)
    .option("--max-age <duration>", "fail when the backup is older", parseDuration)
    .option(
      "--max-drill-age <duration>",
      "fail when the last good drill is older, or was none",
      parseDuration,
    )
    .option("--drill-file <path>", "keep the figures there (default: drill.json beside the backups)")
    .option(
      "--metrics <dimensions>",
      "report them to CloudWatch: Tenant=moh,Server=hmis,Location=eu-west-1",
      parseDimensions,
    )
    .action(runDrill);

  return program;
}

function restoreCommands(program: Command): void {
  locationOptions(program.command("restore"))
    .description("load a backup into a database, checked against its manifest before it takes the name")
    .requiredOption("--server <url>", "administrator's address: postgres://admin@host:5432/postgres")
    .option("--password-file <path>", "file with the administrator's password (default: as PGPASSFILE says)")
    .option("--password-env <name>", "environment variable with it")
    .requiredOption("--database <name>", "name the database gets", parseName)
    .option("--role <name>", "role of the application; everything will belong to it", parseName, "dhis")
    .option("--snapshot <id>", "beginning of the backup's id (default: the newest)", parseSnapshot)
    .option("--replace", "replace a database that holds tables; the previous database is kept")
    .option("--files-to <directory>", "the file store: what it lacks is added; files that are there stay")
    .option("--replace-files", "with --files-to: replace files that differ, too; undo-files puts them back")
    .addOption(
      new Option(
        "--files-only",
        "with --files-to: restore no database, and count the rows of the live one whose file is missing",
      ).conflicts(["replace", "settingsTo"]),
    )
    .option("--settings-to <directory>", "the settings, encryption.password among them")
    .action(runRestore);

  const filesTo = "--files-to <directory>";
  program
    .command("undo-files")
    .description("undo the newest restore into a file store, or that undo")
    .requiredOption(filesTo, "the file store")
    .option("--json", "one JSON object a line instead of text")
    .action(runUndoFiles);
  program
    .command("confirm-files")
    .description("delete what was kept to undo restores into a file store")
    .requiredOption(filesTo, "the file store")
    .option("--json", "one JSON object a line instead of text")
    .action(runConfirmFiles);
}

function commonOptions(command: Command): Command {
  return command
    .option("--scratch <directory>", "directory with space for a complete, uncompressed dump", tmpdir())
    .option("-j, --jobs <n>", "tables that are moved at the same time", parseCount, 2)
    .option("--json", "one JSON object a line instead of text");
}

function passwordOptions(command: Command): Command {
  return command
    .option("--repository-password-file <path>", "file with the repositories' password")
    .option("--repository-password-env <name>", "environment variable with it")
    .option(
      "--aws-credentials-file <path>",
      "credentials for S3 (default: as the AWS command line finds them)",
    );
}

function locationOptions(command: Command): Command {
  const location = "--location <location>";
  command
    .option(location, "where the backups are: a directory, or s3:https://host/bucket/folder")
    // The name of before version 0.2, read for one version.
    .addOption(new Option("--copy <location>").hideHelp().conflicts("location"))
    .hook("preAction", () => {
      const { copy, location: given } = command.opts<{ copy?: string; location?: string }>();
      if (copy === undefined && given === undefined)
        command.error(`error: required option '${location}' not specified`);
      if (copy === undefined) return;
      process.stderr.write(
        "warning: --copy is now --location; the next version does not read the old name\n",
      );
      command.setOptionValue("location", copy);
    });
  return passwordOptions(commonOptions(command))
    .option(
      "--public-key <path>",
      "key that the exports were signed for; without it no signature is verified",
    )
    .option("--public-key-env <name>", "environment variable with it");
}

function parseRate(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) === 0) throw new InvalidArgumentError("a number of KiB a second");
  return Number(text);
}

function parseDimensions(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => /^([A-Za-z]+)=([\w./:@-]+)$/.exec(pair)?.slice(1));
  if (!pairs.every((pair) => pair !== undefined))
    throw new InvalidArgumentError("pairs of a name and a value, such as Tenant=moh,Server=hmis");
  return Object.fromEntries(pairs) as Record<string, string>;
}

function parseSnapshot(text: string): string {
  if (!/^[0-9a-f]{4,64}$/.test(text))
    throw new InvalidArgumentError("the beginning of an id, as list shows it");
  return text;
}

/** @returns the exit code that an error of these commands gets */
export function exitCodeOf(error: unknown): number {
  return command.exitCodeOf(error, ownExitCode);
}

function ownExitCode(error: unknown): number {
  if (error instanceof BackupError) return 3;
  if (error instanceof MismatchError) return 4;
  if (error instanceof LocationError || error instanceof ServerError || error instanceof ToolError) return 5;
  if (error instanceof NeedsReimport) return 6;
  if (error instanceof BusyError) return 7;
  if (error instanceof OverdueError) return 8;
  return error instanceof LossError ? 9 : 1;
}

/** Returns the exit code. */
export function main(parameters: string[]): Promise<number> {
  const [verb] = parameters;
  return command.runCommand(program(), parameters, {
    exitCode: ownExitCode,
    heading: (code) => {
      // Who restores sits at the terminal; all else is for the person on call.
      if (verb === "restore") return "Not restored.";
      // A pull has said so already, server by server.
      if (verb === "replicate" && code > 2) return undefined;
      return code >= 128 || code === 2 ? "Not done." : "ALARM backup:";
    },
  });
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
