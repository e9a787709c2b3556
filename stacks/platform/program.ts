import type { Region } from "@pulumi/aws";
import * as ecr from "@pulumi/aws/ecr";
import * as ecs from "@pulumi/aws/ecs";
import { getAvailabilityZones } from "@pulumi/aws/getAvailabilityZones";
import { getCallerIdentity } from "@pulumi/aws/getCallerIdentity";
import { Provider } from "@pulumi/aws/provider";
import * as route53 from "@pulumi/aws/route53";
import * as sns from "@pulumi/aws/sns";
import * as pulumi from "@pulumi/pulumi";
import { privateBucket } from "../../components/aws/bucket";
import { policyDocument } from "../../components/aws/iam";
import { encryptionKey } from "../../components/aws/key";
import { remember } from "../../components/doOnce";
import type { Platform } from "../../components/contract/platform";
import { SpecError, unknownKeys } from "../config";
import { configKeys, lastOutputs, readConfig, refuse } from "../runtime";
import { makeBalancer } from "./balancer";
import { makeNetwork } from "./network";
import { parsePlatform, type PlatformSpec } from "./spec";

/** Zones that the network spans; RDS with a standby needs two, a lost one should leave two. */
const ZONES = 3;

/** What the stack exports: what the tenants' components stand on, and the name servers its zone is delegated to. */
type Exports = Partial<{ [Key in keyof Platform]: pulumi.Input<unknown> }> & {
  nameServers: pulumi.Output<string[]>;
  /** The availability zones of the network: the next update takes the same. */
  zones?: string[];
};

/** The platform of one region. */
export async function platform(): Promise<Exports> {
  const spec = read();
  const last = (await lastOutputs()) as { accountId?: string; zones?: string[] };
  const placed = remember(
    "platform-place",
    {
      because: {
        region: spec.region,
        zone: spec.zone,
        network: spec.network,
        ...(spec.delegated && { delegated: true }),
      },
      refuse: refuseOtherPlace,
    },
    {},
  );
  const provider = new Provider(
    "aws",
    {
      region: spec.region as Region,
      defaultTags: { tags: { "dhistance:platform": pulumi.getStack(), "dhistance:managed-by": "pulumi" } },
    },
    { dependsOn: [placed] },
  );
  const opts = { provider };
  const kept = { ...opts, protect: !spec.retire };
  const [{ accountId }, zones] = await Promise.all([
    getCallerIdentity({}, opts),
    last.zones ?? availabilityZones(opts),
  ]);
  if (last.accountId !== undefined && last.accountId !== accountId)
    refuse(pulumi.getStack(), [
      `AWS account ${accountId}: these credentials are of another account than the platform; allowed: ${last.accountId}. ` +
        "Set the credentials of that account.",
    ]);

  const zone = new route53.Zone("zone", { name: spec.zone, comment: "Host names of the tenants" }, kept);
  // The certificate of the load balancer is not issued before the parent domain delegates to the zone.
  if (!spec.delegated) return { nameServers: zone.nameServers };

  const key = encryptionKey(
    "key",
    {
      description: "Alerts and images of the platform",
      alias: "dhistance/platform",
      accountId,
      region: spec.region,
      services: ["cloudwatch.amazonaws.com"],
      deletionWindowInDays: 30,
      tags: {},
    },
    kept,
  );
  const logs = logArchive(accountId, opts, !spec.retire);
  const network = makeNetwork(spec, zones, opts, !spec.retire);
  const { loadBalancer, listener, securityGroupId } = makeBalancer(
    { spec, network, zone, logBucket: logs },
    opts,
  );
  const cluster = new ecs.Cluster(
    "dhistance",
    { settings: [{ name: "containerInsights", value: "enabled" }] },
    opts,
  );
  repository(key.arn, opts);

  return {
    region: spec.region,
    accountId,
    zones,
    network: {
      vpcId: network.vpc.id,
      taskSubnetIds: network.taskSubnetIds,
      assignPublicIp: network.assignPublicIp,
      databaseSubnetGroup: network.databaseSubnetGroup,
    },
    cluster: { name: cluster.name, arn: cluster.arn },
    balancer: {
      arn: loadBalancer.arn,
      arnSuffix: loadBalancer.arnSuffix,
      dnsName: loadBalancer.dnsName,
      zoneId: loadBalancer.zoneId,
      securityGroupId,
      listenerArn: listener.arn,
    },
    zone: { id: zone.zoneId, name: spec.zone },
    images: spec.images,
    alertsTopicArn: alerts(spec, accountId, key.arn, opts),
    logBucket: logs,
    nameServers: zone.nameServers,
  };
}

