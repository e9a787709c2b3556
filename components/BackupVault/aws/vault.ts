import * as backup from "@pulumi/aws/backup";
import * as ec2 from "@pulumi/aws/ec2";
import * as iam from "@pulumi/aws/iam";
import * as rds from "@pulumi/aws/rds";
import * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import { privateBucket } from "../../aws/bucket";
import { policyDocument } from "../../aws/iam";
import { encryptionKey } from "../../aws/key";
import { componentTags } from "../../aws/tags";
import type { TenantIdentity } from "../../contract/target";
import type { BackupRegion } from "../contract";
import type { Repository, VaultContext } from "./context";
import { LOCKED_LONGER, vaultName } from "./lock";
import type { VaultInRegion } from "./outlives";
import { RETENTION } from "../../../plans/retention";

/**
 * AWS's own tier, in two regions: snapshots of databases and file stores, locked, and tests of their restore.
 * @returns the vaults in other regions
 */
export function snapshotsOnAws(vault: VaultContext): VaultInRegion[] {
  const { name, args, target, opts, servers } = vault;
  const { tenant } = args;
  const kept = RETENTION[tenant.plan];

  const home = lockedVault(`${name}-home`, { tenant, keyArn: target.keyArn }, opts);
  const abroad = args.regions.map((copy) => secondRegion(vault, copy));
  const role = backupRole(name, target.platform.accountId, opts);

  const plan = new backup.Plan(
    `${name}-plan`,
    {
      name: `dhistance-${tenant.id}`,
      rules: [
        {
          ruleName: "daily",
          targetVaultName: home.name,
          schedule: "cron(0 5 * * ? *)",
          startWindow: 60,
          completionWindow: 720,
          lifecycle: { deleteAfter: kept.snapshots },
          copyActions: abroad.map(({ vaultArn }) => ({
            destinationVaultArn: vaultArn,
            lifecycle: { deleteAfter: kept.snapshots },
          })),
        },
      ],
      tags: componentTags(),
    },
    opts,
  );
  new backup.Selection(
    `${name}-selection`,
    {
      name: `dhistance-${tenant.id}`,
      planId: plan.id,
      iamRoleArn: role,
      resources: servers.flatMap(({ aws }) => [aws.database.arn, aws.fileSystem.arn]),
    },
    opts,
  );
  restoreTests(vault, home.arn, role);
  watch(vault, home.name);
  return abroad;
}

/** The bucket of the portable repositories. */
export function portableRepository({ name, args, target, opts, keepsBackups }: VaultContext): Repository {
  const kept = RETENTION[args.tenant.plan];
  // What is locked in it cannot be deleted, so that it and its settings outlive the stack.
  return privateBucket(
    `${name}-repository`,
    {
      keyArn: target.keyArn,
      lock: {
        mode: kept.lock === "compliance" ? "COMPLIANCE" : "GOVERNANCE",
        days: kept.portable + LOCKED_LONGER,
      },
      logBucket: target.platform.logBucket,
      protect: keepsBackups,
      tags: componentTags(),
    },
    { ...opts, retainOnDelete: true },
  );
}

/** A vault whose recovery points cannot be deleted before their time. */
function lockedVault(
  name: string,
  { tenant, keyArn }: { tenant: TenantIdentity; keyArn: pulumi.Input<string> },
  opts: pulumi.CustomResourceOptions,
): { name: pulumi.Output<string>; arn: pulumi.Output<string> } {
  const kept = RETENTION[tenant.plan];
  const vault = new backup.Vault(
    name,
    { name: vaultName(tenant.id), kmsKeyArn: keyArn, tags: componentTags() },
    // AWS deletes no vault that holds recovery points.
    { ...opts, retainOnDelete: true },
  );
  const lock = new backup.VaultLockConfiguration(
    `${name}-lock`,
    {
      backupVaultName: vault.name,
      minRetentionDays: kept.snapshots,
      maxRetentionDays: Math.max(kept.snapshots, 365),
      // Without this the lock is governance: an administrator can still take it off.
      ...(kept.lock === "compliance" && { changeableForDays: kept.lockGraceDays }),
    },
    // It is a setting of the vault, which the provider can only write again: a lock that is deleted after the new one
    // was written takes that one off. So none is deleted: writing replaces it, and it goes with its vault. Of a state
    // without that mark the old lock is at least deleted first.
    { ...opts, retainOnDelete: true, deleteBeforeReplace: true },
  );
  const ready = pulumi.all([vault.name, vault.arn, lock.id]);
  return { name: ready.apply(([vaultName]) => vaultName), arn: ready.apply(([, arn]) => arn) };
}

/** A vault and the database's logs in another region, under a key that lives only there. */
function secondRegion(
  { name, args, target, opts, servers }: VaultContext,
  { region, provider }: BackupRegion,
): VaultInRegion & { vaultArn: pulumi.Output<string> } {
  const { tenant } = args;
  const there = { ...opts, provider };
  const key = encryptionKey(
    `${name}-${region}-key`,
    {
      description: `Copies of tenant ${tenant.id} in ${region}`,
      alias: `dhistance/${tenant.id}/copies`,
      accountId: target.platform.accountId,
      region,
      deletionWindowInDays: 30,
      tags: componentTags(),
    },
    { ...there, retainOnDelete: true },
  );
  const vault = lockedVault(`${name}-${region}`, { tenant, keyArn: key.arn }, there);
  for (const { server, aws } of servers) {
    new rds.InstanceAutomatedBackupsReplication(
      `${name}-${region}-${server}`,
      {
        sourceDbInstanceArn: aws.database.arn,
        kmsKeyId: key.arn,
        retentionPeriod: RETENTION[tenant.plan].pointInTime,
      },
      // A database is replicated to a region once: a second replication is refused, or ended with the first.
      { ...there, deleteBeforeReplace: true },
    );
  }
  return { region, keyArn: key.arn, vaultArn: vault.arn };
}

