import { SIZE_TERMS } from "../../plans/sizes";
import type { Size } from "../../plans/plans";
import { POOL } from "./dhisConf";

/** Cores and memory of the tasks that read or write a whole database; the disk of a Fargate task is as fast as its cores. */
export function jobTerms(size: Size): { cpu: number; memory: number } {
  const cpus = size === "large" ? 8 : 2;
  return { cpu: cpus * 1024, memory: cpus * 2048 };
}

/**
 * Disks in GiB that hold what a database of this size can grow to: its dump, which is not compressed while PostgreSQL
 * compresses long values; and for a drill also the database made of it, and a file store.
 */
export function jobDisks(size: Size): { dump: number; drill: number } {
  const { storageLimitGiB } = SIZE_TERMS[size].database;
  const dump = 1.5 * storageLimitGiB;
  return { dump, drill: dump + 2 * storageLimitGiB };
}

/** The most instances of DHIS2 on one database of a size. */
export const MOST_INSTANCES: Readonly<Record<Size, number>> = { small: 1, medium: 1, large: 4 };

/** From this many GiB on RDS stripes gp3 storage, and refuses what smaller storage has (RDS User Guide, "gp3 storage"). */
const STRIPED = { fromGiB: 400, iops: 12_000, storageThroughput: 500 };

/**
 * A database's storage on RDS. The provider sends the rate of the former storage along with more storage
 * (terraform-provider-aws #28382), so it is given wherever it is not RDS's own least.
 * @param thereGiB what the database has already
 */
export function databaseStorage(
  size: Size,
  thereGiB = 0,
): { allocatedStorage: number; maxAllocatedStorage: number; iops?: number; storageThroughput?: number } {
  const { storageGiB, storageLimitGiB } = SIZE_TERMS[size].database;
  const allocatedStorage = Math.max(storageGiB, thereGiB);
  const { fromGiB, ...rate } = STRIPED;
  return {
    allocatedStorage,
    maxAllocatedStorage: storageLimitGiB,
    ...(allocatedStorage >= fromGiB && rate),
  };
}

/** The most storage that a database may have for a size: RDS asks for a limit that is 10% above it. */
export function storageThatFits(size: Size): number {
  return Math.floor(SIZE_TERMS[size].database.storageLimitGiB / 1.1);
}

export interface Parameter {
  name: string;
  value: string;
  /**
   * Some take effect only when PostgreSQL starts. Of a value that is RDS's default AWS goes on to say pending-reboot:
   * with another method every preview would show a change (terraform-provider-aws #39252).
   */
  applyMethod: "immediate" | "pending-reboot";
}

/**
 * PostgreSQL's settings for a size, as DHIS2's documentation asks for (sysadmin reference, postgresql.md), in the
 * units that RDS takes: 8 kB pages for buffers, kB for the rest.
 * @param instances the most that the database will ever have: a change would need a restart of PostgreSQL
 */
export function postgresParameters(size: Size, instances = 1): Parameter[] {
  const { memoryGiB, workMemMiB } = SIZE_TERMS[size].database;
  const pages = (share: number) => `${Math.round(memoryGiB * share * 131_072)}`;
  const atStart = (name: string, value: string): Parameter => ({
    name,
    value,
    applyMethod: "pending-reboot",
  });
  const atOnce = (name: string, value: string): Parameter => ({ name, value, applyMethod: "immediate" });
  return [
    atStart("rds.force_ssl", "1"),
    atStart("ssl_min_protocol_version", "TLSv1.2"),
    // Compiling a plan costs more than it saves on analytics' many partitions.
    atOnce("jit", "0"),
    // With PostgreSQL's 64, Flyway's migrations run out of shared memory.
    atStart("max_locks_per_transaction", "128"),
    // A pool for each instance, and some connections for jobs.
    atStart("max_connections", `${Math.max(200, instances * POOL + 40)}`),
    atStart("shared_buffers", pages(0.25)),
    atOnce("effective_cache_size", pages(0.75)),
    atOnce("work_mem", `${workMemMiB * 1024}`),
    atOnce("maintenance_work_mem", `${Math.min(memoryGiB * 64, 1024) * 1024}`),
    // gp3 seeks nearly as fast as it reads on.
    atOnce("random_page_cost", "1.1"),
    atOnce("log_lock_waits", "1"),
    // Milliseconds: what takes longer than 10 s is worth a line.
    atOnce("log_min_duration_statement", "10000"),
  ];
}
