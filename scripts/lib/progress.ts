import { Listr, type ListrTask } from "listr2";
import type { Output } from "./output";

/**
 * Runs steps one after another and shows them: live on a terminal, as plain lines elsewhere, not at all with `--json`.
 * @throws what a step failed with, so that the command prints it once
 */
export async function steps({ json }: Pick<Output, "json">, tasks: ListrTask[]): Promise<void> {
  let failure: unknown;
  const wrapped = tasks.map(({ task, ...rest }) => ({
    ...rest,
    task: async (...given: Parameters<NonNullable<typeof task>>) => {
      try {
        return (await task?.(...given)) as undefined;
      } catch (error) {
        failure = error;
        throw new Error("see below", { cause: error });
      }
    },
  }));
  const [renderer, fallbackRenderer] = json
    ? (["silent", "silent"] as const)
    : (["default", "simple"] as const);
  await new Listr(wrapped, { renderer, fallbackRenderer }).run().catch((error: unknown) => {
    throw failure ?? error;
  });
}

/** Passes on a line at most every 3 seconds, on a terminal every 0.1 seconds: logs of CI stay short. */
export function throttled(report: (line: string) => void): (line: string) => void {
  const interval = process.stdout.isTTY ? 100 : 3000;
  let reported = 0;
  return (line) => {
    if (Date.now() - reported < interval) return;
    reported = Date.now();
    report(line);
  };
}
