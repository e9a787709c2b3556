import type { Size } from "../../plans/plans";
import { POOL } from "./dhisConf";

/** What a size means, on every target. */
export interface SizeTerms {
  application: {
    /** Cores. */
    cpus: number;
    memoryGiB: number;
    /** Scratch space for uploads, exports and logs. Fargate's least is 21. */
    scratchGiB: number;
    /** How long a start may take, a migration of the database included, before it counts as a failure. */
    startSeconds: number;
  };
  database: {
    /** RDS instance class; its memory stands beside it. */
    instanceClass: string;
    memoryGiB: number;
    /** gp3 storage to begin with, and the most it grows to by itself. */
    storageGiB: number;
    storageLimitGiB: number;
    /** A standby in a second zone: fails over in one to two minutes. */
    standby: boolean;
    /** Memory of one sort or hash; a query has several, and a connection has a query. */
    workMemMiB: number;
  };
}

/**
 * The one table of sizes. DHIS2's memory is about half JVM, half database: 4, 12 and 64 GB in all are the sizes its
 * own deployment guides give for a small, a medium and a large system. Fargate and RDS need nothing set aside for an
 * operating system; where the guide's number lies between two that AWS sells, the larger one was taken.
 */
export const SIZE_TERMS: Readonly<Record<Size, SizeTerms>> = {
  // A district, a pilot, a training system: tens of users. t4g is burstable, which suits them; 42 and later do not
  // run well with a heap below 2 GB.
  small: {
    application: { cpus: 1, memoryGiB: 4, scratchGiB: 21, startSeconds: 1800 },
    database: {
      instanceClass: "db.t4g.medium",
      memoryGiB: 4,
      storageGiB: 20,
      storageLimitGiB: 100,
      standby: false,
      workMemMiB: 16,
    },
  },
  // A national aggregate system: hundreds of users, analytics every night.
  medium: {
    application: { cpus: 2, memoryGiB: 8, scratchGiB: 40, startSeconds: 3600 },
    database: {
      instanceClass: "db.m7g.large",
      memoryGiB: 8,
      storageGiB: 100,
      storageLimitGiB: 500,
      standby: true,
      workMemMiB: 20,
    },
  },
  // National tracker: thousands of users, tables of hundreds of gigabytes whose migrations take hours.
  large: {
    application: { cpus: 8, memoryGiB: 32, scratchGiB: 100, startSeconds: 14_400 },
    database: {
      instanceClass: "db.r7g.xlarge",
      memoryGiB: 32,
      storageGiB: 400,
      storageLimitGiB: 4000,
      standby: true,
      workMemMiB: 24,
    },
  },
};

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
    // A pool for each instance, and room for jobs.
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
