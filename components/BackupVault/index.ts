import * as pulumi from "@pulumi/pulumi";
import { RETENTION } from "../../plans/retention";
import { makeOn } from "../contract/context";
import { vaultOnAws } from "./aws";
import { backupsOf } from "./backups";
import type { BackupVaultArgs, Vault } from "./contract";
import { vaultOnDocker } from "./docker";

/**
 * Where a tenant's data are kept besides its servers: snapshots and logs in its own and in a second region, and a
 * portable repository, which needs no AWS to be restored, in the cloud and on premises. On Docker: the
 * database's WAL and backups, and a portable repository, each in two locations.
 */
export class BackupVault extends pulumi.ComponentResource implements Vault {
  readonly backups: Vault["backups"];
  readonly outlives: Vault["outlives"];
  readonly resources: Vault["resources"];

  constructor(name: string, args: BackupVaultArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, target } = args;
    const properties = {
      tenant: tenant.id,
      backups: backupsOf(args),
      retentionDays: RETENTION[tenant.plan].snapshots,
    };
    super("dhistance:index:BackupVault", name, properties, opts);
    const context = { name, args, target, opts: { parent: this } };
    const { backups, outlives, resources } = makeOn(context, { aws: vaultOnAws, docker: vaultOnDocker });
    this.backups = backups;
    this.outlives = outlives;
    this.resources = resources;
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs(properties);
  }
}
