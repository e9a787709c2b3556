import type { Retention } from "../../../plans/retention";

/**
 * What can be restored from a backup: the database as it was at any point in time; the database and the files as they were
 * once a day, on the same cloud; the same anywhere, without that cloud.
 */
export type BackupKind = "pointInTime" | "snapshot" | "portable";

/** What is the same of all locations of one type. */
export interface LocationType<Location> {
  /** Names a location, for people. */
  describe: (location: Location) => string;
  /** Days for which each kind of backup is kept there. A kind without a number is not made there. */
  retention: (kept: Retention, location: Location) => Partial<Record<BackupKind, number>>;
}
