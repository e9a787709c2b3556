import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import { backupsOf } from "../backups";
import type { BackupVaultArgs, Vault } from "../contract";
import { onPremisesAgents } from "./agent";
import { vaultContext } from "./context";
import { exportOnAws } from "./export";
import { outlives } from "./outlives";
import { portableRepository, snapshotsOnAws } from "./vault";

/**
 * AWS's own tier, in two regions; the portable repository in S3 with its daily export; and the customer's own hosts, which
 * pull from it.
 */
export function vaultOnAws(context: Context<BackupVaultArgs, AwsTarget>): Vault {
  const vault = vaultContext(context);
  const regions = snapshotsOnAws(vault);
  const repository = portableRepository(vault);
  const keys = exportOnAws(vault, repository);
  const accepted = onPremisesAgents(vault, repository, keys);
  return {
    backups: accepted.urn.apply(() => backupsOf(context.args)),
    outlives: outlives(vault, repository, regions, keys.secretArns),
    resources: { kind: "aws" },
  };
}
