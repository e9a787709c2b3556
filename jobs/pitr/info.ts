/** What pgBackRest says of one repository. */

export const BACKUP_TYPES = ["full", "diff", "incr"] as const;
export type BackupType = (typeof BACKUP_TYPES)[number];

export interface Backup {
  label: string;
  type: BackupType;
  /** When it ended, in seconds. */
  stop: number;
  /** Bytes of the cluster in it, and bytes that it added to the repository. */
  size: number;
  added: number;
  /** The first WAL segment that it needs. */
  firstSegment: string | undefined;
  /** Pages of the database did not match their checksums. pgBackRest makes the backup none the less. */
  hasDamagedPages: boolean;
}

export interface Info {
  /** pgBackRest's codes: 0 good, 2 without a backup, 99 something else; nothing if it did not get so far. */
  status: { code: number; message: string } | undefined;
  /** archive.info or backup.info cannot be read. */
  unreadable: boolean;
  /** Identifiers of the clusters that the repository is of. */
  systems: string[];
  /** Newest first. */
  backups: Backup[];
}

/** The newest backup of each type that there is. */
export function newestOfEachType(backups: readonly Backup[]): Backup[] {
  return BACKUP_TYPES.flatMap((type) => backups.find((backup) => backup.type === type) ?? []);
}
