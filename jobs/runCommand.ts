/** What the jobs' command lines have in common: what they print, how they are interrupted, and how the small ones fail. */
import { type Command, CommanderError } from "commander";
import { DatabaseError } from "pg";
import pc from "picocolors";
import { UsageError } from "./import/cli/options";
import { tolerateClosedPipes } from "./terminal";

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

/** How a command line tells what went wrong. */
export interface Failures {
  /** Exit code of an error of its own; 1 for a fault of the program, which is shown with its stack. */
  exitCode(error: unknown): number;
  /** What the message begins with; nothing if it has been said already. @default Not done. */
  heading?(code: number): string | undefined;
}

/** Runs a command line. @returns its exit code */
export async function runCommand(
  command: Command,
  parameters: string[],
  { exitCode, heading = () => "Not done." }: Failures = { exitCode: jobExitCode },
): Promise<number> {
  tolerateClosedPipes();
  for (const each of [command, ...command.commands]) each.exitOverride();
  try {
    await command.parseAsync(parameters, { from: "user" });
    return 0;
  } catch (error) {
    const code = exitCodeOf(error, exitCode);
    // commander has said it.
    if (error instanceof CommanderError) return code;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const said = code === 1 ? (stack ?? message) : message;
    const beginning = heading(code);
    if (parameters.includes("--json"))
      print({ json: true }, { event: "error", exitCode: code, message: said }, "");
    else if (beginning !== undefined) process.stderr.write(`${pc.red(beginning)} ${said}\n`);
    return code;
  }
}

/** The exit code that an error gets: those that all commands have, else the command's own. */
export function exitCodeOf(error: unknown, own: (error: unknown) => number): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return error instanceof UsageError ? 2 : own(error);
}

function jobExitCode(error: unknown): number {
  if (error instanceof JobError) return 4;
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof DatabaseError || /^E[A-Z]+$/.test(code ?? "") ? 5 : 1;
}
