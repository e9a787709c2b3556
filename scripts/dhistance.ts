import { Command, CommanderError } from "commander";
import { version } from "../package.json";
import { tolerateClosedPipes } from "../jobs/terminal";
import { completionCommand } from "./commands/completion";
import { entitlementCommand } from "./commands/entitlement";
import { imagesCommand } from "./commands/images";
import { pitrCommand } from "./commands/pitr";
import { previewCommand } from "./commands/preview";
import { restoreCommand } from "./commands/restore";
import { rollbackCommand } from "./commands/rollback";
import { startCommand } from "./commands/start";
import { tenantCommand } from "./commands/tenant";
import {
  describeError,
  EXIT_CODES,
  exitCodesHelp,
  PREVIEW_EXIT_CODES,
  RESTORE_EXIT_CODES,
} from "./lib/errors";
import { Output } from "./lib/output";

/**
 * The command line of DHIStance. Commands load their work when they run: the Pulumi SDK alone takes longer to load than
 * most of them to run.
 */
export function dhistance(): Command {
  const program = new Command("dhistance").description("Operate hosted DHIS2 servers.").version(version);
  const [preview, restore] = [previewCommand(), restoreCommand()];
  const more = new Map([
    [preview, PREVIEW_EXIT_CODES],
    [restore, RESTORE_EXIT_CODES],
  ]);
  for (const command of [
    startCommand(),
    preview,
    tenantCommand(),
    restore,
    pitrCommand(),
    rollbackCommand(),
    entitlementCommand(),
    imagesCommand(),
    completionCommand(dhistance),
  ])
    program.addCommand(command);
  for (const command of commandsOf(program)) {
    const codes = { ...EXIT_CODES, ...more.get(command) };
    // Errors are printed in one place, by `run`.
    command.exitOverride().configureOutput({ outputError: () => undefined });
    command.addHelpText("after", exitCodesHelp(codes));
  }
  return program;
}

/** A command and all below it. */
export function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

/**
 * Runs the command line.
 * @param words without the interpreter and the program
 * @returns the exit code
 */
export async function run(words: string[], program = dhistance()): Promise<number> {
  tolerateClosedPipes();
  process.exitCode = 0;
  const end = words.indexOf("--");
  const output = new Output((end < 0 ? words : words.slice(0, end)).includes("--json"));
  try {
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode);
  } catch (error) {
    const { message, exitCode } = describeError(error);
    // Commander has printed the help.
    const helped =
      error instanceof CommanderError && /^commander\.(help|helpDisplayed|version)$/.test(error.code);
    if (!helped) output.error(message, exitCode);
    if (process.env["DHISTANCE_DEBUG"]) console.error(error);
    return exitCode;
  }
}

if (require.main === module) {
  void run(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
