import { expiryNotice, hasExpired, type Entitlement } from "../../plans/entitlement";
import { keepsData, SIZES, type Plan } from "../../plans/plans";
import type { ServerSpec } from "./spec";

/** Whether a server's data may go: on paid plans not before it was said that it retires. */
type Standing = "kept" | "may go";

/** What is remembered of a tenant's servers from one `up` to the next, by their names. */
export function standings(servers: readonly ServerSpec[], plan: Plan): Record<string, Standing> {
  return Object.fromEntries(
    servers.map(({ name, retire }) => [name, keepsData(plan, retire) ? "kept" : "may go"]),
  );
}

/**
 * Why the servers may not become these: a server whose data are kept was taken out of the stack file. Its data are
 * protected one by one, but the engine would take away everything else of it before it came to them.
 */
export function refuseDropping(
  before: Record<string, unknown>,
  now: Record<string, unknown>,
): string | undefined {
  const dropped = Object.keys(before).filter((name) => before[name] === "kept" && !(name in now));
  if (dropped.length === 0) return undefined;
  const names = dropped.map((name) => `"${name}"`).join(", ");
  return (
    `${dropped.length === 1 ? `server ${names} is` : `servers ${names} are`} no longer in the stack file, and the data ` +
    "would be lost. If that is meant, put it back with retire: true, run pulumi up, and take it out after that."
  );
}

/** What a stack's last `up` said of its servers, by their names; a former version said less. */
export type ServersBefore = Record<string, { size?: unknown; instances?: unknown; database?: unknown }>;

/** Why the servers may not become these under an entitlement that has expired: something would be added. */
export function refuseGrowth(
  entitlement: Entitlement,
  before: ServersBefore,
  servers: readonly Pick<ServerSpec, "name" | "size" | "instances">[],
): string | undefined {
  if (!hasExpired(entitlement)) return undefined;
  const added = servers.flatMap(({ name, size, instances }) => {
    const was = before[name];
    if (!was) return [`server "${name}" is new`];
    const larger = SIZES.indexOf(size) > (SIZES as readonly unknown[]).indexOf(was.size ?? size);
    const more = instances > Number(was.instances ?? instances);
    return [
      ...(larger ? [`server "${name}" has size ${size} and had ${String(was.size)}`] : []),
      ...(more ? [`server "${name}" has ${instances} instances and had ${String(was.instances)}`] : []),
    ];
  });
  return added.length > 0 ? `${expiryNotice(entitlement)} Refused: ${added.join("; ")}.` : undefined;
}
