/** How the commands end early, and what they say. */
import pc from "picocolors";

export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super("Interrupted; nothing is claimed that is not so, and the next run goes on.");
  }
}

/** Lets the work end cleanly on the first signal, and at once on the second. */
export async function interruptible(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    const exitCode = signal === "SIGINT" ? 130 : 143;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode));
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

/** One line, the same wherever it comes from: what watches the log looks for its first two words. */
export function alarm(flags: { json?: boolean }, message: string): void {
  if (flags.json) process.stdout.write(`${JSON.stringify({ event: "alarm", message })}\n`);
  process.stderr.write(`${pc.red("ALARM backup:")} ${message}\n`);
}
