import { all, between, oneOf, pattern, rule, type Rule } from "../checks";
import type { Creation, ResourceType } from "../resource";
import { ACCOUNT, arn, derived, hex, hexId, input, output, regionOf, upper } from "./names";
import { grownStorage, isStriped, parameterMethods, storageRefused, storageRule } from "./rds-rules";

const identifier = (path: string) =>
  pattern(
    path,
    /^(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)$/,
    "1 to 63 of a-z 0-9 -, a letter first, no two hyphens together, no hyphen at the end",
  );

/** Names no property: the engine would show its value. */
const password: Rule = (inputs) =>
  pattern("password", /^[^/@" \P{ASCII}]{8,128}$/u, "")(inputs) && {
    property: "",
    reason: 'password is not valid; allowed: 8 to 128 printable ASCII characters other than / @ " and space',
  };

/** What keeps data: databases and file systems. */
export const data: Record<string, ResourceType> = {
  "aws:rds/instance:Instance": {
    required: ["instanceClass"],
    replaceOn: [
      ...[
        "availabilityZone",
        "backupTarget",
        "characterSetName",
        "customIamInstanceProfile",
        "dbName",
        "engine",
      ],
      ...[
        "kmsKeyId",
        "ncharCharacterSetName",
        "s3Import",
        "snapshotIdentifier",
        "storageEncrypted",
        "timezone",
      ],
      "username",
    ],
    sets: ["enabledCloudwatchLogsExports", "vpcSecurityGroupIds", "domainDnsIps"],
    autoName: { property: "identifier", separator: "" },
    defaults: {
      applyImmediately: false,
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: false,
      dedicatedLogVolume: false,
      deleteAutomatedBackups: true,
      monitoringInterval: 0,
      performanceInsightsEnabled: false,
      publiclyAccessible: false,
      skipFinalSnapshot: false,
    },
    check: all(
      identifier("identifier"),
      pattern(
        "finalSnapshotIdentifier",
        /^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{0,254}(?<!-)$/,
        "1 to 255 of A-Z a-z 0-9 -, a letter first",
      ),
      pattern("instanceClass", /^db\.[a-z0-9]+\.[a-z0-9]+$/, "a class such as db.t4g.medium"),
      pattern("dbName", /^[a-zA-Z]\w{0,62}$/, "1 to 63 of A-Z a-z 0-9 _, a letter first"),
      pattern("username", /^[a-zA-Z]\w{0,62}$/, "1 to 63 of A-Z a-z 0-9 _, a letter first"),
      rule(
        "username",
        "a name the engine does not keep for itself",
        (name) => !/^(rdsadmin|postgres_superuser|admin)$/.test(String(name)),
      ),
      password,

      rule(
        "performanceInsightsRetentionPeriod",
        "7, 731 or a multiple of 31, in days",
        (days) => [7, 731].includes(Number(days)) || (Number(days) > 0 && Number(days) % 31 === 0),
      ),
      pattern("backupWindow", /^\d\d:\d\d-\d\d:\d\d$/, "hh24:mi-hh24:mi, in UTC"),
      pattern(
        "maintenanceWindow",
        /^[a-zA-Z]{3}:\d\d:\d\d-[a-zA-Z]{3}:\d\d:\d\d$/,
        "ddd:hh24:mi-ddd:hh24:mi, in UTC",
      ),
      oneOf("storageType", "standard", "gp2", "gp3", "io1", "io2"),
      storageRule,
    ),
    suppressed: grownStorage,
    refusesUpdate: storageRefused,
    id: output("resourceId"),
    computed: {
      address: (r) => `${r.text("identifier")}.${accountPart(r)}.${regionOf(r)}.rds.amazonaws.com`,
      allocatedStorage: 20,
      arn: arn("rds", (r) => `db:${r.text("identifier")}`),
      availabilityZone: (r) => `${regionOf(r)}a`,
      backupRetentionPeriod: 0,
      backupTarget: "region",
      backupWindow: "03:00-03:30",
      caCertIdentifier: "rds-ca-rsa2048-g1",
      characterSetName: "",
      databaseInsightsMode: "standard",
      dbName: "",
      dbSubnetGroupName: "default",
      domainFqdn: "",
      endpoint: (r) => `${output("address")(r)}:${output("port")(r)}`,
      engine: "",
      engineLifecycleSupport: "open-source-rds-extended-support",
      engineVersion: "",
      engineVersionActual: (r) => r.text("engineVersion"),
      hostedZoneId: (r) => `Z${derived(13, "rds", regionOf(r)).toUpperCase()}`,
      identifierPrefix: "",
      iops: (r) => (r.text("storageType") === "gp3" ? (isStriped(r) ? 12_000 : 3000) : 0),
      kmsKeyId: "",
      latestRestorableTime: "",
      licenseModel: "postgresql-license",
      listenerEndpoints: [],
      maintenanceWindow: "sun:04:00-sun:04:30",
      masterUserSecretKmsKeyId: "",
      masterUserSecrets: [],
      monitoringRoleArn: "",
      multiAz: false,
      ncharCharacterSetName: "",
      networkType: "IPV4",
      optionGroupName: (r) => `default:${r.text("engine")}-${r.text("engineVersion").split(".")[0]}`,
      parameterGroupName: (r) => `default.${r.text("engine")}${r.text("engineVersion").split(".")[0]}`,
      performanceInsightsKmsKeyId: "",
      performanceInsightsRetentionPeriod: 0,
      port: (r) => (/mysql|mariadb/.test(r.text("engine")) ? 3306 : 5432),
      replicaMode: "",
      replicas: [],
      resourceId: () => `db-${upper(26)}`,
      snapshotIdentifier: "",
      status: "available",
      storageThroughput: (r) => (r.text("storageType") === "gp3" ? (isStriped(r) ? 500 : 125) : 0),
      storageType: "gp2",
      timezone: "",
      upgradeRolloutOrder: "",
      username: "",
      vpcSecurityGroupIds: [],
    },
    follows: { engineVersionActual: ["engineVersion"] },
    refusesDelete: (state) => {
      const name = String(state["identifier"]);
      if (state["deletionProtection"]) {
        return `database ${name} cannot be deleted: it is protected. Set deletionProtection to false and apply that first.`;
      }
      return !state["skipFinalSnapshot"] && !state["finalSnapshotIdentifier"]
        ? `database ${name} cannot be deleted: finalSnapshotIdentifier is required when skipFinalSnapshot is false`
        : undefined;
    },
  },
  "aws:rds/subnetGroup:SubnetGroup": {
    required: ["subnetIds"],
    replaceOn: ["name", "namePrefix"],
    sets: ["subnetIds"],
    autoName: { property: "name" },
    defaults: { description: "Managed by Pulumi" },
    check: all(
      pattern(
        "name",
        /^(?!default$)[a-z0-9 ._-]{1,255}$/,
        'lower-case letters, digits, space . _ -, and not "default"',
      ),
    ),
    id: input("name"),
    computed: {
      arn: arn("rds", (r) => `subgrp:${r.text("name")}`),
      namePrefix: "",
      supportedNetworkTypes: ["IPV4"],
      vpcId: hexId("vpc"),
    },
  },
  "aws:rds/parameterGroup:ParameterGroup": {
    required: ["family"],
    replaceOn: ["description", "family", "name", "namePrefix"],
    sets: ["parameters"],
    autoName: { property: "name" },
    defaults: { description: "Managed by Pulumi", skipDestroy: false },
    check: all(
      pattern(
        "name",
        /^(?!.*--)[a-z][a-z0-9.-]{0,254}(?<!-)$/,
        "a-z 0-9 . -, a letter first, no two hyphens together, no hyphen at the end",
      ),
      parameterMethods,
    ),
    id: input("name"),
    computed: { arn: arn("rds", (r) => `pg:${r.text("name")}`), namePrefix: "" },
  },
  "aws:rds/snapshot:Snapshot": {
    required: ["dbInstanceIdentifier", "dbSnapshotIdentifier"],
    replaceOn: ["dbInstanceIdentifier", "dbSnapshotIdentifier"],
    sets: ["sharedAccounts"],
    check: all(
      pattern(
        "dbSnapshotIdentifier",
        /^(?!.*--)[a-zA-Z][a-zA-Z0-9-]{0,254}(?<!-)$/,
        "1 to 255 of A-Z a-z 0-9 -, a letter first, no two hyphens together, no hyphen at the end",
      ),
    ),
    id: input("dbSnapshotIdentifier"),
    computed: {
      allocatedStorage: 20,
      availabilityZone: (r) => `${regionOf(r)}a`,
      dbSnapshotArn: arn("rds", (r) => `snapshot:${r.text("dbSnapshotIdentifier")}`),
      encrypted: true,
      engine: "postgres",
      engineVersion: "",
      iops: 0,
      kmsKeyId: "",
      licenseModel: "postgresql-license",
      optionGroupName: "",
      port: 5432,
      snapshotType: "manual",
      sourceDbSnapshotIdentifier: "",
      sourceRegion: "",
      status: "available",
      storageType: "gp3",
      vpcId: "",
    },
  },
  "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": {
    untagged: true,
    required: ["sourceDbInstanceArn"],
    sole: { input: "sourceDbInstanceArn", overwrites: false },
    replaceOn: ["kmsKeyId", "preSignedUrl", "retentionPeriod", "sourceDbInstanceArn"],
    defaults: { retentionPeriod: 7 },
    check: all(
      between("retentionPeriod", 1, 35),
      pattern("sourceDbInstanceArn", /^arn:aws[\w-]*:rds:/, "the ARN of an RDS instance"),
    ),
    id: (r) => `arn:aws:rds:${regionOf(r)}:${ACCOUNT}:auto-backup:ab-${hex(26)}`,
    computed: { kmsKeyId: "" },
  },
  "aws:efs/fileSystem:FileSystem": {
    replaceOn: ["availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode"],
    sets: ["lifecyclePolicies"],
    autoName: { property: "creationToken" },
    defaults: { throughputMode: "bursting" },
    check: all(pattern("creationToken", /^.{0,64}$/s, "up to 64 characters")),
    id: hexId("fs"),
    computed: {
      arn: arn("elasticfilesystem", (r) => `file-system/${r.id}`),
      availabilityZoneId: "",
      availabilityZoneName: "",
      dnsName: (r) => `${r.id}.efs.${regionOf(r)}.amazonaws.com`,
      encrypted: false,
      kmsKeyId: "",
      name: "",
      numberOfMountTargets: 0,
      ownerId: ACCOUNT,
      performanceMode: "generalPurpose",
      protection: { replicationOverwrite: "ENABLED" },
      sizeInBytes: [{ value: 6144, valueInIa: 0, valueInStandard: 6144 }],
    },
  },
  "aws:efs/mountTarget:MountTarget": {
    untagged: true,
    required: ["fileSystemId", "subnetId"],
    replaceOn: ["fileSystemId", "ipAddress", "ipAddressType", "ipv6Address", "subnetId"],
    sets: ["securityGroups"],
    deleteBeforeReplace: true,
    id: hexId("fsmt"),
    computed: {
      availabilityZoneId: (r) => `${regionOf(r)}-az${(parseInt(derived(2, r.text("subnetId")), 16) % 3) + 1}`,
      availabilityZoneName: (r) =>
        regionOf(r) + ("abc"[parseInt(derived(2, r.text("subnetId")), 16) % 3] ?? "a"),
      dnsName: (r) => `${r.text("fileSystemId")}.efs.${regionOf(r)}.amazonaws.com`,
      fileSystemArn: arn("elasticfilesystem", (r) => `file-system/${r.text("fileSystemId")}`),
      ipAddress: (r) => `10.0.${parseInt(derived(2, r.id), 16)}.${parseInt(derived(4, r.id).slice(2), 16)}`,
      ipAddressType: "IPV4_ONLY",
      mountTargetDnsName: (r) =>
        `${output("availabilityZoneName")(r)}.${r.text("fileSystemId")}.efs.${regionOf(r)}.amazonaws.com`,
      networkInterfaceId: hexId("eni"),
      ownerId: ACCOUNT,
      securityGroups: [],
    },
  },
  "aws:efs/accessPoint:AccessPoint": {
    required: ["fileSystemId"],
    replaceOn: ["fileSystemId", "posixUser", "rootDirectory"],
    sets: ["posixUser.secondaryGids"],
    id: hexId("fsap"),
    computed: {
      arn: arn("elasticfilesystem", (r) => `access-point/${r.id}`),
      fileSystemArn: arn("elasticfilesystem", (r) => `file-system/${r.text("fileSystemId")}`),
      ownerId: ACCOUNT,
      rootDirectory: { path: "/" },
    },
  },
  "aws:efs/backupPolicy:BackupPolicy": {
    untagged: true,
    required: ["backupPolicy", "fileSystemId"],
    replaceOn: ["fileSystemId"],
    id: input("fileSystemId"),
  },
  "aws:efs/fileSystemPolicy:FileSystemPolicy": {
    untagged: true,
    required: ["fileSystemId", "policy"],
    replaceOn: ["fileSystemId"],
    json: ["policy"],
    defaults: { bypassPolicyLockoutSafetyCheck: false },
    id: input("fileSystemId"),
  },
};

/** The part of an endpoint that is the same for all of an account's databases in a region. */
function accountPart(r: Creation): string {
  return `c${derived(11, ACCOUNT, regionOf(r))}`;
}
