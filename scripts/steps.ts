import { Listr, type ListrTask } from "listr2";

/**
 * Runs steps one after another: live on a terminal, plain lines elsewhere, nothing with `quiet`. What a step failed
 * with is thrown, for the command to say it once.
 */
export async function steps(quiet: boolean, tasks: ListrTask[]): Promise<void> {
  let failure: unknown;
  const told = tasks.map(({ task, ...rest }) => ({
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
  const [renderer, fallbackRenderer] = quiet
    ? (["silent", "silent"] as const)
    : (["default", "simple"] as const);
  await new Listr(told, { renderer, fallbackRenderer }).run().catch((error: unknown) => {
    throw failure ?? error;
  });
}
