import { createHash } from "node:crypto";

/** What the state may say of an `encryption.password`: enough to see that it changed, too little to find it. */
export function fingerprint(encryptionPassword: string): string {
  return createHash("sha256").update(`dhistance encryption ${encryptionPassword}`).digest("hex").slice(0, 8);
}

/** What the state says of a server's data, and of the password under which DHIS2 encrypted some of them. */
export interface Encrypted {
  /** SHA-256 of the imported dump, or that none is imported. */
  data: string;
  /** Fingerprint of the password. */
  encryption: string;
}

/** What the state says of the data of a server without an import. */
export const NONE_IMPORTED = "none imported";

/**
 * Why a server may not get another `encryption.password`, if it may not. It may only in the update that replaces its
 * data: an import that is taken out, or put in beside data that stay, replaces nothing.
 * @param reimport whether the update may replace the data
 */
export function refuseNewEncryption(
  server: string,
  before: Partial<Encrypted>,
  now: Partial<Encrypted>,
  reimport: boolean,
): string | undefined {
  if (before.encryption === now.encryption) return undefined;
  const gone = now.data === NONE_IMPORTED;
  if (reimport && !gone && before.data !== now.data) return undefined;
  const imported = before.data !== NONE_IMPORTED && before.data !== undefined;
  return (
    `server "${server}" would get another encryption.password while it keeps its data, and DHIS2 could no longer read ` +
    `what it has encrypted. ${
      gone
        ? `Put import back as it was (sha256 ${before.data}, and its encryptionPassword if it had one): it is not run again.`
        : `${
            imported
              ? "Put the previous import.encryptionPassword back"
              : "Take import.encryptionPassword out"
          }${before.data === now.data ? "." : ", or set reimport: true to replace the data with this dump."}`
    }`
  );
}
