import { createHash } from "node:crypto";

/** What the state may say of an `encryption.password`: enough to see that it changed, too little to find it. */
export function fingerprint(encryptionPassword: string): string {
  return createHash("sha256").update(`dhistance encryption ${encryptionPassword}`).digest("hex").slice(0, 8);
}

/** Which data a server holds, and under which password DHIS2 encrypted some of them. */
export interface Encrypted {
  /** SHA-256 of the imported dump. */
  data: string;
  /** Fingerprint of the password. */
  encryption: string;
}

/** Why a server may not get another `encryption.password`, if it may not. */
export function refuseNewEncryption(
  server: string,
  before: Partial<Encrypted>,
  now: Partial<Encrypted>,
): string | undefined {
  if (before.encryption === now.encryption || before.data !== now.data) return undefined;
  return (
    `server "${server}" would get another encryption.password while it keeps its data: nothing that DHIS2 ` +
    "encrypted so far could be read again. Put the former import.encryptionPassword back, or leave it out as before."
  );
}
