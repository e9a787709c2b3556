import { mkdtempSync, rmSync } from "node:fs";

let made: string | undefined;

/** A folder of this process: a person may verify while a round is at work. It is removed when the process ends. */
export function workFolder(): string {
  if (made === undefined) {
    const folder = mkdtempSync("/tmp/pitr-");
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    made = folder;
  }
  return made;
}
