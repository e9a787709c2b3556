import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as rds from "@pulumi/aws/rds";
import * as pulumi from "@pulumi/pulumi";
import { RandomId } from "@pulumi/random/randomId";
import { alarm } from "../../aws/alarm";
import { componentTags } from "../../aws/tags";
import { isPaid, keepsData } from "../../../plans/plans";
import { RETENTION } from "../../../plans/retention";
import { ADMINISTRATOR } from "../../jobs";
import type { ServerContext } from "./context";
import { SIZE_TERMS } from "../../../plans/sizes";
import { databaseStorage, MOST_INSTANCES, postgresParameters } from "../sizes";

/** Days that logs are kept: long enough to look into an incident that is noticed a quarter later. */
export const LOG_DAYS = 90;

/** What RDS is asked for, of every size alike. */
export const POSTGRESQL = { engine: "postgres", engineVersion: "17" } as const;
export const STORAGE_TYPE = "gp3";

/** A PostgreSQL 17 of the server's own, and the alarms about it. */
export function databaseOnAws(
  context: ServerContext,
  access: { securityGroupId: pulumi.Input<string>; administratorPassword: pulumi.Input<string> },
): rds.Instance {
  const { name, args, target, opts } = context;
  const { platform, keyArn } = target;
  const tags = componentTags(args.server);
  const size = SIZE_TERMS[args.size].database;
  const paid = isPaid(args.tenant.plan);
  const keep = keepsData(args.tenant.plan, args.retire ?? false);

  // Two servers of two tenants may spell the same name (moh-a + b, moh + a-b), and a final snapshot outlives both.
  const suffix = new RandomId(`${name}-database-suffix`, { byteLength: 4 }, opts).hex;
  const identifier = pulumi.interpolate`${name.replace(/-+/g, "-")}-${suffix}`;

  const parameters = new rds.ParameterGroup(
    `${name}-parameters`,
    {
      family: "postgres17",
      description: `PostgreSQL for DHIS2, size ${args.size}`,
      parameters: postgresParameters(args.size, MOST_INSTANCES[args.size]),
      tags,
    },
    opts,
  );
  // Made before RDS would make it, without an end and without the tenant's key.
  const logs = new cloudwatch.LogGroup(
    `${name}-database-logs`,
    {
      name: pulumi.interpolate`/aws/rds/instance/${identifier}/postgresql`,
      retentionInDays: LOG_DAYS,
      kmsKeyId: keyArn,
      tags,
    },
    opts,
  );
  const database = new rds.Instance(
    `${name}-database`,
    {
      identifier,
      ...POSTGRESQL,
      autoMinorVersionUpgrade: true,
      instanceClass: size.instanceClass,
      multiAz: size.standby,
      storageType: STORAGE_TYPE,
      ...databaseStorage(args.size, args.storageGiB),
      storageEncrypted: true,
      kmsKeyId: keyArn,

      dbSubnetGroupName: platform.network.databaseSubnetGroup,
      vpcSecurityGroupIds: [access.securityGroupId],
      publiclyAccessible: false,
      caCertIdentifier: "rds-ca-rsa2048-g1",
      parameterGroupName: parameters.name,
      username: ADMINISTRATOR,
      password: access.administratorPassword,

      backupRetentionPeriod: RETENTION[args.tenant.plan].pointInTime,
      // An hour and more away from AWS Backup's window, which RDS would otherwise turn away.
      backupWindow: "01:00-01:30",
      maintenanceWindow: "sun:02:00-sun:02:30",
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: !paid,
      deletionProtection: keep,
      skipFinalSnapshot: !paid,
      ...(paid && { finalSnapshotIdentifier: pulumi.interpolate`${identifier}-final` }),

      performanceInsightsEnabled: true,
      performanceInsightsKmsKeyId: keyArn,
      performanceInsightsRetentionPeriod: 7,
      enabledCloudwatchLogsExports: ["postgresql"],
      // Whoever runs `pulumi up` expects the change now, not in next Sunday's window.
      applyImmediately: true,
      tags: { ...tags, Name: name },
    },
    { ...opts, dependsOn: [logs], protect: keep },
  );

  databaseAlarms(context, database.identifier);
  return database;
}

function databaseAlarms(
  { name, args, target, opts }: ServerContext,
  identifier: pulumi.Output<string>,
): void {
  const size = SIZE_TERMS[args.size].database;
  const watch = {
    topicArn: target.platform.alertsTopicArn,
    tags: componentTags(args.server),
    namespace: "AWS/RDS",
    dimensions: { DBInstanceIdentifier: identifier },
    statistic: "Average",
    period: 300,
  } as const;
  alarm(
    `${name}-database-cpu`,
    {
      ...watch,
      says: `The database of ${args.server} (${args.tenant.id}) has been above 90% CPU for half an hour.`,
      section: "database-cpu",
      metric: "CPUUtilization",
      above: 90,
      periods: 6,
    },
    opts,
  );
  alarm(
    `${name}-database-storage`,
    {
      ...watch,
      says: `The database of ${args.server} (${args.tenant.id}) has less than a tenth of its first storage free.`,
      section: "database-storage",
      metric: "FreeStorageSpace",
      statistic: "Minimum",
      below: size.storageGiB * 0.1 * 2 ** 30,
      periods: 2,
    },
    opts,
  );
  alarm(
    `${name}-database-memory`,
    {
      ...watch,
      says: `The database of ${args.server} (${args.tenant.id}) is short of memory.`,
      section: "database-memory",
      metric: "FreeableMemory",
      below: size.memoryGiB * 0.05 * 2 ** 30,
      periods: 3,
    },
    opts,
  );
}
