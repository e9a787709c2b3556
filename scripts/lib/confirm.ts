import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { typeSecret } from "../../jobs/terminal";
import { UsageError } from "./errors";

/** Options of every command that changes or deletes something. */
export interface Confirmable {
  yes?: boolean;
}

/** The description of `--yes`. */
export const YES = "do not ask for confirmation";

const CANCELLED = "Cancelled. Nothing was changed.";

/**
 * Asks whether to continue, unless `--yes` was given.
 * @param question what will be done
 * @param cancelled what to say if the person does not agree
 * @throws UsageError if the person does not agree, or if no person can be asked
 */
export async function confirm(question: string, { yes }: Confirmable, cancelled = CANCELLED): Promise<void> {
  if (yes) return;
  if (!/^y(es)?$/i.test(await ask(question, "[y/N] "))) throw new UsageError(cancelled);
}

/** As `confirm`, for what cannot be undone: the person types the name of what is deleted. */
export async function confirmName(question: string, name: string, { yes }: Confirmable): Promise<void> {
  if (yes) return;
  if ((await ask(question, `Type ${name} to continue: `)) !== name) throw new UsageError(CANCELLED);
}

/** Asks on standard error, because standard output is for results. */
async function ask(question: string, how: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new UsageError(`${question} Cannot ask for confirmation here. Pass --yes to confirm.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} ${how}`)).trim();
  } finally {
    terminal.close();
  }
}

/** A secret: typed at the terminal, which does not show it, or piped in. */
export async function askSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, "");
  return typeSecret(question);
}
