/** Types that the emulator has no API for, with the call that it lacks. They are simulated, and nothing is proven of them beyond validation and plan. */
export const SIMULATED: Readonly<Record<string, string>> = {
  "aws:backup/selection:Selection": "backup:CreateBackupSelection",
  "aws:backup/restoreTestingPlan:RestoreTestingPlan": "backup:CreateRestoreTestingPlan",
  "aws:backup/restoreTestingSelection:RestoreTestingSelection": "backup:CreateRestoreTestingSelection",
  "aws:efs/backupPolicy:BackupPolicy": "elasticfilesystem:PutBackupPolicy",
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication":
    "rds:StartDBInstanceAutomatedBackupsReplication",
  "aws:rolesanywhere/trustAnchor:TrustAnchor": "rolesanywhere:CreateTrustAnchor",
  "aws:rolesanywhere/profile:Profile": "rolesanywhere:CreateProfile",
};
