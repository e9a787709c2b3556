import type { Region } from "@pulumi/aws";
import { Provider as AwsProvider } from "@pulumi/aws/provider";
import { Provider as DockerProvider } from "@pulumi/docker/provider";
import * as pulumi from "@pulumi/pulumi";
import { diskRole } from "../../components/aws/disk";
import { encryptionKey } from "../../components/aws/key";
import { platformSchema, type Platform } from "../../components/contract/platform";
import type { BackupVaultArgs } from "../../components/BackupVault/contract";
import { lockDate, lockOf, refuseNewLock, vaultName } from "../../components/BackupVault/aws/lock";
import { remember } from "../../components/doOnce";
import type { AwsTarget } from "../../components/contract/target";
import type { Entitlement } from "../../plans/entitlement";
import { isPaid, keepsData } from "../../plans/plans";
import { SpecError } from "../config";
import type { AwsTenant } from "./spec";

/** What a region's tenants share, as its platform stack says. */
export async function readPlatform(spec: AwsTenant): Promise<Platform> {
  const { region, platform: name = region } = spec.target.aws;
  const refuse = (problem: string, remedy: string): never => {
    throw new SpecError([`target.aws.platform: "${name}"; ${problem}. ${remedy}`]);
  };
  const stack = `organization/dhistance-platform/${name}`;
  const make = `Make it with: pulumi -C stacks/platform up -s ${name}`;
  // What a StackReference does, but as a call that can fail: of a stack that is not there it would only say that.
  const read = await pulumi.runtime
    .invoke("pulumi:pulumi:readStackOutputs", { name: stack })
    .catch(() => refuse("there is no such platform stack", make));
  const { outputs } = read as { outputs: Record<string, unknown> };
  if (Object.keys(outputs).length === 0) refuse("its platform stack has not been brought up", make);
  const parsed = platformSchema.safeParse(outputs);
  if (!parsed.success) {
    const missing = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
    return refuse(
      `its platform stack is of another version (${missing})`,
      `Bring it up to date: ${make.slice(14)}`,
    );
  }
  if (parsed.data.region !== region) {
    refuse(
      `is the platform of ${parsed.data.region}, not of ${region}`,
      "Name a platform of the tenant's region.",
    );
  }
  return parsed.data;
}

/** @throws SpecError if a host name lies outside the platform's zone */
export function checkHostnames(spec: AwsTenant, { zone }: Platform): void {
  const problems = spec.servers.flatMap(({ hostname }, index) =>
    hostname.endsWith(`.${zone.name}`)
      ? []
      : [
          `servers[${index}].hostname: ${JSON.stringify(hostname)}; allowed: a name under ${zone.name}, the platform's zone`,
        ],
  );
  if (problems.length > 0) throw new SpecError(problems);
}

/**
 * The provider of the tenant's own region, and the records of the region and of how the backups are locked. Everything
 * on AWS waits for the provider and the provider for the records: where they may not change, nothing is made, not even
 * what has no data.
 */
export function regionProvider(spec: AwsTenant, entitlement: Entitlement, platform: Platform): AwsProvider {
  const { region } = spec.target.aws;
  const regions = regionsOf(spec);
  const placed = remember(
    `${entitlement.tenant}-region`,
    { because: { region }, refuse: (was, is) => refuseMove(String(was["region"]), String(is["region"])) },
    {},
  );
  const { tenant, plan } = entitlement;
  const locked = remember(
    `${tenant}-lock`,
    {
      because: { ...lockOf(plan) },
      refuse: (was) => refuseNewLock(was, plan, () => lockDate(vaultName(tenant), regions, platform)),
    },
    {},
  );
  return providerOf(region, entitlement, platform, { dependsOn: [placed, locked] });
}

/** The regions of the servers and of their backups. */
export function regionsOf({ target, backups }: AwsTenant): string[] {
  const abroad = backups.locations.flatMap((location) => ("region" in location ? [location.region] : []));
  return [target.aws.region, ...abroad];
}

/**
 * Why a tenant may not go on in another region. The engine itself would plan a new, empty database for each that there
 * is; of those that are protected it would only say that they are.
 */
export function refuseMove(was: string, is: string): string | undefined {
  if (was === is) return undefined;
  return (
    `target.aws.region: "${is}"; the tenant's data are in ${was}, and every database and file store would be recreated, ` +
    `empty. Put ${was} back. To move on purpose: make a portable backup of every server, say retire: true at each ` +
    "(paid plans) and run pulumi up, then pulumi destroy; after that change the region, import the backups and run " +
    "pulumi up (docs/operating/replacing-data.md)."
  );
}

/** The provider of a region, which marks everything it makes as the tenant's. */
function providerOf(
  region: string,
  { tenant, plan }: Entitlement,
  { accountId }: Platform,
  opts: pulumi.ResourceOptions = {},
): AwsProvider {
  const tags = { "dhistance:tenant": tenant, "dhistance:plan": plan, "dhistance:managed-by": "pulumi" };
  return new AwsProvider(
    region,
    // With the credentials of another account everything would be made there, beside what there is.
    { region: region as Region, allowedAccountIds: [accountId], defaultTags: { tags } },
    opts,
  );
}

/** The tenant's target on AWS, with its key. */
export function awsTarget(
  spec: AwsTenant,
  platform: Platform,
  { tenant, plan }: Entitlement,
  parent: pulumi.Resource,
): AwsTarget {
  const { region } = spec.target.aws;
  const key = encryptionKey(
    `${tenant}-key`,
    {
      description: `Everything of tenant ${tenant}`,
      alias: `dhistance/${tenant}`,
      accountId: platform.accountId,
      region,
      logGroups: `/dhistance/${tenant}`,
      deletionWindowInDays: isPaid(plan) ? 30 : 7,
      tags: {},
    },
    // With it every byte of the tenant, backups included, is lost. Locked backups and final snapshots outlive the stack.
    {
      parent,
      retainOnDelete: true,
      protect: keepsData(
        plan,
        spec.servers.every(({ retire }) => retire),
      ),
    },
  );
  const diskRoleArn = diskRole(`${tenant}-disks`, { region, keyArn: key.arn }, { parent });
  return { kind: "aws", region, platform, keyArn: key.arn, diskRoleArn };
}

/** The locations of the backups, each with the provider that reaches it. */
export function backupLocations(
  spec: AwsTenant,
  entitlement: Entitlement,
  platform: Platform,
  home: AwsProvider,
): Pick<BackupVaultArgs, "regions" | "onPremises"> {
  const hosts = new Map<string, DockerProvider>();
  const dockerProvider = (host: string) => {
    const provider = hosts.get(host) ?? new DockerProvider(host, { host });
    hosts.set(host, provider);
    return provider;
  };
  // What may not be made in the tenant's region may not be made elsewhere.
  const elsewhere = { dependsOn: [home] };
  return {
    regions: spec.backups.locations.flatMap((location) =>
      "region" in location
        ? [
            {
              region: location.region,
              provider: providerOf(location.region, entitlement, platform, elsewhere),
            },
          ]
        : [],
    ),
    onPremises: spec.backups.locations.flatMap((location) =>
      "onPremises" in location
        ? [{ ...location.onPremises, provider: dockerProvider(location.onPremises.host) }]
        : [],
    ),
  };
}
