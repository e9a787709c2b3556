import { expect, it } from "vitest";
import { grownStorage, storageRefused, storageRule } from "./rds-rules";

const MEDIUM = {
  storageType: "gp3",
  allocatedStorage: 100,
  maxAllocatedStorage: 500,
  iops: 3000,
  storageThroughput: 125,
};

it("refuses more storage with the rate that the smaller storage had", () => {
  const large = { allocatedStorage: 400, maxAllocatedStorage: 4000 };
  expect(storageRefused(MEDIUM, large)).toMatch(
    /Invalid iops value: 3000; allowed with 400 GiB .*12000 to 64000/,
  );
  expect(storageRefused(MEDIUM, { ...large, iops: 12_000 })).toMatch(/Invalid storageThroughput value: 125/);
  expect(storageRefused(MEDIUM, { ...large, iops: 12_000, storageThroughput: 500 })).toBeUndefined();
});

it("refuses less storage, and a limit that is not above it", () => {
  expect(storageRefused(MEDIUM, { allocatedStorage: 20 })).toMatch(/cannot be made smaller.*has 100 GiB/);
  expect(storageRefused(MEDIUM, { maxAllocatedStorage: 100 })).toMatch(
    /at least 10% more than the allocated 100/,
  );
});

it("leaves storage that has grown by itself", () => {
  expect(grownStorage({ ...MEDIUM, allocatedStorage: 220 }, MEDIUM)).toEqual(["allocatedStorage"]);
  expect(grownStorage(MEDIUM, MEDIUM)).toEqual([]);
  expect(grownStorage(MEDIUM, { ...MEDIUM, allocatedStorage: 20, maxAllocatedStorage: 0 })).toEqual([]);
});

it("refuses a new database with a rate that its storage cannot have", () => {
  expect(storageRule({ storageType: "gp3", allocatedStorage: 400, iops: 3000 })?.reason).toMatch(
    /12000 to 64000/,
  );
  expect(storageRule({ storageType: "gp3", allocatedStorage: 100, iops: 12_000 })?.reason).toMatch(
    /3000 to 3000/,
  );
  expect(storageRule({ storageType: "gp3", allocatedStorage: 400 })).toBeUndefined();
});
