import { rule, type Rule } from "../checks";
import type { Creation } from "../resource";
import { containsUnknown, isObject, type Properties } from "../values";

/** What RDS refuses of storage and parameters, and what the provider does about it. */

/** PostgreSQL on gp3 (RDS User Guide, "gp3 storage"): from this many GiB on, other limits hold. */
const STRIPED_GIB = 400;

/** Whether a new database's storage is as fast as RDS makes it from that size on. */
export const isStriped = (r: Creation): boolean => Number(r.inputs["allocatedStorage"]) >= STRIPED_GIB;

interface Storage {
  storageType?: unknown;
  allocatedStorage?: unknown;
  maxAllocatedStorage?: unknown;
  iops?: unknown;
  storageThroughput?: unknown;
}

/** Why RDS would refuse storage, if it would. */
function storageProblem(storage: Storage): string | undefined {
  const { storageType, iops, storageThroughput, maxAllocatedStorage } = storage;
  if (!storage.allocatedStorage || containsUnknown(Object.values(storage))) return undefined;
  const allocated = Number(storage.allocatedStorage);
  if (maxAllocatedStorage && Number(maxAllocatedStorage) < 1.1 * allocated)
    return `maxAllocatedStorage: ${Number(maxAllocatedStorage)}; allowed: at least 10% more than the allocated ${allocated} GiB`;
  if (storageType !== "gp3") return undefined;
  const striped = allocated >= STRIPED_GIB;
  const limits: [name: string, value: unknown, least: number, most: number][] = [
    ["iops", iops, striped ? 12_000 : 3000, striped ? 64_000 : 3000],
    ["storageThroughput", storageThroughput, striped ? 500 : 125, striped ? 4000 : 125],
  ];
  for (const [name, value, least, most] of limits) {
    if (value && !(Number(value) >= least && Number(value) <= most))
      return `Invalid ${name} value: ${Number(value)}; allowed with ${allocated} GiB of gp3: ${least} to ${most}`;
  }
  return undefined;
}

/** Of a new database. */
export const storageRule: Rule = (inputs) => {
  const reason = storageProblem(inputs);
  return reason === undefined ? undefined : { property: "allocatedStorage", reason };
};

/** The provider leaves storage that has grown by itself (terraform-provider-aws, internal/service/rds/instance.go). */
export function grownStorage(
  { allocatedStorage: there }: Storage,
  { allocatedStorage: wanted, maxAllocatedStorage: limit }: Storage,
): string[] {
  const kept = Number(there) > Number(wanted) && Number(limit) > Number(wanted);
  return kept ? ["allocatedStorage"] : [];
}

/** Of a change: the provider sends what the program does not say as the state has it. */
export function storageRefused(state: Storage, inputs: Storage): string | undefined {
  const now = { ...state, ...inputs };
  const { storageType, allocatedStorage, maxAllocatedStorage, iops, storageThroughput } = now;
  const there = Number(state.allocatedStorage);
  if (Number(allocatedStorage) < there)
    return `allocatedStorage: ${Number(allocatedStorage)}; storage cannot be made smaller, and the database has ${there} GiB`;
  return storageProblem({ storageType, allocatedStorage, maxAllocatedStorage, iops, storageThroughput });
}

/** Parameters of PostgreSQL 17 on RDS that take effect only when it starts (`describe-db-parameters`: ApplyType static). */
const STATIC =
  /^(max_connections|max_locks_per_transaction|shared_buffers|max_wal_senders|max_worker_processes|wal_buffers|shared_preload_libraries|huge_pages|rds[.]logical_replication)$/;
/** Values of such a database's default parameter group. */
const RDS_DEFAULTS: Properties = { "rds.force_ssl": "1", ssl_min_protocol_version: "TLSv1.2" };

function takesMethod({ name, value, applyMethod }: Properties): boolean {
  const atOnce = (applyMethod ?? "immediate") === "immediate";
  return !atOnce || !(STATIC.test(String(name)) || RDS_DEFAULTS[String(name)] === value);
}

/** How parameters may be applied. */
export const parameterMethods = rule(
  "parameters",
  "pending-reboot as the applyMethod of static parameters, and of values that are RDS's default: of those AWS goes on " +
    "to say pending-reboot, which every preview would want to change",
  (parameters) =>
    !Array.isArray(parameters) ||
    parameters.every((parameter) => !isObject(parameter) || takesMethod(parameter)),
);
