import type { LocationType } from "./locationType";

/** A bucket on any server that speaks S3. */
export interface S3Location {
  type: "s3";
  host: string;
  bucket: string;
}

export const s3: LocationType<S3Location> = {
  describe: ({ host, bucket }) => `s3://${bucket} at ${host}`,
  // The cloud outlives the host, and keeps points in time longer.
  retention: ({ portable }) => ({ pointInTime: portable, portable }),
};
