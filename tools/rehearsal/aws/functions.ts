import type { Provider } from "../resource";
import { ACCOUNT, derived, derivedUpper } from "./names";
import { zoneId } from "./network";
import { databaseNamed, recordsIn } from "./account";
import { policyDocument } from "./policy-document";
import type { Properties } from "../values";

const regionOf = (args: Properties, config: Properties) => String(args["region"] ?? config["region"]);

/** A region of the rehearsal's own, which sells burstable databases alone. */
const SMALL_REGION = "zz-rehearsal-1";

/** What a program may ask of AWS. The answers follow from the question alone, so they stay the same. */
export const functions: Provider["functions"] = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    id: ACCOUNT,
    accountId: ACCOUNT,
    arn: `arn:aws:iam::${ACCOUNT}:user/rehearsal`,
    userId: "AIDAREHEARSAL",
  }),
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getRegion:getRegion": (args, config) => {
    const region = String(args["name"] ?? regionOf(args, config));
    return { id: region, region, name: region, description: region, endpoint: `ec2.${region}.amazonaws.com` };
  },
  "aws:index/getAvailabilityZones:getAvailabilityZones": (args, config) => {
    const region = regionOf(args, config);
    const letters = ["a", "b", "c"].map((letter) => region + letter);
    // Of an account that has opted in to a Local Zone, unless the question leaves those out.
    const own = JSON.stringify(args["filters"] ?? "").includes("opt-in-not-required");
    const all = own ? letters : [`${region}-lcl-1a`, ...letters].sort();
    const names = all.filter((name) => name !== process.env["DHISTANCE_REHEARSAL_IMPAIRED"]);
    return { ...args, id: region, region, groupNames: [region], names, zoneIds: names.map(zoneId) };
  },
  // AWS sells less in some regions than in others. A made-up one stands for those.
  "aws:rds/getOrderableDbInstance:getOrderableDbInstance": (args, config) => {
    const region = regionOf(args, config);
    const instanceClass = String(args["instanceClass"]);
    if (region === SMALL_REGION && !/^db\.t/.test(instanceClass))
      throw new Error("no RDS DB Orderable Instances match criteria; try different search");
    return { ...args, id: instanceClass, region, multiAzCapable: true, supportsStorageEncryption: true };
  },
  "aws:rds/getInstance:getInstance": (args) => {
    const identifier = String(args["dbInstanceIdentifier"]);
    const {
      allocatedStorage = 0,
      maxAllocatedStorage = 0,
      instanceClass = "",
    } = databaseNamed(identifier) ?? missing(identifier);
    return {
      ...{ ...args, id: identifier, allocatedStorage, maxAllocatedStorage },
      ...{ dbInstanceClass: instanceClass },
    };
  },
  "aws:iam/getPolicyDocument:getPolicyDocument": policyDocument,
  "aws:route53/getZone:getZone": (args) => {
    const name = String(args["name"] ?? "rehearsal.invalid").replace(/\.$/, "");
    const zone = String(args["zoneId"] ?? `Z${derivedUpper(20, "zone", name)}`);
    return {
      ...args,
      id: zone,
      zoneId: zone,
      name,
      arn: `arn:aws:route53:::hostedzone/${zone}`,
      callerReference: derived(16, zone),
      comment: "",
      linkedServiceDescription: "",
      linkedServicePrincipal: "",
      nameServers: ["ns-0.awsdns-01.com", "ns-512.awsdns-17.net"],
      primaryNameServer: "ns-0.awsdns-01.com",
      privateZone: args["privateZone"] ?? false,
      resourceRecordSetCount: 2,
      tags: {},
      vpcId: "",
    };
  },
  "aws:route53/getRecords:getRecords": (args) => {
    const pattern = new RegExp(String(args["nameRegex"] ?? ""));
    const zone = String(args["zoneId"]);
    const found = recordsIn(zone).filter(({ name }) => pattern.test(name));
    return {
      ...args,
      resourceRecordSets: found.map(({ name, type, values }) => ({
        ...{ name, type, resourceRecords: values.map((value) => ({ value })) },
      })),
    };
  },
  "aws:ec2/getPrefixList:getPrefixList": (args, config) => {
    const name = String(args["name"] ?? "");
    const id = String(args["prefixListId"] ?? `pl-${derived(8, regionOf(args, config), name)}`);
    return { ...args, id, name, cidrBlocks: ["198.51.100.0/24"] };
  },
};

function missing(identifier: string): never {
  throw new Error(`reading RDS DB Instance (${identifier}): couldn't find resource`);
}
