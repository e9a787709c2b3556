import { expect, it } from "vitest";
import { hasOtherRegion, noSuchCountry, noSuchResidency, residencyProblems } from "./residency";

const messages = (...args: Parameters<typeof residencyProblems>) =>
  residencyProblems(...args).map(({ path, message }) => `${path.join(".")}: ${message}`);
const servers = (region: string) => ({ path: ["target", "aws"], region });
const host = (country?: string) => ({ path: ["host"], country });

it.each([
  ["a country", ["ZA"], [servers("af-south-1"), host("ZA")]],
  [
    "two countries",
    ["DE", "FR"],
    [servers("eu-central-1"), { path: ["x"], region: "eu-west-3" }, host("FR")],
  ],
  ["a region, whose country the host is in", ["eu-central-1"], [servers("eu-central-1"), host("DE")]],
  ["anywhere", undefined, [servers("eu-central-1"), { path: ["x"], region: "us-east-1" }, host()]],
])("lets data be in %s", (_, residency, places) => {
  expect(messages(residency, places)).toEqual([]);
});

it("names each place that is outside, or that may be", () => {
  expect(messages(["ZA"], [servers("eu-west-1"), host("NA"), host()])).toEqual([
    "target.aws.region: is in IE, outside the residency; allowed: ZA",
    "host.country: outside the residency; allowed: ZA",
    "host.country: residency asks in which country this is, such as country: ZA",
  ]);
  // Another region of the same country is not the one that was allowed.
  expect(messages(["ap-south-1"], [servers("ap-south-2")])).toEqual([
    "target.aws.region: is in IN, outside the residency; allowed: ap-south-1",
  ]);
  expect(messages(undefined, [host("ZA")])).toEqual([
    "host.country: only with residency; add residency, or remove it",
  ]);
});

it("knows whether backups could be in another region", () => {
  expect(hasOtherRegion(["ZA"], "af-south-1")).toBe(false);
  expect(hasOtherRegion(["NG", "af-south-1"], "af-south-1")).toBe(false);
  expect(hasOtherRegion(["IN"], "ap-south-1")).toBe(true);
  expect(hasOtherRegion(["af-south-1", "eu-west-1"], "af-south-1")).toBe(true);
});

it("takes countries and regions that there are", () => {
  for (const good of ["ZA", "DE", "TZ", "CD"]) expect(noSuchCountry(good)).toBeUndefined();
  expect(noSuchCountry("UK")).toMatch(/such as GB$/);
  expect(noSuchCountry("SU")).toMatch(/such as RU$/);
  for (const bad of ["za", "ZAF", "ZZ", "QQ", "XX", "", "__proto__", "EU"])
    expect(noSuchCountry(bad), bad).toMatch(/such as ZA/);
  expect(noSuchResidency("af-south-1")).toBeUndefined();
  expect(noSuchResidency("af-south-2")).toMatch(/or a region of AWS, such as ap-south-2$/);
  expect(noSuchResidency("South Africa")).toMatch(/^allowed: a country's two letters/);
});
