/** What can be wrong with a backup. The message is for the person who asked. */
export type BackupFault =
  /** There is no backup there, or none that its export claimed good. */
  | "missing"
  /** Data do not decrypt or do not have their checksum. */
  | "damaged"
  /** The repository is encrypted under another password. */
  | "wrong-key"
  /** A signature is missing, of another key, or of other data. */
  | "signature";

/** A backup that cannot be used; exit code 3. */
export class BackupError extends Error {
  override readonly name = "BackupError";

  constructor(
    readonly fault: BackupFault,
    message: string,
    /** Names of the packs in which damage was found. */
    readonly brokenPacks: string[] = [],
  ) {
    super(message);
  }
}

/** What was restored is not what was exported; exit code 4. */
export class MismatchError extends Error {
  override readonly name = "MismatchError";

  constructor(readonly differences: string[]) {
    const more = differences.length > 10 ? `, and ${differences.length - 10} more` : "";
    super(`What was restored does not match its manifest: ${differences.slice(0, 10).join("; ")}${more}.`);
  }
}

/** A backup location does not answer, refuses us, or is full; exit code 5. */
export class LocationError extends Error {
  override readonly name = "LocationError";
}

/** A promise is not kept: a backup is too old, a drill is missing; exit code 8. */
export class OverdueError extends Error {
  override readonly name = "OverdueError";
}

/**
 * Less is there than there was: a backup of a database that has lost rows, or a repository that has lost backups. Exit
 * code 9. Whatever was left is still there.
 */
export class LossError extends Error {
  override readonly name = "LossError";
}
