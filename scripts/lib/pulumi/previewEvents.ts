import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { POLICIES } from "./stacks";

export interface PreviewRun {
  /** The engine's own. 7 is "changes", with `--expect-no-changes`. */
  code: number;
  events: EngineEvent[];
  /** What it printed on standard error, unless that went to the terminal. */
  said: string;
}

/**
 * Runs `pulumi preview` with the policy pack and reads its events: its JSON has neither the findings of policies nor
 * the reason of a refusal apart.
 * @param options more options of `pulumi preview`
 * @param show whether the engine prints to the terminal, as it does by itself
 */
export async function previewEvents(
  cwd: string,
  stack: string,
  options: readonly string[],
  show: boolean,
): Promise<PreviewRun> {
  const folder = mkdtempSync(path.join(tmpdir(), "dhistance-events-"));
  const log = path.join(folder, "events");
  const own = ["preview", "--stack", stack, "--policy-pack", POLICIES, "--event-log", log];
  // The engine has the option --event-log only with this.
  const env = { ...process.env, PULUMI_DEBUG_COMMANDS: "true" };
  try {
    const { code, said } = await new Promise<{ code: number; said: string }>((resolve, reject) => {
      const child = spawn("pulumi", [...own, ...options], {
        cwd,
        env,
        stdio: show ? "inherit" : ["ignore", "ignore", "pipe"],
      });
      let said = "";
      child.stderr?.on("data", (text: Buffer) => (said += String(text)));
      child.on("error", reject);
      child.on("close", (code) => {
        resolve({ code: code ?? 1, said });
      });
    });
    return { code, said, events: eventsIn(log) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An event a line; the last may be incomplete if the engine was killed. */
function eventsIn(log: string): EngineEvent[] {
  if (!existsSync(log)) return [];
  return readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as EngineEvent];
      } catch {
        return [];
      }
    });
}
