import { CLOCK_SECONDS } from "../../plans/thresholds";
import type { Backup, BackupType } from "./info";

/** Hours after which a backup of each type is due. */
export type Schedule = Record<BackupType, number>;

/** Rounds are an hour apart: a backup that falls due before the next round is due now. Hours. */
const EARLY = 0.5;

/** A backup of a larger type counts as one of a smaller type, too. */
const COUNTS: [BackupType, BackupType[]][] = [
  ["full", ["full"]],
  ["diff", ["full", "diff"]],
  ["incr", ["full", "diff", "incr"]],
];

/** @param now in seconds. @returns the largest type that is due */
export function dueBackup(
  backups: readonly Backup[],
  schedule: Schedule,
  now: number,
): BackupType | undefined {
  return COUNTS.find(([type, counting]) => {
    // One of the future, made while the clock was ahead, would put the next one off until then.
    const stops = backups
      .filter((backup) => counting.includes(backup.type) && backup.stop <= now + CLOCK_SECONDS)
      .map(({ stop }) => stop);
    return (now - Math.max(0, ...stops)) / 3600 + EARLY >= schedule[type];
  })?.[0];
}
