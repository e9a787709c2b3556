import type { Provider } from "@pulumi/aws/provider";
import { getOrderableDbInstance } from "@pulumi/aws/rds/getOrderableDbInstance";
import { getRecords } from "@pulumi/aws/route53/getRecords";
import * as pulumi from "@pulumi/pulumi";
import type { Platform } from "../../components/contract/platform";
import { REHEARSAL_ACCOUNT } from "../../components/aws/runOnce";
import { POSTGRESQL, STORAGE_TYPE } from "../../components/DataManagementServer/aws/database";
import { takenName, type ZoneRecord } from "../../components/SslEndpoint/aws/claim";
import type { Holdings } from "../../operations/aws/albCapacity";
import { SIZE_TERMS } from "../../plans/sizes";
import type { Size } from "../../plans/plans";
import type { AwsTenant } from "./spec";

/**
 * What only AWS knows of a spec: whether it sells the databases that the sizes stand for in this region, and whether
 * the load balancer has capacity for the host names. A preview asks while it plans, an update before it makes anything.
 * @returns every problem, with its path and the way out
 */
export async function awsProblems(
  tenant: string,
  spec: AwsTenant,
  platform: Platform,
  provider: Provider,
): Promise<string[]> {
  const found = await Promise.all([notSold(spec, provider), noCapacity(tenant, spec, platform, provider)]);
  return found.flat();
}

async function notSold({ servers, target }: AwsTenant, provider: Provider): Promise<string[]> {
  const sizes = [...new Set(servers.map(({ size }) => size))];
  const unsold = new Set<Size>();
  await Promise.all(
    sizes.map(async (size) => {
      const { instanceClass } = SIZE_TERMS[size].database;
      const wanted = { ...POSTGRESQL, instanceClass, storageType: STORAGE_TYPE, vpc: true };
      await asked(`whether AWS sells ${instanceClass}`, getOrderableDbInstance(wanted, { provider })).catch(
        () => unsold.add(size),
      );
    }),
  );
  return servers.flatMap(({ size }, index) =>
    unsold.has(size)
      ? [
          `servers[${index}].size: "${size}"; it needs a database of class ${SIZE_TERMS[size].database.instanceClass} ` +
            `with PostgreSQL ${POSTGRESQL.engineVersion}, which AWS does not sell in ${target.aws.region}. ` +
            "Choose another size, or another region (target.aws.region).",
        ]
      : [],
  );
}

/** Rejects only if AWS says that there is no such thing; whoever may not ask goes on without the answer. */
async function asked(what: string, answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    const { message } = error as Error;
    if (/no .*(orderable|matched)|InvalidParameter/i.test(message)) throw error;
    await pulumi.log.warn(`AWS could not be asked ${what}: ${message}`);
  }
}

/** What stands against the host names: that they are another's, and that the load balancer has no capacity for them. */
async function noCapacity(
  tenant: string,
  { servers }: AwsTenant,
  platform: Platform,
  provider: Provider,
): Promise<string[]> {
  const hostnames = servers.map(({ hostname }) => hostname);
  const [records, held] = await Promise.all([
    answered("what the platform's zone holds", recordsOf(hostnames, platform, provider)),
    answered("what the load balancer holds", holdings(hostnames, platform)),
  ]);
  const { withoutCapacity: withoutRoom } = held ? await import("../../operations/aws/albCapacity") : {};
  const refused = held && withoutRoom?.(hostnames, held);
  return hostnames.flatMap((hostname, index) => {
    const rules = held && { rules: held.owners.get(hostname) ?? [] };
    const taken = takenName(hostname, tenant, { records: records ?? [], ...rules });
    const complaint = taken ?? refused?.get(hostname);
    return complaint ? [`servers[${index}].hostname: ${JSON.stringify(hostname)}; ${complaint}`] : [];
  });
}

/** Whoever may not ask goes on without the answer. */
async function answered<Answer>(what: string, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    await pulumi.log.warn(`AWS could not be asked ${what}: ${(error as Error).message}`);
    return undefined;
  }
}

/** The zone's records of host names, and of their claims. */
async function recordsOf(
  hostnames: readonly string[],
  { zone }: Platform,
  provider: Provider,
): Promise<ZoneRecord[]> {
  const names = hostnames.map((hostname) => hostname.replaceAll(".", "[.]")).join("|");
  const nameRegex = `^(_dhistance[.])?(${names})[.]?$`;
  const { resourceRecordSets } = await getRecords({ zoneId: zone.id, nameRegex }, { provider });
  return resourceRecordSets.map(({ name, type, resourceRecords }) => ({
    name,
    type,
    values: resourceRecords.map(({ value }) => value),
  }));
}

async function holdings(
  hostnames: readonly string[],
  { accountId, balancer }: Platform,
): Promise<Holdings | undefined> {
  if (accountId === REHEARSAL_ACCOUNT) return undefined;
  // Only now: loading the AWS SDK takes a while.
  const { holdingsOf } = await import("../../operations/aws/albCapacity");
  return holdingsOf(balancer.listenerArn, hostnames);
}
