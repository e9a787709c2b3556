import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";

/**
 * Reads a dump once through and checks its sum, before it is sent anywhere.
 * @throws Error if it is another file than the spec means, or if it cannot be read
 */
export async function verifyDump(file: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  const found = hash.digest("hex");
  if (found === sha256) return;
  throw new Error(
    `the dump ${file} has sha256 ${found}, not ${sha256} as the spec says: it is another file, or it was ` +
      "damaged on its way. Put the right file there, or its sum into the spec.",
  );
}
