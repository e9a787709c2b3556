/** What the jobs' command lines have in common: what they print, how they are interrupted, and how the small ones fail. */
import { type Command, CommanderError } from "commander";
import { DatabaseError } from "pg";
import pc from "picocolors";
import { UsageError } from "./import/cli/options";

/** Something that is not so yet, or not as it has to be; the message says what to do. */
export class JobError extends Error {
  override readonly name = "JobError";
}

export const EXIT_CODES = `
Exit codes:
  0  done, or nothing to do
  1  a fault of this program
  2  the command makes no sense
  4  it could not be done; the message says why
  5  the server: no connection, no permission, a full disk`;

/** A secret out of the environment. */
export function secretIn(variable: string, option: string): string {
  const value = process.env[variable];
  if (!value) throw new UsageError(`${option} names ${variable}, which is not set.`);
  return value;
}

/** Ended by a signal. */
export class Interrupted extends Error {
  constructor(
    readonly exitCode: number,
    how: string,
  ) {
    super(`Interrupted; ${how}`);
  }
}

/**
 * Lets the work end cleanly on the first signal, and at once on the second.
 * @param how the work leaves things then, for the person who interrupted it
 */
export async function interruptible(
  how: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    const exitCode = signal === "SIGINT" ? 130 : 143;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode, how));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await work(controller.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

export function print(flags: { json?: boolean }, data: object, text: string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(data) : text}\n`);
}

/** Runs a command line. @returns its exit code */
export async function runCommand(command: Command, parameters: string[]): Promise<number> {
  try {
    await command.exitOverride().parseAsync(parameters, { from: "user" });
    return 0;
  } catch (error) {
    const code = exitCodeOf(error);
    if (!(error instanceof CommanderError)) {
      const { message, stack } = error as Error;
      process.stderr.write(`${pc.red("Not done.")} ${code === 1 ? (stack ?? message) : message}\n`);
    }
    return code;
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) return 2;
  if (error instanceof JobError) return 4;
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof DatabaseError || /^E[A-Z]+$/.test(code ?? "") ? 5 : 1;
}
