import type { PolicyResource, StackValidationPolicy } from "@pulumi/policy";
import { RETENTION, type Retention } from "../../plans/retention";
import { whenEntitled } from "../quota/stack";
import { propertyOf } from "../quota/servers";

export const backupsWithinPlan: StackValidationPolicy = {
  name: "backups-within-plan",
  description: "Backups on AWS are kept as long, and locked as firmly, as the tenant's plan promises.",
  validateStack: whenEntitled(({ plan }, resources) =>
    resources.flatMap((resource) =>
      tooShort(resource, RETENTION[plan]).map((why) => `${why} Plan: ${plan}.`),
    ),
  ),
};

/** What an unknown value will be is judged in the update. */
function tooShort(resource: PolicyResource, { pointInTime, snapshots, portable, lock }: Retention): string[] {
  const { type, name } = resource;
  const less = (property: string, least: number) => {
    const { value, unknown } = propertyOf(resource, property);
    return !unknown && Number(value ?? 0) < least
      ? [`"${name}" has ${property} ${String(value ?? "unset")}; allowed: ${least} days or more.`]
      : [];
  };
  switch (type) {
    case "aws:rds/instance:Instance":
    case "aws:rds/cluster:Cluster":
      return less("backupRetentionPeriod", pointInTime);
    case "aws:backup/vaultLockConfiguration:VaultLockConfiguration":
      return [
        ...less("minRetentionDays", snapshots),
        ...(lock === "compliance" && propertyOf(resource, "changeableForDays").value === undefined
          ? [`the lock "${name}" can be taken away; allowed: a compliance lock. Set changeableForDays.`]
          : []),
      ];
    case "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration":
      return objectLock(resource, portable, lock);
    default:
      return [];
  }
}

function objectLock(resource: PolicyResource, least: number, lock: Retention["lock"]): string[] {
  const { value } = propertyOf(resource, "rule");
  const { days = 0, mode } =
    (value as { defaultRetention?: { days?: number; mode?: string } } | undefined)?.defaultRetention ?? {};
  return [
    ...(days < least
      ? [`the lock "${resource.name}" is for ${days} days; allowed: ${least} days or more.`]
      : []),
    ...(lock === "compliance" && mode !== "COMPLIANCE"
      ? [`the lock "${resource.name}" has the mode ${String(mode)}; allowed: COMPLIANCE.`]
      : []),
  ];
}
