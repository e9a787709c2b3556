import { createInterface } from "node:readline/promises";

/**
 * What the person at the terminal says to a question, which goes to standard error: standard output is for results.
 * @throws `nobody` where there is no person to ask
 */
export async function ask(question: string, nobody: Error): Promise<string> {
  if (!process.stdin.isTTY) throw nobody;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}

/** As `ask`; anything but a yes is a no. */
export async function agreed(question: string, nobody: Error): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `, nobody));
}
