import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { optionsEnvironment, type RuntimeOptions } from "./options";

/** What the engine asks to be run, out of `pulumirpc.RunRequest`. */
export interface Run {
  engine: string;
  monitor: string;
  organization: string;
  project: string;
  stack: string;
  /** Where the `Pulumi.yaml` is. */
  root: string;
  /** Where the program is. */
  folder: string;
  /** The program's file in that folder; `.` for what its `package.json` says. */
  entry: string;
  args: string[];
  dryRun: boolean;
  parallel: number;
  config: ReadonlyMap<string, string>;
  secretKeys: string[];
}

/** The program's SDK says by this exit code that it has already shown the error. */
export const TOLD_THE_USER = 32;

/** The command line of the SDK's `cmd/run`, for `node`. */
export function runArguments(runner: string, run: Run, { nodeargs }: RuntimeOptions): string[] {
  const flags = {
    monitor: run.monitor,
    engine: run.engine,
    organization: run.organization,
    project: run.project,
    "root-directory": run.root,
    stack: run.stack,
    pwd: run.folder,
    parallel: String(run.parallel),
  };
  return [
    ...nodeargs,
    runner,
    ...Object.entries(flags).flatMap(([flag, value]) => (value ? [`--${flag}`, value] : [])),
    ...(run.dryRun ? ["--dry-run"] : []),
    run.entry,
    ...run.args,
  ];
}

/** The program's configuration, where the SDK looks for it. */
export function runEnvironment(
  run: Pick<Run, "config" | "secretKeys">,
  options: RuntimeOptions,
): Record<string, string | undefined> {
  return {
    ...optionsEnvironment(options),
    PULUMI_CONFIG: JSON.stringify(
      Object.fromEntries([...run.config].map(([key, value]) => [configKey(key), value])),
    ),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.secretKeys),
  };
}

/** The SDK reads `project:config:name` as well as `project:name`; the official host gives it the former. */
export function configKey(key: string): string {
  const parts = key.split(":");
  return parts.length === 2 ? parts.join(":config:") : key;
}

/**
 * A file of the SDK that the program itself uses.
 * @throws Error saying what to do when there is none
 */
export function resolveSdk(file: string, folder: string, install: string): string {
  try {
    return createRequire(path.join(folder, "package.json")).resolve(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new Error(`${folder} does not have the Pulumi SDK installed. Have you run ${install}?`);
  }
}

/** What a program's end means for the engine: success, an error that was already shown, or an error to show. */
export function outcome(
  code: number | null,
  signal: NodeJS.Signals | null,
  stderr: string,
): { bail?: true; error?: string } {
  if (code === 0) return {};
  if (code === TOLD_THE_USER) return { bail: true };
  const end = signal ? `was ended by ${signal}` : `exited with non-zero exit code: ${code}`;
  const memory = /JavaScript heap out of memory/.test(stderr)
    ? ". It ran out of memory: give it more with the runtime option nodeargs: --max-old-space-size=4096 (MB)"
    : "";
  return { error: `Program ${end}${memory}` };
}

/** Programs this host has started. None of them outlives it. */
export class Children {
  private readonly running = new Set<ChildProcess>();

  constructor() {
    process.on("exit", () => this.signal("SIGKILL"));
  }

  add(child: ChildProcess): void {
    this.running.add(child);
    child.once("close", () => this.running.delete(child));
  }

  /** Asks every program to end, and ends those that have not after `patience` ms. */
  async stop(patience = 5_000): Promise<void> {
    const ended = [...this.running].map((child) => new Promise((resolve) => child.once("close", resolve)));
    this.signal("SIGINT");
    const force = setTimeout(() => this.signal("SIGKILL"), patience);
    await Promise.all(ended);
    clearTimeout(force);
  }

  private signal(signal: NodeJS.Signals): void {
    for (const child of this.running) child.kill(signal);
  }
}
