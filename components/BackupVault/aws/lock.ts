import type { Plan } from "../../../plans/plans";
import type { Platform } from "../../contract/platform";
import { isRehearsal } from "../../aws/runOnce";
import { RETENTION } from "../../../plans/retention";

/**
 * Days for which an object of the portable repository is locked beyond the retention. An export starts a new repository
 * each month: a deduplicated pack lives up to a month longer than the snapshot it was written for.
 */
export const LOCKED_LONGER = 31;

/** The name of a tenant's vault in AWS Backup, in every region. */
export function vaultName(tenant: string): string {
  return `dhistance-${tenant}`;
}

/** How a plan locks the vaults. */
export function lockOf(plan: Plan): { mode: string; days: number } {
  const { lock, snapshots } = RETENTION[plan];
  return { mode: lock, days: snapshots };
}

/**
 * Why the vaults may not be locked in another way, if they may not: once its days of grace are over, AWS lets nobody
 * change a compliance lock.
 * @param before the lock that stands
 * @param lockedSince since when a compliance lock holds for good; undefined while it does not
 */
export async function refuseNewLock(
  before: Record<string, unknown>,
  plan: Plan,
  lockedSince: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const now = lockOf(plan);
  if (before["mode"] !== "compliance" || (before["days"] === now.days && now.mode === "compliance"))
    return undefined;
  const since = await lockedSince();
  if (since === undefined) return undefined;
  return (
    `plan ${plan}: its backups are kept ${now.days} days under a ${now.mode} lock, but this tenant's vaults have a ` +
    `compliance lock of ${String(before["days"])} days (${since}), which AWS lets nobody change. Backups with a ` +
    "shorter retention would be refused. Use an enterprise entitlement: npm run entitlement -- issue --plan enterprise …"
  );
}

/** Asks AWS since when the vaults are locked for good. A rehearsal has no AWS to ask. */
export async function lockDate(
  name: string,
  regions: string[],
  { cluster }: Pick<Platform, "cluster">,
): Promise<string | undefined> {
  if (isRehearsal(cluster.arn)) return "in a rehearsal since the first update";
  // Only now: loading the AWS SDK would slow down every preview.
  const { BackupClient, DescribeBackupVaultCommand, ResourceNotFoundException } =
    await import("@aws-sdk/client-backup");
  const dates = await Promise.all(
    regions.map(async (region) => {
      try {
        const command = new DescribeBackupVaultCommand({ BackupVaultName: name });
        const { Locked, LockDate } = await new BackupClient({ region }).send(command);
        return Locked && LockDate && LockDate.getTime() <= Date.now()
          ? [`in ${region} since ${LockDate.toISOString()}`]
          : [];
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return [];
        throw error;
      }
    }),
  );
  return dates.flat()[0];
}
