import { describe, expect, it } from "vitest";
import { SIZES } from "../../plans/plans";
import { databaseStorage, MOST_INSTANCES, postgresParameters, storageThatFits } from "./sizes";
import { POOL } from "./dhisConf";
import { SIZE_TERMS } from "../../plans/sizes";

/** Memory in GiB that Fargate offers for a number of cores (AWS, "Task size"). */
const FARGATE: Record<number, { least: number; most: number; step: number }> = {
  1: { least: 2, most: 8, step: 1 },
  2: { least: 4, most: 16, step: 1 },
  4: { least: 8, most: 30, step: 1 },
  8: { least: 16, most: 60, step: 4 },
};
const value = (size: (typeof SIZES)[number], name: string) =>
  postgresParameters(size).find((parameter) => parameter.name === name)?.value;

describe.each(SIZES)("%s", (size) => {
  const { application, database } = SIZE_TERMS[size];

  it("is a pair of cores and memory that Fargate offers", () => {
    const { least = 0, most = -1, step = 1 } = FARGATE[application.cpus] ?? {};
    const offered = Array.from({ length: (most - least) / step + 1 }, (_, index) => least + index * step);
    expect(offered).toContain(application.memoryGiB);
    expect(application.scratchGiB).toBeGreaterThanOrEqual(21);
    expect(application.scratchGiB).toBeLessThanOrEqual(200);
  });

  it("forces TLS and has what DHIS2's migrations need", () => {
    expect(value(size, "rds.force_ssl")).toBe("1");
    expect(value(size, "jit")).toBe("0");
    expect(value(size, "max_locks_per_transaction")).toBe("128");
    expect(value(size, "max_connections")).toBe("200");
  });

  it("keeps the buffers within the memory, and lets storage grow at least threefold", () => {
    const gib = (pages: string | undefined) => Number(pages) / 131_072;
    expect(gib(value(size, "shared_buffers"))).toBe(database.memoryGiB / 4);
    expect(gib(value(size, "effective_cache_size"))).toBe(database.memoryGiB * 0.75);
    expect(Number(value(size, "maintenance_work_mem"))).toBeLessThanOrEqual(1024 * 1024);
    expect(database.storageLimitGiB).toBeGreaterThanOrEqual(database.storageGiB * 3);
  });
});

it("has a standby from medium up", () => {
  expect(SIZES.map((size) => SIZE_TERMS[size].database.standby)).toEqual([false, true, true]);
});

it.each(SIZES)(
  "of size %s has connections for the pools of all its instances, before there are so many",
  (size) => {
    const connections = postgresParameters(size, MOST_INSTANCES[size]).find(
      ({ name }) => name === "max_connections",
    );
    expect(Number(connections?.value)).toBeGreaterThanOrEqual(MOST_INSTANCES[size] * POOL + 40);
  },
);

it.each([
  ["small", undefined, { allocatedStorage: 20, maxAllocatedStorage: 100 }],
  ["medium", 400, { allocatedStorage: 400, maxAllocatedStorage: 500, iops: 12_000, storageThroughput: 500 }],
  ["large", 100, { allocatedStorage: 400, maxAllocatedStorage: 4000, iops: 12_000, storageThroughput: 500 }],
  ["large", 450, { allocatedStorage: 450, maxAllocatedStorage: 4000, iops: 12_000, storageThroughput: 500 }],
] as const)("has for size %s, and %s GiB there, the storage that RDS takes", (size, there, expected) => {
  expect(databaseStorage(size, there)).toEqual(expected);
});

it("asks for a limit that RDS takes wherever the storage fits the size", () => {
  for (const size of SIZES) {
    const { allocatedStorage, maxAllocatedStorage } = databaseStorage(size, storageThatFits(size));
    expect(maxAllocatedStorage).toBeGreaterThanOrEqual(1.1 * allocatedStorage);
  }
});
