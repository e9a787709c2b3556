import * as pulumi from "@pulumi/pulumi";

/** What the programs ask of the engine besides resources. */

/**
 * A value of the stack's configuration as it stands there; one that is no JSON is the text itself. Not through
 * `pulumi.Config`: an object with a secret somewhere inside is one that it can only give as a whole secret.
 */
export function readConfig(key: string): unknown {
  const text = pulumi.runtime.getConfig(key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether something in a value of the stack's configuration is encrypted there. */
export function holdsSecret(key: string): boolean {
  return (JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[]).includes(key);
}

/** Ends the program with what is wrong, before it has made anything. */
export function refuse(stack: string, problems: string[]): never {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  throw new pulumi.RunError(
    [
      `Stack "${stack}" was refused: ${count}; nothing was changed.`,
      ...problems.map((problem) => `- ${problem}`),
    ].join("\n"),
  );
}

/**
 * Waits until what was asked of the engine so far has been sent, not until it is done: the engine then starts
 * providers and makes plans while the program goes on, which alone would hold its calls back to the end.
 */
export async function callsSent(): Promise<void> {
  // Serializing and opening a stream take a few turns of the event loop.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
