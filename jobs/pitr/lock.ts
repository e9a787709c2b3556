import { openSync } from "node:fs";
import { succeeds } from "./process";

/**
 * Locks a file until this process ends, and every program that the file descriptor was given to.
 * @param seconds to wait for whoever has it. @default as long as it takes
 * @returns the file descriptor; undefined if somebody else had the lock all the time
 */
export async function lockFile(file: string, seconds?: number): Promise<number | undefined> {
  const descriptor = openSync(file, "w");
  const wait = seconds === undefined ? [] : ["-w", String(seconds)];
  // Node.js has no flock(2). The lock belongs to the open file, which we share with this program as its descriptor 3.
  return (await succeeds("flock", [...wait, "3"], { holds: descriptor })) ? descriptor : undefined;
}
