import {
  DescribeAccountLimitsCommand,
  DescribeListenerCertificatesCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";

/** The provider of a tenant's region puts it on everything that it makes. */
const TENANT_TAG = "dhistance:tenant";

/** What a load balancer can hold besides its defaults: one rule and one certificate for each server. */
export interface Limits {
  rules: number;
  certificates: number;
}

/** AWS's own, until it grants more (Elastic Load Balancing, "Quotas for your Application Load Balancers"). */
export const DEFAULT_LIMITS: Limits = { rules: 100, certificates: 25 };

/** What a listener holds, of all tenants. */
export interface Holdings {
  /** The host names of its rules; defaults have none. */
  hostnames: string[];
  /** The tenants whose rules have one of the names that were asked for, by that name; undefined for nobody's. */
  owners: ReadonlyMap<string, readonly (string | undefined)[]>;
  /** Without the default one. */
  certificates: number;
  limits: Limits;
}

/**
 * Why some of these host names find no capacity on a listener, each with what to do; none for names that it serves
 * already.
 * @returns the complaint by host name
 */
export function withoutCapacity(hostnames: readonly string[], held: Holdings): Map<string, string> {
  const { rules, certificates } = held.limits;
  const free = Math.max(0, Math.min(rules - held.hostnames.length, certificates - held.certificates));
  const late = hostnames.filter((hostname) => !held.hostnames.includes(hostname)).slice(free);
  const full = [
    ...(rules - held.hostnames.length <= free ? [`${held.hostnames.length} of ${rules} rules`] : []),
    ...(certificates - held.certificates <= free
      ? [`${held.certificates} of ${certificates} certificates`]
      : []),
  ];
  const complaint =
    `the platform's load balancer has no capacity for it: ${full.join(", ")} are in use. Have AWS raise the quota ` +
    `"Rules" or "Certificates per Application Load Balancer", or name another platform of the region ` +
    "(target.aws.platform).";
  return new Map(late.map((hostname) => [hostname, complaint]));
}

/**
 * Asks AWS what a listener holds and may hold, with the credentials of the environment.
 * @param hostnames whose owners are asked for
 */
export async function holdingsOf(
  listenerArn: string,
  hostnames: readonly string[],
  client = new ElasticLoadBalancingV2Client({ region: listenerArn.split(":")[3] ?? "" }),
): Promise<Holdings> {
  const of = { ListenerArn: listenerArn };
  const [rules, certificates, limits] = await Promise.all([
    pages(
      (Marker) => client.send(new DescribeRulesCommand({ ...of, Marker })),
      ({ Rules }) => Rules,
    ),
    pages(
      (Marker) => client.send(new DescribeListenerCertificatesCommand({ ...of, Marker })),
      ({ Certificates }) => Certificates,
    ),
    pages(
      (Marker) => client.send(new DescribeAccountLimitsCommand({ Marker })),
      ({ Limits }) => Limits,
    ),
  ]);
  const limit = (name: string) => Number(limits.find(({ Name }) => Name === name)?.Max) || undefined;
  const held = rules.flatMap(({ RuleArn = "", Conditions = [] }) => {
    const [name] = Conditions.flatMap(
      ({ HostHeaderConfig, Values }) => HostHeaderConfig?.Values ?? Values ?? [],
    );
    return name === undefined ? [] : [{ rule: RuleArn, hostname: name.toLowerCase() }];
  });
  return {
    hostnames: held.map(({ hostname }) => hostname),
    owners: await ownersOf(held, hostnames, client),
    certificates: certificates.filter(({ IsDefault }) => !IsDefault).length,
    limits: {
      rules: limit("rules-per-application-load-balancer") ?? DEFAULT_LIMITS.rules,
      certificates: limit("certificates-per-application-load-balancer") ?? DEFAULT_LIMITS.certificates,
    },
  };
}

async function ownersOf(
  held: readonly { rule: string; hostname: string }[],
  hostnames: readonly string[],
  client: ElasticLoadBalancingV2Client,
): Promise<Map<string, (string | undefined)[]>> {
  const owners = new Map<string, (string | undefined)[]>();
  for (const hostname of hostnames) {
    const rules = held.filter((each) => each.hostname === hostname).map(({ rule }) => rule);
    if (rules.length === 0) continue;
    const { TagDescriptions = [] } = await client.send(new DescribeTagsCommand({ ResourceArns: rules }));
    const tenantOf = ({ Tags = [] }: (typeof TagDescriptions)[number]) =>
      Tags.find(({ Key }) => Key === TENANT_TAG)?.Value;
    owners.set(hostname, TagDescriptions.map(tenantOf));
  }
  return owners;
}

async function pages<Page extends { NextMarker?: string | undefined }, Item>(
  ask: (marker: string | undefined) => Promise<Page>,
  items: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const all: Item[] = [];
  let marker: string | undefined;
  do {
    const page = await ask(marker);
    all.push(...(items(page) ?? []));
    marker = page.NextMarker;
  } while (marker);
  return all;
}
