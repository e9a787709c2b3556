import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

/**
 * Reads a dump once through and checks its sum, before it is sent anywhere.
 * @throws Error if it is another file than the spec means, or if it cannot be read. The sum that was found is not said:
 * with it a file could be asked for that only its owner knows
 */
export async function verifyDump(file: string, sha256: string): Promise<void> {
  // A pipe that nobody writes to would be waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const hash = createHash("sha256");
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`the dump ${file} is not a regular file`);
    await pipeline(handle.createReadStream({ autoClose: false }), hash);
  } finally {
    await handle.close();
  }
  if (hash.digest("hex") === sha256) return;
  throw new Error(
    `the dump ${file} does not have the sha256 ${sha256} that the spec says: it is another file, or it was damaged ` +
      "on its way. Put the right file there, or its sum (sha256sum) into the spec.",
  );
}
