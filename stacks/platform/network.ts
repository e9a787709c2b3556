import * as ec2 from "@pulumi/aws/ec2";
import * as rds from "@pulumi/aws/rds";
import type * as pulumi from "@pulumi/pulumi";
import type { PlatformSpec } from "./spec";
import { layout, type Tier } from "./subnets";

export interface Network {
  vpc: ec2.Vpc;
  publicSubnetIds: pulumi.Output<string>[];
  taskSubnetIds: pulumi.Output<string>[];
  assignPublicIp: boolean;
  databaseSubnetGroup: pulumi.Output<string>;
}

/**
 * A network over the given zones. Public subnets reach the internet both ways, private ones outwards through NAT if
 * there is any, the databases' ones not at all.
 */
export function makeNetwork(
  spec: PlatformSpec,
  zones: string[],
  opts: pulumi.CustomResourceOptions,
  keep: boolean,
): Network {
  // What tenants' databases and file stores are in.
  const kept = { ...opts, protect: keep };
  const blocks = layout(spec.network, zones.length);
  const name = (suffix: string) => ({ Name: `dhistance-${suffix}` });
  const vpc = new ec2.Vpc(
    "network",
    {
      cidrBlock: spec.network,
      assignGeneratedIpv6CidrBlock: true,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: name("network"),
    },
    kept,
  );
  // AWS makes it open; nothing is meant to use it.
  new ec2.DefaultSecurityGroup("network-default-group", { vpcId: vpc.id, tags: name("unused") }, opts);
  const internet = new ec2.InternetGateway(
    "network-internet",
    { vpcId: vpc.id, tags: name("internet") },
    opts,
  );

  const subnets = (tier: Tier) =>
    zones.map(
      (availabilityZone, index) =>
        new ec2.Subnet(
          `network-${tier}-${index}`,
          {
            vpcId: vpc.id,
            availabilityZone,
            cidrBlock: blocks[tier][index] as string,
            // The load balancer answers over IPv6 too.
            ...(tier === "public" && {
              ipv6CidrBlock: vpc.ipv6CidrBlock.apply((block) => block.replace(/00::\/56$/, `0${index}::/64`)),
            }),
            tags: name(`${tier}-${availabilityZone}`),
          },
          kept,
        ),
    );
  const publicSubnets = subnets("public");
  const privateSubnets = subnets("private");

  const publicTable = routeTable(
    "network-public",
    { vpc, subnets: publicSubnets, tags: name("public") },
    opts,
  );
  const route = (routeName: string, args: Omit<ec2.RouteArgs, "routeTableId">, table = publicTable) =>
    new ec2.Route(routeName, { routeTableId: table.id, ...args }, opts);
  route("network-public-ipv4", { destinationCidrBlock: "0.0.0.0/0", gatewayId: internet.id });
  route("network-public-ipv6", { destinationIpv6CidrBlock: "::/0", gatewayId: internet.id });

  const gateways = natGateways(spec, { subnets: publicSubnets, internet, name }, opts);
  const privateTables = privateSubnets.map((subnet, index) => {
    const table = routeTable(
      `network-private-${index}`,
      { vpc, subnets: [subnet], tags: name(`private-${zones[index]}`) },
      opts,
    );
    const gateway = gateways[index] ?? gateways[0];
    if (gateway) {
      route(
        `network-private-${index}-nat`,
        { destinationCidrBlock: "0.0.0.0/0", natGatewayId: gateway.id },
        table,
      );
    }
    return table;
  });
  // Costs nothing, and keeps dumps and backups off the NAT gateway's bill.
  new ec2.VpcEndpoint(
    "network-s3",
    {
      vpcId: vpc.id,
      serviceName: `com.amazonaws.${spec.region}.s3`,
      vpcEndpointType: "Gateway",
      routeTableIds: [publicTable, ...privateTables].map(({ id }) => id),
      tags: name("s3"),
    },
    opts,
  );

  const databases = new rds.SubnetGroup(
    "network-databases",
    {
      description: "Databases of the region's tenants",
      subnetIds: subnets("database").map(({ id }) => id),
      tags: name("databases"),
    },
    kept,
  );
  const hasNat = spec.nat !== "none";
  return {
    vpc,
    publicSubnetIds: publicSubnets.map(({ id }) => id),
    taskSubnetIds: (hasNat ? privateSubnets : publicSubnets).map(({ id }) => id),
    assignPublicIp: !hasNat,
    databaseSubnetGroup: databases.name,
  };
}

function routeTable(
  name: string,
  { vpc, subnets, tags }: { vpc: ec2.Vpc; subnets: ec2.Subnet[]; tags: Record<string, string> },
  opts: pulumi.CustomResourceOptions,
): ec2.RouteTable {
  const table = new ec2.RouteTable(`${name}-routes`, { vpcId: vpc.id, tags }, opts);
  subnets.forEach(
    (subnet, index) =>
      new ec2.RouteTableAssociation(
        `${name}-routes-${index}`,
        { routeTableId: table.id, subnetId: subnet.id },
        opts,
      ),
  );
  return table;
}

function natGateways(
  { nat }: PlatformSpec,
  {
    subnets,
    internet,
    name,
  }: {
    subnets: ec2.Subnet[];
    internet: ec2.InternetGateway;
    name: (suffix: string) => Record<string, string>;
  },
  opts: pulumi.CustomResourceOptions,
): ec2.NatGateway[] {
  const count = { none: 0, one: 1, perZone: subnets.length }[nat];
  return subnets.slice(0, count).map((subnet, index) => {
    const address = new ec2.Eip(
      `network-nat-${index}-address`,
      { domain: "vpc", tags: name(`nat-${index}`) },
      { ...opts, dependsOn: [internet] },
    );
    return new ec2.NatGateway(
      `network-nat-${index}`,
      { subnetId: subnet.id, allocationId: address.id, tags: name(`nat-${index}`) },
      { ...opts, dependsOn: [internet] },
    );
  });
}
