import type { Provider } from "@pulumi/aws/provider";
import { getInstance } from "@pulumi/aws/rds/getInstance";
import * as pulumi from "@pulumi/pulumi";
import { storageThatFits } from "../../components/DataManagementServer/sizes";
import { SIZE_TERMS } from "../../plans/sizes";
import type { ServersBefore } from "./servers";
import type { ServerSpec } from "./spec";

/** GiB of storage that databases have, by their servers' names. */
export type Storage = ReadonlyMap<string, number>;

/** A server by what its storage depends on. */
type Sized = Pick<ServerSpec, "name" | "size">;

/**
 * Asks AWS what storage the databases have whose size changes: RDS lets it grow and never shrink, and the state knows
 * it only as of the last `up`. Whoever may not ask goes on without the answer.
 */
export async function storageOf(
  servers: readonly Sized[],
  before: ServersBefore,
  provider: Provider,
): Promise<Storage> {
  const resized = servers.flatMap(({ name, size }) => {
    const { size: was = size, database } = before[name] ?? {};
    return was !== size && typeof database === "string" ? [{ name, database }] : [];
  });
  const found = await Promise.all(
    resized.map(async ({ name, database }): Promise<[string, number][]> => {
      const dbInstanceIdentifier = database.split(".")[0] ?? "";
      try {
        const { allocatedStorage } = await getInstance({ dbInstanceIdentifier }, { provider });
        return [[name, allocatedStorage]];
      } catch (error) {
        await pulumi.log.warn(
          `AWS could not be asked for the storage of ${dbInstanceIdentifier}: ${(error as Error).message}`,
        );
        return [];
      }
    }),
  );
  return new Map(found.flat());
}

/** The sizes whose limit is too low for the storage that there is, each with its path and what to do. */
export function refuseShrinking(servers: readonly Sized[], storage: Storage): string[] {
  return servers.flatMap(({ name, size }, index) => {
    const there = storage.get(name) ?? 0;
    if (there <= storageThatFits(size)) return [];
    return [
      `servers[${index}].size: "${size}"; its database has ${there} GiB of storage, which RDS cannot make smaller; ` +
        `allowed with size ${size}: up to ${storageThatFits(size)} GiB. Keep a larger size, or move the data to a new ` +
        "server by a portable backup (docs/operating/sizes.md).",
    ];
  });
}

/** What the person who runs the update should know about the storage of servers whose size changes. */
export function storageNotices(servers: readonly Sized[], storage: Storage): string[] {
  return servers.flatMap(({ name, size }) => {
    const there = storage.get(name);
    const { storageGiB } = SIZE_TERMS[size].database;
    if (there === undefined) return [];
    return there < storageGiB
      ? [
          `server "${name}": its database's storage grows from ${there} to ${storageGiB} GiB. RDS changes storage ` +
            "once in six hours: it refuses the next change of size until then.",
        ]
      : there > storageGiB
        ? [`server "${name}": its database keeps its ${there} GiB of storage, which RDS cannot make smaller.`]
        : [];
  });
}
