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
