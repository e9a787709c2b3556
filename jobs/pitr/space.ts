import { bytesText } from "../import/spool";
import type { Backup, BackupType } from "./info";

/** With less left than this not even an incremental backup is made: it would take the space of the WAL. */
const LEAST = 64 * 1024 ** 2;
/** Beside a restored cluster lies as much WAL as PostgreSQL's max_wal_size. */
const WAL = 1024 ** 3;

/** How much the next full backup takes, judged by the newest one. */
export function neededByFullBackup(backups: readonly Backup[]): number {
  return backups.find(({ type }) => type === "full")?.added ?? 0;
}

export interface Space {
  /** What is wrong, for an alarm. */
  problem?: string;
  mayBackUp: boolean;
}

/** There must be space for the next full backup at all times. One that would not fit is not begun. */
export function spaceForBackup(type: BackupType | undefined, available: number, needed: number): Space {
  if (available > needed) return { mayBackUp: true };
  return {
    problem: `${bytesText(available)} left on its disk, and the next full backup takes about ${bytesText(needed)}: free space`,
    mayBackUp: type !== "full" && available > LEAST,
  };
}

/** @returns why a backup of so many bytes cannot be restored beside the live cluster; PostgreSQL does not survive a full disk */
export function noSpaceToRestore(size: number, available: number): string | undefined {
  const needed = (size * 21) / 20 + WAL;
  if (needed <= available) return undefined;
  return `The restored cluster takes up to ${bytesText(needed)} beside the live one; their disk has ${bytesText(available)} left. Free space on the host.`;
}
