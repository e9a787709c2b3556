import type { LocationType } from "./locationType";

/** A disk of the Docker host. */
export interface DiskLocation {
  type: "disk";
  /** A directory. @default a volume of Docker */
  path?: string | undefined;
}

export const disk: LocationType<DiskLocation> = {
  describe: ({ path }) => path ?? "a volume of the host",
  retention: ({ pointInTime, onPremises }) => ({ pointInTime, portable: onPremises }),
};
