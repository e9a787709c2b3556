import * as acm from "@pulumi/aws/acm";
import * as lb from "@pulumi/aws/lb";
import * as route53 from "@pulumi/aws/route53";
import type * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import { shortName } from "../../aws/shortName";
import { componentTags } from "../../aws/tags";
import { APPLICATION_PORT } from "../../contract/application";
import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import { claimName, claimOf } from "./claim";
import type { Endpoint, SslEndpointArgs } from "../contract";

/**
 * Certificates of ACM live 395 days and less from 2026 on (198), and are renewed 60 or 45 days before their end. An
 * alarm at a third of the life would go off although renewal works: 30 days means that it has failed for weeks.
 */
export const DAYS_LEFT_ALARM = 30;

type EndpointContext = Context<SslEndpointArgs, AwsTarget>;

/** TLS policy, redirect from HTTP, security headers and WAF are the platform's listener's, for all tenants alike. */
export function endpointOnAws(context: EndpointContext): Endpoint {
  const { name, args, target, opts } = context;
  const { hostname, server } = args;
  const { platform } = target;
  const tags = componentTags(server);
  const { balancer, zone, network } = platform;

  const claim = new route53.Record(
    `${name}-claim`,
    {
      zoneId: zone.id,
      name: claimName(hostname),
      type: "TXT",
      records: [claimOf(args.tenant.id)],
      ttl: 300,
    },
    opts,
  );
  // What is made under the name waits until it is the tenant's.
  const claimed = { ...opts, dependsOn: [claim] };
  const certificate = validatedCertificate(context, claim);
  const listenerCertificate = new lb.ListenerCertificate(
    `${name}-listener-certificate`,
    { listenerArn: balancer.listenerArn, certificateArn: certificate.arn },
    opts,
  );

  const targetGroup = new lb.TargetGroup(
    `${name}-target`,
    {
      name: shortName(args.tenant.id, server),
      vpcId: network.vpcId,
      targetType: "ip",
      protocol: "HTTP",
      port: APPLICATION_PORT,
      // Liveness. It checks no database, so that a slow query does not take the server off the air.
      healthCheck: {
        path: "/api/ping",
        matcher: "200",
        interval: 30,
        timeout: 10,
        healthyThreshold: 2,
        unhealthyThreshold: 5,
      },
      deregistrationDelay: 30,
      // For as long as DHIS2 keeps a session (dhis.conf), in seconds.
      ...(args.sticky && { stickiness: { type: "lb_cookie", enabled: true, cookieDuration: 3600 } }),
      tags: { ...tags, Name: name },
    },
    opts,
  );
  const rule = new lb.ListenerRule(
    `${name}-rule`,
    {
      // The priority is left to the provider: only the host name chooses, and tenants do not know of each other.
      listenerArn: balancer.listenerArn,
      conditions: [{ hostHeader: { values: [hostname] } }],
      actions: [{ type: "forward", targetGroupArn: targetGroup.arn }],
      tags: { ...tags, Name: name },
    },
    { ...opts, dependsOn: [claim, listenerCertificate] },
  );
  for (const type of ["A", "AAAA"] as const) {
    new route53.Record(
      `${name}-${type.toLowerCase()}`,
      {
        zoneId: zone.id,
        name: hostname,
        type,
        aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: false }],
      },
      claimed,
    );
  }

  endpointAlarms(context, { certificateArn: certificate.arn, targetGroup: targetGroup.arnSuffix });

  return {
    url: `https://${hostname}`,
    resources: {
      kind: "aws",
      // ECS takes a target group only when a listener forwards to it.
      targetGroupArn: rule.id.apply(() => targetGroup.arn),
      targetGroupSuffix: targetGroup.arnSuffix,
    },
  };
}

/** A certificate that ACM renews for as long as the validation record stands: no `pulumi up` is needed for it. */
function validatedCertificate(
  { name, args, target, opts: { parent } }: EndpointContext,
  claim: pulumi.Resource,
): { arn: pulumi.Output<string> } {
  const { hostname } = args;
  const opts = { parent, dependsOn: [claim] };
  const certificate = new acm.Certificate(
    `${name}-certificate`,
    {
      domainName: hostname,
      validationMethod: "DNS",
      keyAlgorithm: "EC_prime256v1",
      tags: { ...componentTags(args.server), Name: hostname },
    },
    opts,
  );
  const record = certificate.domainValidationOptions.apply(([option]) => {
    if (!option) throw new Error(`ACM asks for no validation record for ${hostname}`);
    return option;
  });
  const validation = new route53.Record(
    `${name}-validation`,
    {
      zoneId: target.platform.zone.id,
      name: record.resourceRecordName,
      type: record.resourceRecordType,
      records: [record.resourceRecordValue],
      ttl: 300,
      // ACM asks the same record of every certificate for a name: of one that was made by hand before, for instance.
      // Another tenant's it cannot be, for the name is claimed.
      allowOverwrite: true,
    },
    opts,
  );
  const validated = new acm.CertificateValidation(
    `${name}-validated`,
    { certificateArn: certificate.arn, validationRecordFqdns: [validation.fqdn] },
    opts,
  );
  return { arn: validated.certificateArn };
}

function endpointAlarms(
  { name, args, target, opts }: EndpointContext,
  made: { certificateArn: pulumi.Output<string>; targetGroup: pulumi.Output<string> },
): void {
  const { hostname } = args;
  const { platform } = target;
  const watch = { topicArn: platform.alertsTopicArn, tags: componentTags(args.server) };
  alarm(
    `${name}-certificate-expiry`,
    {
      ...watch,
      says: `The certificate of ${hostname} ends in less than ${DAYS_LEFT_ALARM} days and has not been renewed.`,
      section: "certificate-expiry",
      namespace: "AWS/CertificateManager",
      metric: "DaysToExpiry",
      dimensions: { CertificateArn: made.certificateArn },
      statistic: "Minimum",
      below: DAYS_LEFT_ALARM,
      period: 86_400,
      periods: 1,
    },
    opts,
  );
  alarm(
    `${name}-server-errors`,
    {
      ...watch,
      says: `${hostname} answers with server errors (HTTP 5xx).`,
      section: "server-errors",
      namespace: "AWS/ApplicationELB",
      metric: "HTTPCode_Target_5XX_Count",
      dimensions: { LoadBalancer: platform.balancer.arnSuffix, TargetGroup: made.targetGroup },
      statistic: "Sum",
      above: 10,
      period: 300,
      periods: 3,
      silence: "notBreaching",
    },
    opts,
  );
}
