import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { Writable } from "node:stream";

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

/** A secret: typed at the terminal, which does not show it, or piped in. */
export async function askSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, "");
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
