/**
 * What the emulator cannot do. Everything else has to be as on AWS; a new entry needs a look at the emulator's source,
 * to be sure that the fault is not ours.
 */

/**
 * Types that it has no API for, with the call that it lacks. They are simulated: nothing is proven of them beyond the
 * provider's validation and plan.
 */
export const SIMULATED: Readonly<Record<string, string>> = {
  "aws:backup/plan:Plan": "backup:UpdateBackupPlan",
  "aws:backup/selection:Selection": "backup:CreateBackupSelection",
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": "backup:CreateRestoreTestingPlan",
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": "backup:CreateRestoreTestingSelection",
  "aws:elasticache/parameterGroup:ParameterGroup": "elasticache:CreateCacheParameterGroup",
  "aws:elasticache/subnetGroup:SubnetGroup": "elasticache:DeleteCacheSubnetGroup",
  // It makes the group without its nodes, which the provider asks for.
  "aws:elasticache/replicationGroup:ReplicationGroup": "elasticache:DescribeCacheClusters of a group",
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication":
    "rds:StartDBInstanceAutomatedBackupsReplication",
  "aws:rolesanywhere/trustAnchor:TrustAnchor": "rolesanywhere:CreateTrustAnchor",
  "aws:rolesanywhere/profile:Profile": "rolesanywhere:CreateProfile",
};

/** Properties that it takes and does not give back, so that the provider sets them at every update. */
export const FORGOTTEN: Readonly<Record<string, readonly string[]>> = {
  "aws:ecs/service:Service": [
    "availabilityZoneRebalancing",
    "enableEcsManagedTags",
    "healthCheckGracePeriodSeconds",
  ],
};
