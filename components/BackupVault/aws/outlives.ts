import * as pulumi from "@pulumi/pulumi";
import { isPaid } from "../../../plans/plans";
import { RETENTION } from "../../../plans/retention";
import type { Outliving } from "../contract";
import type { Repository, VaultContext } from "./context";
import { LOCKED_LONGER, vaultName } from "./lock";

/** A vault in one region, and the key without which nobody can read it. */
export interface VaultInRegion {
  region: string;
  keyArn: pulumi.Input<string>;
}

/**
 * What `pulumi destroy` leaves, because AWS would refuse to delete it, or because nobody could read the rest without it.
 * Nothing removes the vaults, the bucket, keys and secrets when their time is over: docs/operating/ending.md.
 */
export function outlives(
  { args, target, servers }: VaultContext,
  repository: Repository,
  regions: readonly VaultInRegion[],
  repositorySecrets: pulumi.Input<string>[],
): pulumi.Output<Outliving[]> {
  const { tenant } = args;
  const kept = RETENTION[tenant.plan];
  const home = { region: target.region, key: target.keyArn };
  const paid = isPaid(tenant.plan);
  const snapshots = [{ region: target.region, keyArn: target.keyArn }, ...regions].map(
    ({ region, keyArn }) => ({
      what: "daily snapshots of databases and file stores",
      where: `AWS Backup vault ${vaultName(tenant.id)}`,
      region,
      key: keyArn,
      secrets: [],
      daysAfterDestroy: kept.snapshots,
    }),
  );
  const databases = servers.map(({ server, aws }) => ({
    what: `final snapshot of ${server}'s database`,
    where: pulumi.interpolate`RDS snapshot ${aws.database.identifier}-final`,
    ...home,
    // encryption.password is in it.
    secrets: [aws.configuration.arn],
    daysAfterDestroy: "until you delete it",
  }));
  return pulumi.output([
    ...snapshots,
    {
      what: "portable backups",
      where: pulumi.interpolate`S3 bucket ${repository.name}`,
      ...home,
      secrets: repositorySecrets,
      daysAfterDestroy: kept.portable + LOCKED_LONGER,
    },
    ...(paid ? databases : []),
  ]);
}
