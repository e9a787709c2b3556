import { all, between, pattern } from "../checks";
import type { ResourceType } from "../resource";
import { arn, derived, input, regionOf } from "./names";

const name = (path: string) =>
  pattern(
    path,
    /^(?!.*--)[a-z][a-z0-9-]{0,39}(?<!-)$/,
    "1 to 40 of a-z 0-9 -, a letter first, no two hyphens together, no hyphen at the end",
  );

/** What keeps sessions and notices between the instances of an application. */
export const cache: Record<string, ResourceType> = {
  "aws:elasticache/subnetGroup:SubnetGroup": {
    required: ["subnetIds"],
    replaceOn: ["name"],
    sets: ["subnetIds"],
    autoName: { property: "name" },
    id: input("name"),
    computed: { arn: arn("elasticache", (r) => `subnetgroup:${r.text("name")}`), vpcId: "vpc-rehearsal" },
  },
  "aws:elasticache/parameterGroup:ParameterGroup": {
    required: ["family"],
    replaceOn: ["description", "family", "name"],
    sets: ["parameters"],
    autoName: { property: "name" },
    id: input("name"),
    computed: { arn: arn("elasticache", (r) => `parametergroup:${r.text("name")}`) },
  },
  "aws:elasticache/replicationGroup:ReplicationGroup": {
    required: ["description"],
    replaceOn: ["atRestEncryptionEnabled", "kmsKeyId", "port", "replicationGroupId", "subnetGroupName"],
    sets: ["securityGroupIds", "logDeliveryConfigurations", "userGroupIds"],
    autoName: { property: "replicationGroupId" },
    defaults: { automaticFailoverEnabled: false, engine: "redis", multiAzEnabled: false },
    check: all(
      name("replicationGroupId"),
      pattern("authToken", /^[^/@" ]{16,128}$/, '16 to 128 characters other than / @ " and space'),
      pattern("nodeType", /^cache\.[a-z0-9]+\.[a-z0-9]+$/, "a class such as cache.t4g.small"),
      between("numCacheClusters", 1, 6),
    ),
    id: input("replicationGroupId"),
    computed: {
      arn: arn("elasticache", (r) => `replicationgroup:${r.text("replicationGroupId")}`),
      clusterEnabled: false,
      configurationEndpointAddress: "",
      engineVersionActual: (r) => `${r.text("engineVersion")}.0`,
      memberClusters: (r) => ["001", "002"].map((node) => `${r.text("replicationGroupId")}-${node}`),
      primaryEndpointAddress: (r) => `master.${r.text("replicationGroupId")}.${place(regionOf(r))}`,
      readerEndpointAddress: (r) => `replica.${r.text("replicationGroupId")}.${place(regionOf(r))}`,
    },
    follows: { engineVersionActual: ["engineVersion"] },
  },
};

const place = (region: string) => `${derived(6, "elasticache", region)}.${region}.cache.amazonaws.com`;
