import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as pulumi from "@pulumi/pulumi";
import { emptySecret, secretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { executionRole } from "../../aws/task";
import { adminPassword } from "../adminPassword";
import { databaseOnAws, LOG_DAYS } from "./database";
import { keepsData } from "../../../plans/plans";
import { randomPassword } from "../../password";
import type { AwsData, ServerContext } from "./context";
import { fileStore } from "./files";
import { securityGroups } from "./network";
import { prepareOnAws } from "./prepare";
import { jobDisks, jobTerms } from "../sizes";

/** Network, secrets, database, file store, and the preparation of the database. */
export function dataOnAws(context: ServerContext): AwsData {
  const { name, args, target, opts } = context;
  const { tenant, server } = args;
  const { keyArn } = target;
  const tags = componentTags(server);

  const groups = securityGroups(context);
  const logs = new cloudwatch.LogGroup(
    `${name}-logs`,
    { name: `/dhistance/${tenant.id}/${server}`, retentionInDays: LOG_DAYS, kmsKeyId: keyArn, tags },
    opts,
  );
  const administratorPassword = randomPassword(`${name}-administrator-password`, 40, opts);
  const rolePassword = randomPassword(`${name}-role-password`, 40, opts);
  const redisPassword =
    (args.instances ?? 1) > 1 ? randomPassword(`${name}-redis-password`, 40, opts) : undefined;
  const secret = (suffix: string, description: string, options = opts) =>
    emptySecret(`${name}-${suffix}`, { description, keyArn, tags }, options);
  const passwords = secret(
    "passwords",
    `Passwords of ${server}'s database, and of DHIS2's first administrator`,
  );
  // It has encryption.password: a final snapshot, which outlives the server, can be read with no other.
  const configuration = secret("configuration", `dhis.conf of ${server}`, { ...opts, retainOnDelete: true });
  const formerAdmin = randomPassword(`${name}-admin-password`, 24, opts);
  const passwordValues = secretValue(
    `${name}-passwords-value`,
    passwords,
    pulumi.jsonStringify({
      administrator: administratorPassword,
      role: rolePassword,
      admin: formerAdmin.apply(adminPassword),
      formerAdmin,
      ...(redisPassword && { redis: redisPassword }),
    }),
    opts,
  );
  const database = databaseOnAws(context, { securityGroupId: groups.data, administratorPassword });
  const { fileSystem, files } = fileStore(context, groups.data);

  const executionRoleArn = executionRole(
    `${name}-execution`,
    target,
    { logGroups: [logs.arn], secrets: [passwords.arn, configuration.arn], tags },
    opts,
  );

  const prepared = prepareOnAws(context, {
    host: database.address,
    passwords: passwordValues,
    executionRoleArn,
    logGroup: logs.name,
    securityGroup: groups.tasks,
    dependsOn: groups.rules,
  });

  return {
    database,
    fileSystem,
    files,
    securityGroupId: groups.tasks,
    logs,
    executionRoleArn,
    passwordsArn: passwords.arn,
    passwords: passwordValues,
    rolePassword,
    ...(redisPassword && { redisPassword }),
    configuration,
    prepared,
    jobs: { ...jobTerms(args.size), disks: jobDisks(args.size) },
    keepsData: keepsData(args.tenant.plan, args.retire ?? false),
  };
}
