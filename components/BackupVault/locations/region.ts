import type { LocationType } from "./locationType";

/** A region of AWS. */
export interface RegionLocation {
  type: "region";
  region: string;
  /** Whether it is the servers' own, which has the portable repository. */
  home: boolean;
}

export const region: LocationType<RegionLocation> = {
  describe: ({ region }) => region,
  retention: ({ pointInTime, snapshots, portable }, { home }) => ({
    pointInTime,
    snapshot: snapshots,
    ...(home && { portable }),
  }),
};
