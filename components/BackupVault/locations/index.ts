import type { Retention } from "../../../plans/retention";
import { disk } from "./disk";
import type { BackupKind, LocationType } from "./locationType";
import { onPremises } from "./onPremises";
import { region } from "./region";
import { s3 } from "./s3";

/** Every type of location. A new one is a file beside this, and a line here. */
const TYPES = { region, onPremises, disk, s3 };

export type Location = Parameters<(typeof TYPES)[keyof typeof TYPES]["describe"]>[0];

/** One kind of backup in one location. */
export interface Backup {
  kind: BackupKind;
  location: Location;
  /** The location, for people. */
  where: string;
  retentionDays: number;
}

/** The backups that are kept in a location, by a plan's retention. */
export function backupsAt(location: Location, kept: Retention): Backup[] {
  // The compiler does not see that it is the type of this very location.
  const { describe, retention } = TYPES[location.type] as LocationType<Location>;
  const where = describe(location);
  return Object.entries(retention(kept, location)).map(([kind, retentionDays]) => ({
    kind: kind as BackupKind,
    location,
    where,
    retentionDays,
  }));
}
