import type { Provider } from "@pulumi/aws/provider";
import { getOrderableDbInstance } from "@pulumi/aws/rds/getOrderableDbInstance";
import * as pulumi from "@pulumi/pulumi";
import type { Platform } from "../../components/aws/platform";
import { REHEARSAL_ACCOUNT } from "../../components/aws/run";
import { POSTGRESQL, STORAGE_TYPE } from "../../components/DataManagementServer/awsDatabase";
import { SIZE_TERMS } from "../../components/DataManagementServer/sizes";
import type { Size } from "../../plans/plans";
import type { AwsTenant } from "./spec";

/**
 * What only AWS knows of a spec: whether it sells the databases that the sizes stand for in this region, and whether
 * the load balancer has room for the host names. A preview asks while it plans, an update before it makes anything.
 * @returns every problem, with its path and the way out
 */
export async function awsProblems(
  spec: AwsTenant,
  platform: Platform,
  provider: Provider,
): Promise<string[]> {
  const found = await Promise.all([notSold(spec, provider), noRoom(spec, platform)]);
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

async function noRoom({ servers }: AwsTenant, { accountId, balancer }: Platform): Promise<string[]> {
  if (accountId === REHEARSAL_ACCOUNT) return [];
  // Only now: loading the AWS SDK takes a while.
  const { holdingsOf, withoutRoom } = await import("../../components/SslEndpoint/room");
  try {
    const hostnames = servers.map(({ hostname }) => hostname);
    const refused = withoutRoom(hostnames, await holdingsOf(balancer.listenerArn));
    return hostnames.flatMap((hostname, index) => {
      const complaint = refused.get(hostname);
      return complaint ? [`servers[${index}].hostname: ${JSON.stringify(hostname)}; ${complaint}`] : [];
    });
  } catch (error) {
    await pulumi.log.warn(`AWS could not be asked what the load balancer holds: ${(error as Error).message}`);
    return [];
  }
}
