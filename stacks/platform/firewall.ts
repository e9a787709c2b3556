import type * as lb from "@pulumi/aws/lb";
import * as wafv2 from "@pulumi/aws/wafv2";
import type * as pulumi from "@pulumi/pulumi";

/**
 * Groups of rules that AWS keeps up to date, with those of their rules that would block DHIS2 only counting. What each
 * looks at: docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html and
 * …-ip-rep.html. `firewall.test.ts` holds requests that DHIS2 accepts against them.
 */
export const MANAGED_RULES: Readonly<Record<string, readonly string[]>> = {
  AWSManagedRulesAmazonIpReputationList: [
    // Thousands of people share an address of a mobile network, and one of them is enough to get it onto a list.
    "AWSManagedIPReputationList",
    "AWSManagedReconnaissanceList",
  ],
  AWSManagedRulesKnownBadInputsRuleSet: [],
  AWSManagedRulesCommonRuleSet: [
    // Scripts, and the synchronisation between servers, may not say who they are.
    "NoUserAgent_HEADER",
    // Analytics with many organisation units, and filters with many ids, are longer than 2,048 bytes.
    "SizeRestrictions_QUERYSTRING",
    // Imports of metadata and data are far larger than the 8 KB that the firewall looks at.
    "SizeRestrictions_BODY",
    // Custom forms and reports are HTML with scripts and relative paths; routes and messages have addresses in them.
    "CrossSiteScripting_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "EC2MetaDataSSRF_BODY",
  ],
};

export function firewall(loadBalancer: lb.LoadBalancer, opts: pulumi.CustomResourceOptions): void {
  const visibility = (metricName: string) => ({
    cloudwatchMetricsEnabled: true,
    sampledRequestsEnabled: true,
    metricName,
  });
  const acl = new wafv2.WebAcl(
    "balancer-firewall",
    {
      description: "What reaches the tenants' applications",
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      visibilityConfig: visibility("dhistance-firewall"),
      rules: Object.entries(MANAGED_RULES).map(([name, counted], priority) => ({
        name,
        priority,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: {
            vendorName: "AWS",
            name,
            ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
          },
        },
        visibilityConfig: visibility(name),
      })),
      tags: { Name: "dhistance-firewall" },
    },
    opts,
  );
  new wafv2.WebAclAssociation(
    "balancer-firewall-association",
    { resourceArn: loadBalancer.arn, webAclArn: acl.arn },
    opts,
  );
}