/**
 * What AWS Backup may do, as AWS itself words it and keeps up to date with its services. It outlives the stack: without
 * it AWS Backup would not delete recovery points when their time is over, and bill them on.
 */
function backupRole(
  name: string,
  accountId: string,
  options: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const opts = { ...options, retainOnDelete: true };
  const role = new iam.Role(
    `${name}-backup`,
    {
      assumeRolePolicy: policyDocument([
        {
          principal: { Service: "backup.amazonaws.com" },
          actions: ["sts:AssumeRole"],
          conditions: { StringEquals: { "aws:SourceAccount": accountId } },
        },
      ]),
      tags: componentTags(),
    },
    opts,
  );
  const attached = ["Backup", "Restores"].map(
    (what) =>
      new iam.RolePolicyAttachment(
        `${name}-backup-${what.toLowerCase()}`,
        {
          role: role.name,
          policyArn: `arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor${what}`,
        },
        opts,
      ),
  );
  return pulumi.all([role.arn, ...attached.map(({ id }) => id)]).apply(([arn]) => arn as string);
}

/**
 * Every week AWS Backup restores the newest snapshot of each kind, and deletes what it restored. Databases are restored
 * into our network, where nothing reaches them: AWS Backup itself would take the account's default VPC, and would fail
 * where there is none (docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html).
 */
function restoreTests(
  { name, args, target, opts, servers }: VaultContext,
  vaultArn: pulumi.Output<string>,
  role: pulumi.Output<string>,
): void {
  const { tenant } = args;
  // Letters, digits and _ alone, both here and below.
  const safe = (text: string) => text.replace(/-/g, "_");
  const plan = new backup.RestoreTestingPlan(
    `${name}-restore-test`,
    {
      name: `dhistance_${safe(tenant.id)}`,
      scheduleExpression: "cron(0 10 ? * SUN *)",
      startWindowHours: 8,
      recoveryPointSelection: {
        algorithm: "LATEST_WITHIN_WINDOW",
        includeVaults: [vaultArn],
        recoveryPointTypes: ["SNAPSHOT"],
        selectionWindowDays: 7,
      },
      tags: componentTags(),
    },
    opts,
  );
  const { vpcId, databaseSubnetGroup } = target.platform.network;
  const closed = new ec2.SecurityGroup(
    `${name}-restore-test`,
    {
      vpcId,
      description: "Restored databases: nothing in, nothing out",
      revokeRulesOnDelete: true,
      tags: { ...componentTags(), Name: `${name}-restore-test` },
    },
    opts,
  );
  const selections = {
    RDS: {
      protectedResourceArns: servers.map(({ aws }) => aws.database.arn),
      restoreMetadataOverrides: {
        dbSubnetGroupName: databaseSubnetGroup,
        vpcSecurityGroupIds: pulumi.jsonStringify([closed.id]),
      },
    },
    EFS: { protectedResourceArns: servers.map(({ aws }) => aws.fileSystem.arn) },
  };
  for (const [type, selection] of Object.entries(selections)) {
    new backup.RestoreTestingSelection(
      `${name}-restore-test-${type.toLowerCase()}`,
      {
        name: `${safe(tenant.id)}_${type.toLowerCase()}`,
        restoreTestingPlanName: plan.name,
        protectedResourceType: type,
        ...selection,
        iamRoleArn: role,
        validationWindowHours: 4,
      },
      opts,
    );
  }
}

/** A failure, and the silence that follows when nothing runs at all. */
function watch({ name, args, target, opts }: VaultContext, vaultName: pulumi.Output<string>): void {
  const { tenant } = args;
  const metrics = {
    topicArn: target.platform.alertsTopicArn,
    tags: componentTags(),
    namespace: "AWS/Backup",
    dimensions: { BackupVaultName: vaultName },
    statistic: "Sum",
    period: 86_400,
    periods: 1,
  } as const;
  alarm(
    `${name}-no-backup`,
    {
      ...metrics,
      says: `No backup of tenant ${tenant.id} was completed for a day.`,
      section: "no-backup",
      metric: "NumberOfBackupJobsCompleted",
      below: 1,
      silence: "breaching",
    },
    opts,
  );
  for (const [metric, what] of [
    ["NumberOfBackupJobsFailed", "backup"],
    ["NumberOfCopyJobsFailed", "copy"],
    ["NumberOfRestoreJobsFailed", "restore"],
  ] as const) {
    alarm(
      `${name}-${what}-failed`,
      {
        ...metrics,
        says: `A ${what} job of tenant ${tenant.id} failed.`,
        section: `${what}-failed`,
        metric,
        above: 0,
        silence: "notBreaching",
      },
      opts,
    );
  }
}
