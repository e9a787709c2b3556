import { RETENTION } from "../../plans/retention";
import type { BackupVaultArgs, Copy } from "./contract";
import { copiesOnDocker } from "./docker/copies";
import { whereOf } from "./onPremises";

/** The kind of a backup on premises. */
export const PULLED = "portable, pulled by the customer's own host";

/** Every copy that the vault will keep, nearest first. */
export function copiesOf({
  tenant,
  target,
  regions,
  onPremises,
}: Pick<BackupVaultArgs, "tenant" | "target" | "regions" | "onPremises">): Copy[] {
  const kept = RETENTION[tenant.plan];
  if (target.kind === "docker") return target.copies ? copiesOnDocker(target.copies, kept) : [];
  const inRegion = (where: string): Copy[] => [
    { where, kind: "database, any moment", retentionDays: kept.pointInTime },
    { where, kind: "database and files, daily, locked", retentionDays: kept.snapshots },
  ];
  return [
    ...inRegion(target.region),
    { where: target.region, kind: "portable, daily, locked", retentionDays: kept.portable },
    ...regions.flatMap(({ region }) => inRegion(region)),
    ...onPremises
      .filter(({ retire }) => !retire)
      .map((copy) => ({ where: whereOf(copy), kind: PULLED, retentionDays: kept.onPremises })),
  ];
}
