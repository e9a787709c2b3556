import type { Size } from "./plans";

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
