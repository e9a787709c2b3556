import { CommanderError } from "commander";

/** The exit codes of every command. */
export const EXIT_CODES: Readonly<Record<number, string>> = {
  0: "done, or nothing to do",
  1: "failed; the message says why",
  2: "invalid usage, or not confirmed; nothing was changed",
};

/** `restore` passes on the exit codes of the backup job, which does the work. */
export const RESTORE_EXIT_CODES: Readonly<Record<number, string>> = {
  3: "the backup cannot be used: missing, damaged, wrong password, or not signed by this key",
  4: "the restored database does not match the backup's manifest",
  5: "a database server, a repository or a disk: unreachable, not permitted, full; or DHIS2 does not start",
  6: "the live database holds something, and --replace was not given",
  7: "another run is in progress",
  8: "a backup is too old, or a drill is missing",
  9: "something was lost: backups are gone, or hold much less than earlier ones",
};

/** `preview` tells apart what it found. 7 is the code of `pulumi preview --expect-no-changes` for changes. */
export const PREVIEW_EXIT_CODES: Readonly<Record<number, string>> = {
  0: "no change",
  1: "failed, so nothing is known; the message says why",
  7: "changes, which nothing speaks against",
  8: "refused: the stack file, its entitlement, or what is in place does not allow the change",
  9: "a policy is violated",
};

/** The section of a command's help on its exit codes. */
export function exitCodesHelp(codes: Readonly<Record<number, string>>): string {
  const lines = Object.entries(codes).map(([code, meaning]) => `  ${code}  ${meaning}`);
  return ["", "Exit codes:", ...lines].join("\n");
}

/** A command failed. The message is for the person who typed it. */
export class CommandError extends Error {
  override name = "CommandError";
  constructor(
    message: string,
    readonly exitCode = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The person asked for something that is not possible, or did not confirm it. Nothing was changed. */
export class UsageError extends CommandError {
  override name = "UsageError";
  constructor(message: string, options?: ErrorOptions) {
    super(message, 2, options);
  }
}

/** The message and the exit code that an error ends a command with. */
export function describeError(error: unknown): { message: string; exitCode: number } {
  if (error instanceof CommanderError) {
    // Commander exits with 1 for invalid usage, and with 0 after --help.
    return { message: error.message.replace(/^error: /, ""), exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
  return { message: error instanceof Error ? error.message : String(error), exitCode: 1 };
}
