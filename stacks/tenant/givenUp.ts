import type { Backup } from "../../components/BackupVault/locations";
import { vaultName } from "../../components/BackupVault/aws/lock";

/** A region that a tenant's backups no longer go to: its vault and its key stay there until somebody deletes them. */
export interface RegionGivenUp {
  region: string;
  vault: string;
  /** The day on which the last backup in it expires. */
  until: string;
}

/** What the last `up` exported of backups; former versions exported less. */
export interface BackupsBefore {
  backups?: readonly Partial<Backup>[];
  regionsGivenUp?: readonly RegionGivenUp[];
}

const DAY = 86_400_000;

/** The regions that were given up so far and are not used again, and those that this update gives up, by the day their backups expire. */
export function regionsGivenUp(
  tenant: string,
  before: BackupsBefore,
  regions: readonly string[],
  now: Date,
): RegionGivenUp[] {
  const left = new Map<string, number>();
  for (const { location, retentionDays = 0 } of before.backups ?? []) {
    if (location?.type !== "region" || regions.includes(location.region)) continue;
    left.set(location.region, Math.max(retentionDays, left.get(location.region) ?? 0));
  }
  return [
    ...(before.regionsGivenUp ?? []).filter(({ region }) => !regions.includes(region)),
    ...[...left].map(([region, days]) => ({
      region,
      vault: vaultName(tenant),
      until: new Date(now.getTime() + days * DAY).toISOString().slice(0, 10),
    })),
  ];
}

/** The regions that may not be used again while their former vault has backups: AWS would refuse a second of its name. */
export function refuseComingBack(
  locations: readonly object[],
  { regionsGivenUp: givenUp = [] }: BackupsBefore,
  now: Date,
): string[] {
  return locations.flatMap((location, index) => {
    const there = givenUp.find(({ region }) => "region" in location && location.region === region);
    if (!there || there.until < now.toISOString().slice(0, 10)) return [];
    const { region, vault, until } = there;
    return [
      `backups.locations[${index}].region: "${region}"; the vault ${vault} of an earlier location is still there, with ` +
        `backups until ${until}; allowed: another region, or this one after that day, once its vault is deleted ` +
        "(docs/operating/ending.md).",
    ];
  });
}

/** For the person who runs the update. */
export function givenUpNotices(all: readonly RegionGivenUp[], before: BackupsBefore): string[] {
  const known = new Set(before.regionsGivenUp?.map(({ region }) => region));
  return all
    .filter(({ region }) => !known.has(region))
    .map(
      ({ region, vault, until }) =>
        `backups.locations: ${region} is given up. Its vault ${vault} and the vault's key stay there until you delete ` +
        `them; its last backup expires on ${until} (docs/operating/ending.md).`,
    );
}
