import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { platformSchema } from "../../components/contract/platform";
import { ofType, one, registered, valueOf, type Registration } from "../../components/testing/mocks";
import { platform, refuseOtherPlace } from "./program";
import type { NAT } from "./spec";

async function make(change: { nat?: (typeof NAT)[number]; retire?: boolean } = {}) {
  let outputs: unknown;
  const made = await registered(async () => {
    pulumi.runtime.setAllConfig({
      "dhistance-platform:platform": JSON.stringify({
        region: "eu-west-1",
        zone: "moh.example.org",
        alerts: ["ops@example.org", "noc@example.org"],
        images: { jobs: "r.example.org/jobs:1.0.0", agent: "r.example.org/jobs:1.0.0" },
        ...change,
      }),
    });
    outputs = await valueOf(pulumi.output(await platform()));
  });
  return { made, outputs };
}

const KEY = "arn:aws:kms:eu-west-1:111122223333:key";

interface FirewallRule {
  overrideAction: unknown;
  statement: { managedRuleGroupStatement: { ruleActionOverrides: { name: string; actionToUse: object }[] } };
}

describe("a platform", () => {
  let made: Registration[];
  let outputs: unknown;
  beforeAll(async () => {
    ({ made, outputs } = await make());
  });

  it("guards what all tenants stand on, against destroy and against slips in AWS's console", () => {
    const guarded = made
      .filter(({ protect }) => protect)
      .map(({ type, name }) => `${type.split(":")[2]} ${name}`);
    expect(guarded).toEqual(
      expect.arrayContaining([
        "Key key",
        "Zone zone",
        "Bucket dhistance-logs",
        "Vpc network",
        "Subnet network-database-2",
        "SubnetGroup network-databases",
        "LoadBalancer dhistance-balancer",
      ]),
    );
    const { inputs } = one(made, "aws:lb/loadBalancer:LoadBalancer", "dhistance-balancer");
    expect(inputs.enableDeletionProtection).toBe(true);
  });

  it("exports what the components stand on", () => {
    expect(platformSchema.safeParse(outputs).error?.issues).toBeUndefined();
    expect(outputs).toMatchObject({ region: "eu-west-1", zone: { id: "Z-zone", name: "moh.example.org" } });
  });

  it("makes everything in its region, through its own provider", () => {
    const others = made.filter(
      ({ custom, provider, type }) => custom && type.startsWith("aws:") && provider !== "aws",
    );
    expect(others).toEqual([]);
  });

  it("speaks TLS 1.2 and 1.3 with post-quantum key exchange, and sends plain HTTP there", () => {
    expect(one(made, "aws:lb/listener:Listener", "balancer-https").inputs).toMatchObject({
      port: 443,
      protocol: "HTTPS",
      sslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
      certificateArn: expect.stringContaining("certificate"),
      routingHttpResponseStrictTransportSecurityHeaderValue: "max-age=63072000; includeSubDomains",
      routingHttpResponseXContentTypeOptionsHeaderValue: "nosniff",
      routingHttpResponseXFrameOptionsHeaderValue: "SAMEORIGIN",
      routingHttpResponseServerEnabled: false,
    });
    expect(one(made, "aws:lb/listener:Listener", "balancer-http").inputs.defaultActions).toEqual([
      { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
    ]);
  });

  it("lets in the web on two ports, and the load balancer out to applications alone", () => {
    const ingress = ofType(made, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect([...new Set(ingress.map(({ inputs }) => inputs.fromPort))].sort()).toEqual([443, 80]);
    const egress = ofType(made, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule");
    expect(egress.map(({ inputs }) => [inputs.cidrIpv4, inputs.fromPort, inputs.toPort])).toEqual([
      ["10.20.0.0/16", 8080, 8080],
    ]);
    const [unused] = ofType(made, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup");
    expect(unused?.inputs.ingress ?? []).toEqual([]);
  });

  it("has a firewall that counts what would block DHIS2, and blocks the rest", () => {
    const rules = one(made, "aws:wafv2/webAcl:WebAcl", "balancer-firewall").inputs.rules as FirewallRule[];
    const counted = rules.flatMap(({ statement }) => statement.managedRuleGroupStatement.ruleActionOverrides);
    expect(counted.map(({ actionToUse }) => actionToUse)).toEqual(counted.map(() => ({ count: {} })));
    expect(counted.map(({ name }) => name)).toContain("GenericLFI_BODY");
    expect(rules.map(({ overrideAction }) => overrideAction)).toEqual(rules.map(() => ({ none: {} })));
    expect(ofType(made, "aws:wafv2/webAclAssociation:WebAclAssociation")).toHaveLength(1);
  });

  it("has no way from the databases' subnets to the internet", () => {
    const associated = ofType(made, "aws:ec2/routeTableAssociation:RouteTableAssociation").map(
      ({ inputs }) => inputs.subnetId,
    );
    const [databases] = ofType(made, "aws:rds/subnetGroup:SubnetGroup");
    expect(databases?.inputs.subnetIds).toHaveLength(3);
    for (const subnet of databases?.inputs.subnetIds ?? []) expect(associated).not.toContain(subnet);
  });

  it("spans three zones, with a public, a private and a database subnet in each", () => {
    const subnets = ofType(made, "aws:ec2/subnet:Subnet");
    for (const tier of ["public", "private", "database"]) {
      const own = subnets.filter(({ name }) => name.startsWith(`network-${tier}-`));
      expect(own.map(({ inputs }) => inputs.availabilityZone)).toEqual([
        "eu-west-1a",
        "eu-west-1b",
        "eu-west-1c",
      ]);
      expect(own.map(({ inputs }) => inputs.mapPublicIpOnLaunch ?? false)).toEqual([false, false, false]);
    }
    expect(subnets).toHaveLength(9);
  });

  it("reaches S3 past NAT and the internet, from every subnet that has tasks", () => {
    const endpoints = ofType(made, "aws:ec2/vpcEndpoint:VpcEndpoint");
    expect(endpoints.map(({ inputs }) => [inputs.serviceName, inputs.vpcEndpointType])).toEqual([
      ["com.amazonaws.eu-west-1.s3", "Gateway"],
    ]);
    expect(endpoints[0]?.inputs.routeTableIds).toHaveLength(4);
  });

  it("has a load balancer in the public subnets that drops broken headers and keeps a log", () => {
    const { inputs } = one(made, "aws:lb/loadBalancer:LoadBalancer", "dhistance-balancer");
    expect(inputs).toMatchObject({
      loadBalancerType: "application",
      internal: false,
      subnets: [0, 1, 2].map((zone) => `network-public-${zone}-id`),
      dropInvalidHeaderFields: true,
      accessLogs: { bucket: "dhistance-logs-id", enabled: true },
    });
    expect(one(made, "aws:ecs/cluster:Cluster", "dhistance").inputs.settings).toEqual([
      { name: "containerInsights", value: "enabled" },
    ]);
    expect(one(made, "aws:route53/zone:Zone", "zone").inputs.name).toBe("moh.example.org");
  });

  it("keeps its logs for 400 days, private, encrypted, versioned and behind TLS", () => {
    const of = (type: string) => ofType(made, `aws:s3/${type}`)[0]?.inputs;
    expect(of("bucketPublicAccessBlock:BucketPublicAccessBlock")).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(
      of("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration").rules[0],
    ).toMatchObject({ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } });
    expect(of("bucketVersioning:BucketVersioning").versioningConfiguration.status).toBe("Enabled");
    expect(of("bucketPolicy:BucketPolicy").policy).toContain('"aws:SecureTransport":"false"');
    expect(of("bucketLifecycleConfiguration:BucketLifecycleConfiguration").rules).toContainEqual(
      expect.objectContaining({ status: "Enabled", expiration: { days: 400 } }),
    );
  });

  it("has a registry whose images never change, scanned and under the platform's key", () => {
    expect(ofType(made, "aws:ecr/repository:Repository").map(({ inputs }) => inputs)).toEqual([
      {
        name: "dhistance/jobs",
        imageTagMutability: "IMMUTABLE",
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfigurations: [{ encryptionType: "KMS", kmsKey: KEY }],
      },
    ]);
    expect(ofType(made, "aws:ecr/lifecyclePolicy:LifecyclePolicy")).toHaveLength(1);
  });

  it("wakes whom the spec names, through a topic under the platform's key", () => {
    expect(one(made, "aws:sns/topic:Topic", "dhistance-alerts").inputs.kmsMasterKeyId).toBe(KEY);
    expect(
      ofType(made, "aws:sns/topicSubscription:TopicSubscription").map(({ inputs }) => inputs.endpoint),
    ).toEqual(["ops@example.org", "noc@example.org"]);
    expect(one(made, "aws:kms/key:Key", "key").inputs.enableKeyRotation).toBe(true);
  });
});

it.each<[(typeof NAT)[number], number, boolean]>([
  ["none", 0, true],
  ["one", 1, false],
  ["perZone", 3, false],
])(
  "with nat %s has %i gateways, and tasks with public addresses: %s",
  async (nat, gateways, assignPublicIp) => {
    const { made, outputs } = await make({ nat });
    expect(ofType(made, "aws:ec2/natGateway:NatGateway")).toHaveLength(gateways);
    expect(outputs).toMatchObject({ network: { assignPublicIp } });
    const { network } = platformSchema.parse(outputs);
    const tier = assignPublicIp ? "public" : "private";
    expect(network.taskSubnetIds).toEqual([0, 1, 2].map((zone) => `network-${tier}-${zone}-id`));
    const out = ofType(made, "aws:ec2/route:Route").filter(({ inputs }) => inputs.natGatewayId);
    expect(out).toHaveLength(gateways === 0 ? 0 : 3);
    expect(new Set(out.map(({ inputs }) => inputs.natGatewayId)).size).toBe(gateways);
  },
);

it("may go once it retires", async () => {
  const { made } = await make({ retire: true });
  expect(made.filter(({ protect }) => protect)).toEqual([]);
  const { inputs } = one(made, "aws:lb/loadBalancer:LoadBalancer", "dhistance-balancer");
  expect(inputs.enableDeletionProtection).toBe(false);
});

it("is refused in another place, with what it has", () => {
  const before = { region: "eu-west-1", zone: "moh.example.org", network: "10.20.0.0/16" };
  expect(refuseOtherPlace(before, before)).toBeUndefined();
  expect(refuseOtherPlace(before, { ...before, region: "eu-west-3" })).toMatch(
    /^region: "eu-west-3"; this platform has "eu-west-1"\. A change would replace .* Put it back, or make another/,
  );
});
