import type { LocationType } from "./locationType";

/** A Docker host in the customer's own building, which pulls the portable backups. */
export interface OnPremisesLocation {
  type: "onPremises";
  host: string;
  path: string;
}

export const onPremises: LocationType<OnPremisesLocation> = {
  describe: ({ host, path }) => `${host}:${path}`,
  retention: ({ onPremises }) => ({ portable: onPremises }),
};
