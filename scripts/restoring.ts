import pc from "picocolors";
import type { RunFailed } from "../operations/runFailed";
import { exitCodeOf } from "../jobs/backup/cli";
import { Refused } from "./refused";

/** What a restore has in common wherever the server is. */

export interface How {
  from?: string;
  snapshot?: string;
  replace?: boolean;
  undo?: boolean;
  confirm?: boolean;
  analytics?: boolean;
  to?: string;
  json?: boolean;
  /** What the person typed, without options. */
  command: string;
  /** @throws Refused if the person does not agree */
  sure: (question: string) => Promise<void>;
}

export const json = (how: How) => (how.json ? ["--json"] : []);

export function say(how: How, message: string): void {
  console.log(how.json ? JSON.stringify({ event: "said", message }) : message);
}

export const HAVING_ANALYTICS =
  "having DHIS2 make its analytics tables, which are in no copy; it goes on with it when this is ended";

/** What hinders the tables is said, and hinders nothing else: DHIS2 runs. */
export function analyticsByHand(how: How): void {
  say(how, `DHIS2 runs. To have it make its analytics tables: ${how.command} --analytics`);
}

/** What is to be done when all else is. */
export function look({ command }: How): string {
  return (
    "Next: log in and look: the newest data, a file, a report. Then one of these:\n" +
    `  ${command} --confirm  deletes the previous database\n  ${command} --undo  puts it back`
  );
}

/** Says what failed. @returns its exit code */
export function failed(what: string, error: unknown): number {
  const { message, brief = message, exitCode } = error as Error & Partial<RunFailed>;
  console.error(`${pc.red(what)} ${brief}`);
  return error instanceof Refused ? 2 : (exitCode ?? exitCodeOf(error));
}
