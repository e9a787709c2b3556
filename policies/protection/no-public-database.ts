import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

const POSTGRES = 5432;

const hasAddress = (type: string) =>
  onEach(type, ({ name, props }) =>
    props["publiclyAccessible"] === true
      ? `database "${name}" has a public address; allowed: none. Set publiclyAccessible: false.`
      : undefined,
  );

export const noPublicDatabase: ResourceValidationPolicy = {
  name: "no-public-database",
  description: "A database has no public address, and on Docker no port on the host.",
  validateResource: [
    hasAddress("aws:rds/instance:Instance"),
    hasAddress("aws:rds/clusterInstance:ClusterInstance"),
    onEach("docker:index/container:Container", ({ name, props }) => {
      const ports = (props["ports"] ?? []) as { internal?: number }[];
      return ports.some(({ internal }) => internal === POSTGRES)
        ? `container "${name}" publishes port ${POSTGRES} of PostgreSQL; allowed: no port. Reach it through its network.`
        : undefined;
    }),
  ],
};
