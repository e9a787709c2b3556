import { RETENTION } from "../../plans/retention";
import { onTarget } from "../contract/context";
import type { BackupVaultArgs } from "./contract";
import { backupsAt, type Backup, type Location } from "./locations";

type Destinations = Pick<BackupVaultArgs, "tenant" | "target" | "regions" | "onPremises">;

/** Every backup that the vault will keep, nearest first. */
export function backupsOf(args: Destinations): Backup[] {
  const kept = RETENTION[args.tenant.plan];
  return locationsOf(args).flatMap((location) => backupsAt(location, kept));
}

/** Where backups go. A host that is given up keeps what it has, and gets no more. */
function locationsOf({ target, regions, onPremises }: Destinations): Location[] {
  return onTarget<Location[]>(target, {
    aws: ({ region }) => [
      { type: "region", region, home: true },
      ...regions.map(({ region }) => ({ type: "region" as const, region, home: false })),
      ...onPremises
        .filter(({ retire }) => !retire)
        .map(({ host, path }) => ({ type: "onPremises" as const, host, path })),
    ],
    docker: ({ backups }) =>
      backups
        ? [
            { type: "disk", path: backups.disk.path },
            { type: "s3", host: backups.cloud.host, bucket: backups.cloud.bucket },
          ]
        : [],
  });
}
