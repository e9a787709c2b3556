/** How the commands end early, and what they say. */
import pc from "picocolors";
import * as command from "../runCommand";

/** Lets the work end cleanly on the first signal, and at once on the second. */
export function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  return command.interruptible("nothing is claimed that is not so, and the next run goes on.", work);
}

/** One line, the same wherever it comes from: what watches the log looks for its first two words. */
export function alarm(flags: { json?: boolean }, message: string): void {
  if (flags.json) process.stdout.write(`${JSON.stringify({ event: "alarm", message })}\n`);
  process.stderr.write(`${pc.red("ALARM backup:")} ${message}\n`);
}
