/** A lock on a directory of backups, held by `flock`: it is gone with us, however we end, and counts across containers. */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { BusyError } from "../import/server";
import { LocationError } from "./errors";

const HELD = 75;

/** @throws BusyError at once when somebody else works on the directory */
export async function withLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true }).catch((error: Error) => {
    throw new LocationError(`${directory} cannot be written to: ${error.message}`);
  });
  const file = join(directory, ".lock");
  // `cat` ends when its standard input does: when we are done, or dead.
  const holder = spawn("flock", ["--nonblock", "--conflict-exit-code", String(HELD), file, "cat"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let complaint = "";
  holder.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  holder.stdin.on("error", () => undefined);
  const ended = new Promise<number | null>((resolve, reject) => {
    holder.on("error", reject);
    holder.on("close", resolve);
  });
  const held = new Promise<"held">((resolve) => holder.stdout.once("data", () => resolve("held")));
  holder.stdin.write("held\n");
  const outcome = await Promise.race([held, ended]);
  if (outcome === HELD)
    throw new BusyError(`Another run is at work on ${directory}. Wait for it to end, or stop it.`);
  if (outcome !== "held") throw new LocationError(`${directory} cannot be locked: ${complaint.trim()}`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
