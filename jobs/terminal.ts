/** What the command lines of jobs and of `scripts/` have in common at a terminal. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** Asks for a secret on standard error; what the person types is not shown. Needs a terminal as standard input. */
export async function typeSecret(question: string): Promise<string> {
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

let tolerated = false;

/**
 * Lets the work go on to its end after the program that reads its output has ended, as `head` does: Node.js would end
 * with a trace in the middle of it.
 */
export function tolerateClosedPipes(): void {
  if (tolerated) return;
  tolerated = true;
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
}
