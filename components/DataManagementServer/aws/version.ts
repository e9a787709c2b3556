import * as rds from "@pulumi/aws/rds";
import * as pulumi from "@pulumi/pulumi";
import { keepsData } from "../../../plans/plans";
import { remember } from "../../doOnce";
import { randomPassword } from "../../password";
import { fingerprint, NONE_IMPORTED, refuseNewEncryption } from "../encryption";
import { refuseDowngrade } from "../version";
import type { ApplicationContext } from "./context";

/** The version of DHIS2, and the key of what it encrypts, that a server's data have been given to. */
export interface Version {
  encryptionPassword: pulumi.Output<string>;
  /** The database as it was before. */
  snapshot: pulumi.Resource;
}

/** The record of the version, and the snapshot before it. */
export function versionOnAws(context: ApplicationContext): Version {
  const { name, args, opts } = context;
  // Made even where the import brings one, so that no update has it to delete.
  const ownPassword = randomPassword(`${name}-encryption-password`, 40, {
    ...opts,
    protect: keepsData(args.tenant.plan, args.retire ?? false),
  });
  const encryptionPassword = pulumi.output(args.import?.encryptionPassword ?? ownPassword);
  const history = remember(
    `${name}-history`,
    {
      because: {
        dhis2: args.dhis2,
        data: args.import?.sha256 ?? NONE_IMPORTED,
        encryption: pulumi.unsecret(encryptionPassword.apply(fingerprint)),
      },
      refuse: (was, is) =>
        refuseDowngrade(args.server, String(was["dhis2"]), String(is["dhis2"])) ??
        refuseNewEncryption(args.server, was, is, args.import?.reimport ?? false),
    },
    opts,
  );
  return { encryptionPassword, snapshot: snapshotBefore(context, history) };
}

/**
 * The database as it was before this version of DHIS2 first touched it: a change of version waits for it, and the
 * one of the version before is then deleted. Nothing else undoes a migration.
 */
function snapshotBefore(
  { name, args, opts, data, tags }: ApplicationContext,
  history: pulumi.Resource,
): rds.Snapshot {
  const { identifier } = data.database;
  const version = args.dhis2.toLowerCase().replace(/[^0-9a-z]/g, "-");
  return new rds.Snapshot(
    `${name}-before-upgrade`,
    {
      dbInstanceIdentifier: identifier,
      dbSnapshotIdentifier: pulumi.interpolate`${identifier}-before-${version}`,
      tags,
    },
    // Hundreds of gigabytes take longer than the provider's 20 minutes.
    { ...opts, dependsOn: [history], customTimeouts: { create: "4h" } },
  );
}
