import * as acm from "@pulumi/aws/acm";
import * as ec2 from "@pulumi/aws/ec2";
import * as lb from "@pulumi/aws/lb";
import * as route53 from "@pulumi/aws/route53";
import * as vpc from "@pulumi/aws/vpc";
import type * as pulumi from "@pulumi/pulumi";
import { APPLICATION_PORT } from "../../components/contract/application";
import type { Network } from "./network";
import type { PlatformSpec } from "./spec";
import { firewall } from "./firewall";

/** TLS 1.3 and 1.2 with forward secrecy and post-quantum key exchange: AWS's own recommendation. Not its default. */
export const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";

/** Two years, as the preload list asks. */
export const HSTS = "max-age=63072000; includeSubDomains";

export interface BalancerArgs {
  spec: PlatformSpec;
  network: Network;
  zone: route53.Zone;
  /** Takes the access log. */
  logBucket: pulumi.Output<string>;
}

const TAGS = { Name: "dhistance-balancer" };

export interface Balancer {
  loadBalancer: lb.LoadBalancer;
  listener: lb.Listener;
  securityGroupId: pulumi.Output<string>;
}

/** The region's load balancer: every tenant's endpoint adds its certificate and its rule. */
export function makeBalancer(args: BalancerArgs, opts: pulumi.CustomResourceOptions): Balancer {
  const { spec, network, logBucket } = args;
  const securityGroup = balancerGroup(args, opts);

  const loadBalancer = new lb.LoadBalancer(
    "dhistance-balancer",
    {
      loadBalancerType: "application",
      internal: false,
      ipAddressType: "dualstack",
      subnets: network.publicSubnetIds,
      securityGroups: [securityGroup.id],
      // DHIS2's analytics and imports answer late.
      idleTimeout: 300,
      dropInvalidHeaderFields: true,
      preserveHostHeader: true,
      enableDeletionProtection: !spec.retire,
      accessLogs: { bucket: logBucket, prefix: "balancer", enabled: true },
      tags: TAGS,
    },
    { ...opts, protect: !spec.retire },
  );
  new lb.Listener(
    "balancer-http",
    {
      loadBalancerArn: loadBalancer.arn,
      port: 80,
      protocol: "HTTP",
      defaultActions: [
        { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
      ],
      tags: TAGS,
    },
    opts,
  );
  const listener = httpsListener(args, loadBalancer, opts);
  firewall(loadBalancer, opts);
  return { loadBalancer, listener, securityGroupId: securityGroup.id };
}

function balancerGroup(
  { spec, network }: BalancerArgs,
  opts: pulumi.CustomResourceOptions,
): ec2.SecurityGroup {
  const securityGroup = new ec2.SecurityGroup(
    "balancer-group",
    { vpcId: network.vpc.id, description: "Load balancer: the web in, applications out", tags: TAGS },
    opts,
  );
  for (const port of [80, 443]) {
    for (const [family, anywhere] of [
      ["ipv4", { cidrIpv4: "0.0.0.0/0" }],
      ["ipv6", { cidrIpv6: "::/0" }],
    ] as const) {
      new vpc.SecurityGroupIngressRule(
        `balancer-${family}-${port}`,
        {
          securityGroupId: securityGroup.id,
          description: port === 80 ? "The redirect to HTTPS" : "HTTPS",
          ipProtocol: "tcp",
          fromPort: port,
          toPort: port,
          ...anywhere,
        },
        opts,
      );
    }
  }
  new vpc.SecurityGroupEgressRule(
    "balancer-applications",
    {
      securityGroupId: securityGroup.id,
      description: "Applications of the network",
      ipProtocol: "tcp",
      fromPort: APPLICATION_PORT,
      toPort: APPLICATION_PORT,
      cidrIpv4: spec.network,
    },
    opts,
  );
  return securityGroup;
}

function httpsListener(
  { spec, zone }: BalancerArgs,
  loadBalancer: lb.LoadBalancer,
  opts: pulumi.CustomResourceOptions,
): lb.Listener {
  return new lb.Listener(
    "balancer-https",
    {
      loadBalancerArn: loadBalancer.arn,
      port: 443,
      protocol: "HTTPS",
      sslPolicy: TLS_POLICY,
      certificateArn: defaultCertificate(spec.zone, zone, opts),
      defaultActions: [
        {
          type: "fixed-response",
          fixedResponse: {
            contentType: "text/plain",
            messageBody: "There is no server here.",
            statusCode: "404",
          },
        },
      ],
      routingHttpResponseStrictTransportSecurityHeaderValue: HSTS,
      routingHttpResponseXContentTypeOptionsHeaderValue: "nosniff",
      // DHIS2 shows its own apps in frames.
      routingHttpResponseXFrameOptionsHeaderValue: "SAMEORIGIN",
      routingHttpResponseServerEnabled: false,
      tags: TAGS,
    },
    opts,
  );
}

/** Answers for names of the zone that no tenant has; a tenant's own certificate comes before it. */
function defaultCertificate(
  domain: string,
  zone: route53.Zone,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const certificate = new acm.Certificate(
    "balancer-certificate",
    { domainName: `*.${domain}`, validationMethod: "DNS", tags: { Name: `*.${domain}` } },
    opts,
  );
  const option = certificate.domainValidationOptions.apply(([first]) => {
    if (!first) throw new Error(`ACM asks for no validation record for *.${domain}`);
    return first;
  });
  const record = new route53.Record(
    "balancer-certificate-validation",
    {
      zoneId: zone.zoneId,
      name: option.resourceRecordName,
      type: option.resourceRecordType,
      records: [option.resourceRecordValue],
      ttl: 300,
      allowOverwrite: true,
    },
    opts,
  );
  return new acm.CertificateValidation(
    "balancer-certificate-validated",
    { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
    opts,
  ).certificateArn;
}
