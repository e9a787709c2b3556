import { all, between, pattern, rule } from "../checks";
import type { ResourceType } from "../resource";
import { ACCOUNT, arn, derived, hex, hexId, itself, output, regionOf } from "./names";

const cidr = (path: string, least = 0, most = 32) =>
  rule(path, `an IPv4 network in CIDR notation, /${least} to /${most}`, (value) => {
    const [address = "", bits = ""] = String(value).split("/");
    const octets = address.split(".");
    return (
      octets.length === 4 &&
      octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) <= 255) &&
      /^\d{1,2}$/.test(bits) &&
      Number(bits) >= least &&
      Number(bits) <= most
    );
  });

const port = (path: string) => between(path, -1, 65535);

const securityGroupRule: ResourceType = {
  required: ["ipProtocol", "securityGroupId"],
  replaceOn: ["securityGroupId"],
  check: all(cidr("cidrIpv4"), port("fromPort"), port("toPort")),
  id: hexId("sgr"),
  computed: {
    arn: arn("ec2", (r) => `security-group-rule/${r.id}`),
    securityGroupRuleId: itself,
  },
};

/** Networks: VPC and what is in it. */
export const network: Record<string, ResourceType> = {
  "aws:ec2/vpc:Vpc": {
    replaceOn: ["cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    defaults: { enableDnsSupport: true, instanceTenancy: "default" },
    check: all(cidr("cidrBlock", 16, 28)),
    id: hexId("vpc"),
    computed: {
      arn: arn("ec2", (r) => `vpc/${r.id}`),
      cidrBlock: "",
      defaultNetworkAclId: hexId("acl"),
      defaultRouteTableId: output("mainRouteTableId"),
      defaultSecurityGroupId: (r) => defaultSecurityGroup(r.id),
      dhcpOptionsId: hexId("dopt"),
      enableDnsHostnames: false,
      enableNetworkAddressUsageMetrics: false,
      ipv6AssociationId: "",
      ipv6CidrBlock: "",
      ipv6CidrBlockNetworkBorderGroup: "",
      mainRouteTableId: hexId("rtb"),
      ownerId: ACCOUNT,
    },
  },
  "aws:ec2/subnet:Subnet": {
    required: ["vpcId"],
    replaceOn: ["availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6Native", "outpostArn", "vpcId"],
    defaults: {
      assignIpv6AddressOnCreation: false,
      enableDns64: false,
      enableResourceNameDnsARecordOnLaunch: false,
      enableResourceNameDnsAaaaRecordOnLaunch: false,
      ipv6Native: false,
      mapPublicIpOnLaunch: false,
    },
    check: all(cidr("cidrBlock", 16, 28)),
    id: hexId("subnet"),
    computed: {
      arn: arn("ec2", (r) => `subnet/${r.id}`),
      availabilityZone: (r) => `${regionOf(r)}a`,
      availabilityZoneId: (r) => zoneId(String(r.output("availabilityZone"))),
      ipv6CidrBlockAssociationId: "",
      ownerId: ACCOUNT,
      privateDnsHostnameTypeOnLaunch: "ip-name",
    },
  },
  "aws:ec2/internetGateway:InternetGateway": {
    id: hexId("igw"),
    computed: { arn: arn("ec2", (r) => `internet-gateway/${r.id}`), ownerId: ACCOUNT, vpcId: "" },
  },
  "aws:ec2/natGateway:NatGateway": {
    replaceOn: ["allocationId", "availabilityMode", "connectivityType", "privateIp", "subnetId", "vpcId"],
    sets: ["secondaryAllocationIds", "secondaryPrivateIpAddresses"],
    defaults: { connectivityType: "public" },
    id: hexId("nat"),
    computed: {
      associationId: hexId("eipassoc"),
      autoProvisionZones: "",
      autoScalingIps: "",
      networkInterfaceId: hexId("eni"),
      privateIp: (r) => address("10.0", r.id),
      publicIp: (r) => address("203.0", r.id),
      regionalNatGatewayAddresses: [],
      regionalNatGatewayAutoMode: "",
      routeTableId: "",
      secondaryPrivateIpAddressCount: 0,
      secondaryPrivateIpAddresses: [],
    },
  },
  "aws:ec2/eip:Eip": {
    replaceOn: ["address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"],
    id: hexId("eipalloc"),
    computed: {
      allocationId: itself,
      arn: arn("ec2", (r) => `elastic-ip/${r.id}`),
      associationId: "",
      carrierIp: "",
      customerOwnedIp: "",
      domain: "vpc",
      instance: "",
      ipamPoolId: "",
      networkBorderGroup: regionOf,
      networkInterface: "",
      privateDns: "",
      privateIp: "",
      ptrRecord: "",
      publicDns: (r) =>
        `ec2-${output("publicIp")(r).replaceAll(".", "-")}.${regionOf(r)}.compute.amazonaws.com`,
      publicIp: (r) => address("203.0", r.id),
      publicIpv4Pool: "amazon",
    },
  },
  "aws:ec2/routeTable:RouteTable": {
    required: ["vpcId"],
    replaceOn: ["vpcId"],
    sets: ["routes", "propagatingVgws"],
    id: hexId("rtb"),
    computed: {
      arn: arn("ec2", (r) => `route-table/${r.id}`),
      ownerId: ACCOUNT,
      propagatingVgws: [],
      routes: [],
    },
  },
  "aws:ec2/routeTableAssociation:RouteTableAssociation": {
    untagged: true,
    required: ["routeTableId"],
    replaceOn: ["gatewayId", "subnetId"],
    id: hexId("rtbassoc"),
  },
  "aws:ec2/route:Route": {
    untagged: true,
    required: ["routeTableId"],
    replaceOn: [
      "destinationCidrBlock",
      "destinationIpv6CidrBlock",
      "destinationPrefixListId",
      "routeTableId",
    ],
    check: all(cidr("destinationCidrBlock")),
    id: (r) => `r-${r.text("routeTableId")}${derived(10, r.text("destinationCidrBlock"))}`,
    computed: {
      instanceId: "",
      instanceOwnerId: "",
      networkInterfaceId: "",
      origin: "CreateRoute",
      state: "active",
    },
  },
  "aws:ec2/securityGroup:SecurityGroup": {
    replaceOn: ["description", "name", "namePrefix", "vpcId"],
    sets: ["ingress", "egress"],
    autoName: { property: "name" },
    defaults: { description: "Managed by Pulumi", revokeRulesOnDelete: false },
    check: all(
      rule("name", "a name that does not begin with sg-", (name) => !String(name).startsWith("sg-")),
      pattern("name", /^.{1,255}$/s, "1 to 255 characters"),
      pattern(
        "description",
        /^[\w .:/()#,@[\]+=&;{}!$*-]{1,255}$/,
        "1 to 255 of A-Z a-z 0-9 and . _-:/()#,@[]+=&;{}!$*",
      ),
    ),
    id: hexId("sg"),
    computed: {
      arn: arn("ec2", (r) => `security-group/${r.id}`),
      egress: [],
      ingress: [],
      namePrefix: "",
      ownerId: ACCOUNT,
      vpcId: hexId("vpc"),
    },
  },
  // A VPC has its default group already; the provider takes it over and, at the end, only forgets it.
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
    replaceOn: ["vpcId"],
    sets: ["egress", "ingress"],
    defaults: { revokeRulesOnDelete: false },
    id: (r) => defaultSecurityGroup(String(r.output("vpcId"))),
    computed: {
      arn: arn("ec2", (r) => `security-group/${r.id}`),
      description: "default VPC security group",
      egress: [],
      ingress: [],
      name: "default",
      namePrefix: "",
      ownerId: ACCOUNT,
      vpcId: hexId("vpc"),
    },
  },
  "aws:ec2/securityGroupRule:SecurityGroupRule": {
    untagged: true,
    required: ["fromPort", "protocol", "securityGroupId", "toPort", "type"],
    replaceOn: [
      ...["cidrBlocks", "fromPort", "ipv6CidrBlocks", "prefixListIds", "protocol", "securityGroupId"],
      ...["self", "sourceSecurityGroupId", "toPort", "type"],
    ],
    defaults: { self: false },
    deleteBeforeReplace: true,
    check: all(port("fromPort"), port("toPort")),
    id: () => `sgrule-${hex(8)}`,
    computed: { securityGroupRuleId: hexId("sgr"), sourceSecurityGroupId: "" },
  },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    required: ["vpcId"],
    replaceOn: [
      ...["resourceConfigurationArn", "serviceName", "serviceNetworkArn", "serviceRegion", "vpcEndpointType"],
      "vpcId",
    ],
    sets: ["routeTableIds", "securityGroupIds", "subnetIds"],
    json: ["policy"],
    defaults: { vpcEndpointType: "Gateway" },
    id: hexId("vpce"),
    computed: {
      arn: arn("ec2", (r) => `vpc-endpoint/${r.id}`),
      cidrBlocks: [],
      dnsEntries: (r) =>
        r.text("vpcEndpointType") === "Interface"
          ? [
              {
                dnsName: `${r.id}.${r.text("serviceName")}`,
                hostedZoneId: `Z${derived(12, regionOf(r)).toUpperCase()}`,
              },
            ]
          : [],
      ipAddressType: "ipv4",
      networkInterfaceIds: (r) =>
        Array.isArray(r.inputs["subnetIds"]) ? r.inputs["subnetIds"].map(hexId("eni")) : [],
      ownerId: ACCOUNT,
      policy:
        '{"Statement":[{"Action":"*","Effect":"Allow","Principal":"*","Resource":"*"}],"Version":"2008-10-17"}',
      prefixListId: (r) => (r.text("vpcEndpointType") === "Gateway" ? `pl-${derived(8, regionOf(r))}` : ""),
      privateDnsEnabled: false,
      requesterManaged: false,
      routeTableIds: [],
      securityGroupIds: [],
      serviceRegion: regionOf,
      state: "available",
      subnetIds: [],
    },
  },
  "aws:ec2/flowLog:FlowLog": {
    replaceOn: [
      ...[
        "deliverCrossAccountRole",
        "destinationOptions",
        "eniId",
        "iamRoleArn",
        "logDestination",
        "subnetId",
      ],
      ...[
        "logDestinationType",
        "logFormat",
        "maxAggregationInterval",
        "trafficType",
        "transitGatewayAttachmentId",
      ],
      ...["transitGatewayId", "vpcId"],
    ],
    defaults: { logDestinationType: "cloud-watch-logs", maxAggregationInterval: 600 },
    id: hexId("fl"),
    computed: { arn: arn("ec2", (r) => `vpc-flow-log/${r.id}`), logDestination: "", logFormat: "" },
  },
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule,
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule,
};

/** The zone's id that is the same in every account: `euw1-az1`. */
export function zoneId(zone: string): string {
  const [, area = "", place = "", number = "", letter = "a"] = /^(\w\w)-(\w+)-(\d)(\w)$/.exec(zone) ?? [];
  const short = place.replace(/(north|south|central|east|west)/g, (word) => word.slice(0, 1));
  return `${area}${short}${number}-az${letter.charCodeAt(0) - 96}`;
}

/** A network has one from the start, which `DefaultSecurityGroup` takes over. */
function defaultSecurityGroup(vpc: string): string {
  return `sg-0${derived(16, "default", vpc)}`;
}

function address(start: string, seed: string): string {
  const digits = derived(4, seed);
  return `${start}.${parseInt(digits.slice(0, 2), 16)}.${parseInt(digits.slice(2), 16)}`;
}
