import { readFileSync } from "node:fs";
import path from "node:path";
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

/** The keys of the stack's configuration, of all namespaces. */
export function configKeys(): string[] {
  return Object.keys(pulumi.runtime.allConfig());
}

/** Whether something in a value of the stack's configuration is encrypted there. */
export function holdsSecret(key: string): boolean {
  return (JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[]).includes(key);
}

/**
 * The same value as the stack's file has it, encrypted where it is encrypted there: of what is inside an object the
 * engine says only that something is. Undefined where the file is not beside Pulumi.yaml (`--config-file`).
 */
export async function valueInStackFile(key: string): Promise<unknown> {
  // Only now: few stacks have a secret.
  const { parse } = await import("yaml");
  const read = (folder: string, name: string): Record<string, unknown> => {
    for (const end of ["yaml", "yml", "json"]) {
      try {
        return (parse(readFileSync(path.join(folder, `${name}.${end}`), "utf8")) ?? {}) as never;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    return {};
  };
  const project = pulumi.getRootDirectory();
  const folder = path.resolve(project, String(read(project, "Pulumi")["stackConfigDir"] ?? "."));
  const { config } = read(folder, `Pulumi.${pulumi.getStack()}`) as { config?: Record<string, unknown> };
  return config?.[key];
}

/** What the last `up` of this stack exported; nothing where there was none. */
export async function lastOutputs(): Promise<Record<string, unknown>> {
  const name = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
  // As a stack reference asks, which would stand in the state.
  const { outputs } = (await pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", { name })) as {
    outputs?: Record<string, unknown>;
  };
  return outputs ?? {};
}

/** Ends the program with what is wrong, before it has made anything. */
export function refuse(stack: string, problems: string[]): never {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  // For the policy `program-accepts`. An update would keep it in the state.
  if (pulumi.runtime.isDryRun()) new pulumi.ComponentResource("dhistance:index:Refusal", stack);
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
