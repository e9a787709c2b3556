import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import { backupsOf } from "../backups";
import type { BackupVaultArgs, Vault } from "../contract";
import { onPremisesAgents } from "./agent";
import { vaultContext } from "./context";
import { exportOnAws } from "./export";
import { portableRepository, snapshotsOnAws } from "./vault";

/**
 * AWS's own tier, in two regions; the portable repository in S3 with its daily export; and the customer's own hosts, which
 * pull from it.
 */
export function vaultOnAws(context: Context<BackupVaultArgs, AwsTarget>): Vault {
  const vault = vaultContext(context);
  snapshotsOnAws(vault);
  const repository = portableRepository(vault);
  const keys = exportOnAws(vault, repository);
  const accepted = onPremisesAgents(vault, repository, keys);
  return { backups: accepted.urn.apply(() => backupsOf(context.args)), resources: { kind: "aws" } };
}
