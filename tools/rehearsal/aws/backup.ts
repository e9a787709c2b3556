import { all, between, pattern } from "../checks";
import type { ResourceType } from "../resource";
import { arn, derived, input, regionOf, upper, uuid } from "./names";

const vaultName = (path: string) => pattern(path, /^[\w-]{2,50}$/, "2 to 50 of A-Z a-z 0-9 _ -");

/** AWS Backup. */
export const backup: Record<string, ResourceType> = {
  "aws:backup/vault:Vault": {
    replaceOn: ["kmsKeyArn", "name"],
    autoName: { property: "name" },
    defaults: { forceDestroy: false },
    check: all(vaultName("name")),
    id: input("name"),
    computed: {
      arn: arn("backup", (r) => `backup-vault:${r.text("name")}`),
      kmsKeyArn: arn("kms", (r) => `key/${derived(8, regionOf(r))}-aws-backup`),
      recoveryPoints: 0,
    },
    // A night has passed, and a locked vault gives up none of its recovery points before their time.
    refusesDelete: ({ name }) =>
      `vault ${String(name)} cannot be deleted: it holds recovery points. Leave it (retainOnDelete).`,
  },
  "aws:backup/vaultLockConfiguration:VaultLockConfiguration": {
    untagged: true,
    required: ["backupVaultName"],
    sole: { input: "backupVaultName", overwrites: true },
    replaceOn: ["backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"],
    check: all(
      vaultName("backupVaultName"),

      between("minRetentionDays", 1, 36_500),
      between("maxRetentionDays", 1, 36_500),
    ),
    id: input("backupVaultName"),
    computed: { backupVaultArn: arn("backup", (r) => `backup-vault:${r.text("backupVaultName")}`) },
  },
  "aws:backup/vaultPolicy:VaultPolicy": {
    untagged: true,
    required: ["backupVaultName", "policy"],
    replaceOn: ["backupVaultName"],
    json: ["policy"],
    id: input("backupVaultName"),
    computed: { backupVaultArn: arn("backup", (r) => `backup-vault:${r.text("backupVaultName")}`) },
  },
  "aws:backup/vaultNotifications:VaultNotifications": {
    untagged: true,
    required: ["backupVaultEvents", "backupVaultName", "snsTopicArn"],
    sole: { input: "backupVaultName", overwrites: true },
    replaceOn: ["backupVaultEvents", "backupVaultName", "snsTopicArn"],
    sets: ["backupVaultEvents"],
    id: input("backupVaultName"),
    computed: { backupVaultArn: arn("backup", (r) => `backup-vault:${r.text("backupVaultName")}`) },
  },
  "aws:backup/plan:Plan": {
    required: ["rules"],
    replaceOn: ["name"],
    sets: ["advancedBackupSettings", "rules", "rules.copyActions"],
    autoName: { property: "name" },
    check: all(pattern("name", /^[\w.-]{1,50}$/, "1 to 50 of A-Z a-z 0-9 _ . -")),
    id: uuid,
    computed: { arn: arn("backup", (r) => `backup-plan:${r.id}`), version: () => upper(48) },
    follows: { version: ["rules", "advancedBackupSettings"] },
  },
  "aws:backup/selection:Selection": {
    untagged: true,
    required: ["iamRoleArn", "planId"],
    replaceOn: ["conditions", "iamRoleArn", "name", "notResources", "planId", "resources", "selectionTags"],
    sets: ["conditions", "notResources", "resources", "selectionTags"],
    autoName: { property: "name" },
    check: all(pattern("name", /^[\w.-]{1,50}$/, "1 to 50 of A-Z a-z 0-9 _ . -")),
    id: uuid,
    computed: { conditions: [], notResources: [] },
  },
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": {
    required: ["recoveryPointSelection", "scheduleExpression"],
    replaceOn: ["name"],
    sets: [
      "recoveryPointSelection.includeVaults",
      "recoveryPointSelection.excludeVaults",
      "recoveryPointSelection.recoveryPointTypes",
    ],
    autoName: { property: "name", separator: "_" },
    check: all(pattern("name", /^\w{1,50}$/, "1 to 50 of A-Z a-z 0-9 _")),
    id: input("name"),
    computed: {
      arn: arn("backup", (r) => `restore-testing-plan:${r.text("name")}`),
      scheduleExpressionTimezone: "Etc/UTC",
      startWindowHours: 24,
    },
  },
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": {
    untagged: true,
    required: ["iamRoleArn", "protectedResourceType", "restoreTestingPlanName"],
    replaceOn: ["name", "protectedResourceType", "restoreTestingPlanName"],
    sets: ["protectedResourceArns"],
    autoName: { property: "name" },
    check: all(
      pattern("name", /^\w{1,50}$/, "1 to 50 of A-Z a-z 0-9 _"),
      pattern("iamRoleArn", /^arn:aws[\w-]*:iam::\d{12}:role\//, "the ARN of a role"),
    ),
    id: (r) => `${r.text("name")}:${r.text("restoreTestingPlanName")}`,
    computed: { protectedResourceArns: [], restoreMetadataOverrides: {}, validationWindowHours: 0 },
  },
};