/**
 * The zones of a new network. Local Zones, which an account opts in to, have neither RDS nor load balancers for it, and sort
 * before real ones.
 */
async function availabilityZones(opts: pulumi.InvokeOptions): Promise<string[]> {
  const filters = [{ name: "opt-in-status", values: ["opt-in-not-required"] }];
  const { names } = await getAvailabilityZones({ state: "available", filters }, opts);
  return names.slice(0, ZONES);
}

/** Why a platform may not go on in another place: all tenants of the region stand on it. */
export function refuseOtherPlace(
  before: Record<string, unknown>,
  now: Record<string, unknown>,
): string | undefined {
  const changed = Object.keys(before).filter((key) => before[key] !== now[key]);
  if (changed.length === 0) return undefined;
  const lines = changed.map(
    (key) => `${key}: ${JSON.stringify(now[key] ?? false)}; this platform has ${JSON.stringify(before[key])}`,
  );
  return (
    `${lines.join("; ")}. A change would replace what all tenants of the region stand on. Put it back, or make another ` +
    "platform stack and move the tenants to it (docs/operating/platform.md)."
  );
}

function read(): PlatformSpec {
  try {
    const problems = unknownKeys(configKeys(), ["dhistance-platform:platform"]);
    if (problems.length > 0) throw new SpecError(problems);
    return parsePlatform(readConfig("dhistance-platform:platform"));
  } catch (error) {
    if (error instanceof SpecError) refuse(pulumi.getStack(), error.problems);
    throw error;
  }
}

/** Takes the access logs of the load balancer and of the other buckets, for a bit more than a year. */
function logArchive(
  accountId: string,
  opts: pulumi.CustomResourceOptions,
  protect: boolean,
): pulumi.Output<string> {
  const fromHere = { StringEquals: { "aws:SourceAccount": accountId } };
  return privateBucket(
    "dhistance-logs",
    {
      expireAfterDays: 400,
      protect,
      statements: (arn) => [
        {
          sid: "BucketLogs",
          principal: { Service: "logging.s3.amazonaws.com" },
          actions: ["s3:PutObject"],
          resources: [pulumi.interpolate`${arn}/s3/*`],
          conditions: fromHere,
        },
        {
          sid: "BalancerLogs",
          principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
          actions: ["s3:PutObject"],
          resources: [pulumi.interpolate`${arn}/balancer/AWSLogs/${accountId}/*`],
        },
      ],
      tags: {},
    },
    opts,
  ).name;
}

/** What wakes people, and whom. */
function alerts(
  spec: PlatformSpec,
  accountId: string,
  keyArn: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const topic = new sns.Topic("dhistance-alerts", { displayName: "DHIStance", kmsMasterKeyId: keyArn }, opts);
  new sns.TopicPolicy(
    "alerts-policy",
    {
      arn: topic.arn,
      policy: policyDocument([
        {
          sid: "Alarms",
          principal: { Service: "cloudwatch.amazonaws.com" },
          actions: ["sns:Publish"],
          resources: [topic.arn],
          conditions: { StringEquals: { "aws:SourceAccount": accountId } },
        },
      ]),
    },
    opts,
  );
  spec.alerts.forEach(
    (endpoint, index) =>
      new sns.TopicSubscription(`alerts-${index}`, { topic: topic.arn, protocol: "email", endpoint }, opts),
  );
  return topic.arn;
}

/** The registry of the jobs image: a tag, once pushed, never means another image. */
function repository(keyArn: pulumi.Output<string>, opts: pulumi.CustomResourceOptions): void {
  const jobs = new ecr.Repository(
    "jobs-image",
    {
      name: "dhistance/jobs",
      imageTagMutability: "IMMUTABLE",
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: keyArn }],
    },
    opts,
  );
  new ecr.LifecyclePolicy(
    "jobs-image-lifecycle",
    {
      repository: jobs.name,
      policy: JSON.stringify({
        rules: [
          {
            rulePriority: 1,
            description: "The last 30 versions",
            selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 30 },
            action: { type: "expire" },
          },
        ],
      }),
    },
    opts,
  );
}
