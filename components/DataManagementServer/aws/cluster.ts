import * as ec2 from "@pulumi/aws/ec2";
import * as elasticache from "@pulumi/aws/elasticache";
import * as vpc from "@pulumi/aws/vpc";
import { alarm } from "../../aws/alarm";
import { shortName } from "../../aws/shortName";
import { componentTags } from "../../aws/tags";
import type { AwsData, ServerContext } from "./context";
import type { Redis } from "../dhisConf";

const PORT = 6379;

/**
 * What the instances of one DHIS2 share besides database and files, as DHIS2's documentation asks of a cluster
 * (sysadmin installation, "Web server cluster configuration"): a Redis for sessions, cache invalidation and the choice
 * of the one that runs the jobs. It holds nothing that has to outlive it, so it is not backed up.
 * @returns nothing where there is one instance, which keeps its sessions in memory
 */
export function redisOnAws(
  { name, args, target, opts }: ServerContext,
  { securityGroupId: tasks, redisPassword: password }: AwsData,
): Redis | undefined {
  if (!password) return undefined;
  const { server, tenant } = args;
  const { platform, keyArn } = target;
  const tags = componentTags(server);
  const group = new ec2.SecurityGroup(
    `${name}-redis`,
    {
      vpcId: platform.network.vpcId,
      description: "Redis of the cluster",
      revokeRulesOnDelete: true,
      tags: { ...tags, Name: `${name}-redis` },
    },
    opts,
  );
  const rule = { ipProtocol: "tcp", fromPort: PORT, toPort: PORT, tags };
  const rules = [
    new vpc.SecurityGroupEgressRule(
      `${name}-tasks-redis`,
      { ...rule, securityGroupId: tasks, referencedSecurityGroupId: group.id, description: "To Redis" },
      opts,
    ),
    new vpc.SecurityGroupIngressRule(
      `${name}-redis-tasks`,
      { ...rule, securityGroupId: group.id, referencedSecurityGroupId: tasks, description: "From tasks" },
      opts,
    ),
  ];
  // One name for all three; AWS allows 40 characters.
  const id = shortName(tenant.id, server);
  const subnets = new elasticache.SubnetGroup(
    `${name}-redis`,
    { name: id, description: name, subnetIds: platform.network.taskSubnetIds, tags },
    opts,
  );
  const parameters = new elasticache.ParameterGroup(
    `${name}-redis`,
    {
      name: id,
      family: "redis7",
      description: `Redis for DHIS2: ${name}`,
      // Sessions end, and caches are emptied, by these events.
      parameters: [{ name: "notify-keyspace-events", value: "Egx" }],
      tags,
    },
    opts,
  );
  const redis = new elasticache.ReplicationGroup(
    `${name}-redis`,
    {
      replicationGroupId: id,
      description: `Sessions of ${name}`,
      engine: "redis",
      engineVersion: "7.1",
      nodeType: "cache.t4g.small",
      // One fails over to the other; with one alone every user would be logged out.
      numCacheClusters: 2,
      automaticFailoverEnabled: true,
      multiAzEnabled: true,
      port: PORT,
      parameterGroupName: parameters.name,
      subnetGroupName: subnets.name,
      securityGroupIds: [group.id],
      atRestEncryptionEnabled: true,
      kmsKeyId: keyArn,
      transitEncryptionEnabled: true,
      authToken: password,
      maintenanceWindow: "sun:03:00-sun:04:00",
      applyImmediately: true,
      tags: { ...tags, Name: name },
    },
    { ...opts, dependsOn: rules },
  );
  alarm(
    `${name}-redis-memory`,
    {
      topicArn: platform.alertsTopicArn,
      tags,
      says: `Redis of ${server} (${tenant.id}) has used more than 80% of its memory for a quarter of an hour.`,
      section: "redis-memory",
      namespace: "AWS/ElastiCache",
      metric: "DatabaseMemoryUsagePercentage",
      dimensions: { ReplicationGroupId: redis.replicationGroupId },
      statistic: "Maximum",
      above: 80,
      period: 300,
      periods: 3,
    },
    opts,
  );
  return { host: redis.primaryEndpointAddress, port: PORT, password };
}
