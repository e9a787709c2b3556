import { Provider as AwsProvider } from "@pulumi/aws/provider";
import { Provider as DockerProvider } from "@pulumi/docker/provider";
import type { Plan, Size } from "../../plans/plans";
import type { Platform } from "../contract/platform";
import { BackupVault } from "../BackupVault";
import { DataManagementServer } from "../DataManagementServer";
import type { DataManagementServerArgs, InitialData } from "../DataManagementServer/contract";
import { SslEndpoint } from "../SslEndpoint";
import type { AwsTarget, TenantIdentity } from "../contract/target";

/** Parts of a tenant for the components' tests. */

export const PLATFORM: Platform = {
  region: "eu-west-1",
  accountId: "111122223333",
  network: {
    vpcId: "vpc-1",
    taskSubnetIds: ["subnet-a", "subnet-b", "subnet-c"],
    assignPublicIp: false,
    databaseSubnetGroup: "databases",
  },
  cluster: { name: "cluster", arn: "arn:aws:ecs:eu-west-1:111122223333:cluster/cluster" },
  balancer: {
    arn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/balancer/1",
    arnSuffix: "app/balancer/1",
    dnsName: "balancer.elb.amazonaws.com",
    zoneId: "Z-ELB",
    securityGroupId: "sg-balancer",
    listenerArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/balancer/1/2",
  },
  zone: { id: "Z-MOH", name: "moh.example.org" },
  images: {
    jobs: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/dhistance/jobs:1.0.0",
    agent: "r.example.org/jobs:1.0.0",
  },
  alertsTopicArn: "arn:aws:sns:eu-west-1:111122223333:alerts",
  logBucket: "logs",
};

export const TARGET: AwsTarget = {
  kind: "aws",
  region: "eu-west-1",
  platform: PLATFORM,
  keyArn: "arn:aws:kms:eu-west-1:111122223333:key/tenant",
  diskRoleArn: "arn:aws:iam::111122223333:role/moh-disks",
};

export const tenant = (plan: Plan, id = "moh"): TenantIdentity => ({ id, plan });

export interface ServerOptions {
  /** The tenant's. @default "moh" */
  id?: string;
  server?: string;
  plan?: Plan;
  size?: Size;
  dhis2?: string;
  instances?: number;
  retire?: boolean;
  import?: InitialData;
  settings?: NonNullable<DataManagementServerArgs["settings"]>;
  outwardPorts?: number[];
  target?: AwsTarget;
}

/** A server with its endpoint. */
export function makeServer({
  id = "moh",
  server = "hmis",
  plan = "premium",
  size = "small",
  dhis2 = "42.5.2",
  target = TARGET,
  ...rest
}: ServerOptions = {}) {
  const hostname = `${server}.moh.example.org`;
  const providers = [new AwsProvider("home", { region: "eu-west-1" })];
  const common = { tenant: tenant(plan, id), server, hostname, target };
  const sticky = (rest.instances ?? 1) > 1;
  const endpoint = new SslEndpoint(`${id}-${server}-endpoint`, { ...common, sticky }, { providers });
  return new DataManagementServer(
    `${id}-${server}`,
    { ...common, dhis2, size, endpoint, ...rest },
    { providers },
  );
}

/** A vault of such servers, with a location in another region and one on premises. */
export function makeVault(plan: Plan, servers: DataManagementServer[], id = "moh"): BackupVault {
  return new BackupVault(
    `${id}-vault`,
    {
      tenant: tenant(plan, id),
      servers,
      target: TARGET,
      regions: [{ region: "eu-central-1", provider: new AwsProvider("abroad", { region: "eu-central-1" }) }],
      onPremises: [
        {
          host: "ssh://backup@office",
          path: "/srv/dhis2",
          provider: new DockerProvider("office", { host: "ssh://backup@office" }),
        },
      ],
    },
    { providers: [new AwsProvider("vault-home", { region: "eu-west-1" })] },
  );
}
