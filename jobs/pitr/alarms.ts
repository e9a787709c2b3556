import { appendFileSync } from "node:fs";
import { PATHS } from "./paths";
import { signalOf, type Ended } from "./process";
import { withNames } from "./repositories";

/** What every alarm begins with: people and log collectors look for it. */
export const ALARM = "ALARM backup: ";

/** Says what is wrong, and keeps it for the health check until the next round has ended. */
export function alarm(text: string): void {
  appendFileSync(PATHS.alarmsNow, `${ALARM}${text}\n`);
  sayAlarm(text);
}

/** Says it once. */
export function sayAlarm(text: string): void {
  process.stderr.write(`${ALARM}${text}\n`);
}

/** Runs something that shows its output; its first error is an alarm. @returns whether it ended with 0 */
export async function attempt(what: string, work: () => Promise<Ended>): Promise<boolean> {
  const { code, output } = await work();
  if (code === 0) return true;
  alarm(`${what}: ${reasonOf({ code, output })}`);
  return false;
}

/** The first error that pgBackRest reports, without what each of its lines begins with. */
export function firstError(output: string): string {
  const line = output.split("\n").find((each) => each.includes("ERROR"));
  return withNames(line?.replace(/.*ERROR: */, "") ?? "");
}

/** Why a program failed. One that was killed says nothing itself. */
export function reasonOf({ code, output }: Ended): string {
  const signal = signalOf(code);
  return (
    firstError(output.toString()) ||
    (signal
      ? `it was ended by ${signal}, as when memory is short or the container stops`
      : `exit code ${code}`)
  );
}
