import { z } from "zod";

/**
 * What a region's tenants share on AWS, as the platform stack exports it and the components stand on it. Plain
 * values: the tenant program reads them before it makes anything.
 */
export const platformSchema = z.object({
  region: z.string(),
  accountId: z.string().regex(/^\d{12}$/),
  network: z.object({
    vpcId: z.string(),
    /** Where tasks run, one subnet a zone. */
    taskSubnetIds: z.array(z.string()).min(1),
    /** Without NAT a task reaches the internet by an address of its own; what reaches it is the security groups' business. */
    assignPublicIp: z.boolean(),
    databaseSubnetGroup: z.string(),
  }),
  cluster: z.object({ name: z.string(), arn: z.string() }),
  balancer: z.object({
    arn: z.string(),
    /** The part of the ARN that CloudWatch knows it by. */
    arnSuffix: z.string(),
    dnsName: z.string(),
    zoneId: z.string(),
    securityGroupId: z.string(),
    /** The HTTPS listener, with the TLS policy, the security headers and the redirect from HTTP beside it. */
    listenerArn: z.string(),
  }),
  /** The hosted zone that every hostname of the tenants lies in. */
  zone: z.object({ id: z.string(), name: z.string() }),
  /** Pinned references. `agent` is pulled by customers' own Docker hosts, so from a registry they reach. */
  images: z.object({ jobs: z.string(), agent: z.string() }),
  /** SNS topic whose subscribers are woken. */
  alertsTopicArn: z.string(),
  /** Bucket that takes the access logs of other buckets. */
  logBucket: z.string(),
});
export type Platform = z.output<typeof platformSchema>;
