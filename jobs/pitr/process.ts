/** Runs the programs that do the work: pgBackRest, PostgreSQL's own, coreutils. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { withNames } from "./repositories";

export interface Ended {
  /** As a shell has it: 128 and the signal's number if a signal ended the program, 127 if there is no such program. */
  code: number;
  /** What was captured of its output. */
  output: Buffer;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: Buffer;
  /**
   * `show`: both streams are captured, and shown as they come. `both`: the same, but not shown. `capture`: standard output
   * is captured, standard error is shown. `discard`: standard output is discarded. @default the streams are ours
   */
  output?: "show" | "both" | "capture" | "discard";
  /** Discard standard error as well. */
  silent?: boolean;
  /** Ends the program after so many seconds. @default never */
  seconds?: number;
  /** A file that stays open in the program: a lock that it holds to its end. */
  holds?: number;
}

export async function run(program: string, args: string[], options: RunOptions = {}): Promise<Ended> {
  const { env = {}, input, output, silent = false, holds, seconds } = options;
  const both = output === "show" || output === "both";
  const standardOutput = both || output === "capture" ? "pipe" : output === "discard" ? "ignore" : "inherit";
  const standardError = silent ? "ignore" : both ? "pipe" : "inherit";
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    // It waits for a repository: nothing of it is lost, and SIGTERM it may not notice.
    ...(seconds !== undefined && { timeout: seconds * 1000, killSignal: "SIGKILL" as const }),
    stdio: [
      input ? "pipe" : "ignore",
      standardOutput,
      standardError,
      ...(holds === undefined ? [] : [holds]),
    ],
  });
  const captured: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      captured.push(chunk);
      if (output === "show") process.stdout.write(withNames(chunk.toString()));
    });
  // The program may end before it has read everything.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  const code = await new Promise<number>((resolve) => {
    child.on("error", (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(127);
    });
    child.on("close", (status, signal) => resolve(status ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  return { code, output: Buffer.concat(captured) };
}

/** The signal that ended a program, by its exit code as `run` returns it. */
export function signalOf(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => code === 128 + number)?.[0];
}

/** Runs a program without its output. @returns whether it ended with 0 */
export async function succeeds(program: string, args: string[], options: RunOptions = {}): Promise<boolean> {
  return (await run(program, args, { output: "discard", silent: true, ...options })).code === 0;
}

/** @returns the output's lines, without the empty ones */
export function lines(output: Buffer): string[] {
  return output
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}
