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

export interface Parameter {
  name: string;
  value: string;
  /** Some take hold only when PostgreSQL starts. */
  applyMethod: "immediate" | "pending-reboot";
}

/**
 * PostgreSQL's settings for a size, as DHIS2's documentation asks for (sysadmin reference, postgresql.md), in the
 * units that RDS takes: 8 kB pages for buffers, kB for the rest.
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
    atOnce("rds.force_ssl", "1"),
    atOnce("ssl_min_protocol_version", "TLSv1.2"),
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
