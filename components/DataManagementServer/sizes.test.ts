import { describe, expect, it } from "vitest";
import { SIZES } from "../../plans/plans";
import { postgresParameters } from "./sizes";
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
