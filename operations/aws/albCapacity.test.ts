import { expect, it } from "vitest";
import { DEFAULT_LIMITS, withoutCapacity, type Holdings } from "./albCapacity";

const names = (count: number) => Array.from({ length: count }, (_, index) => `s${index}.moh.example.org`);
const held = (rules: number, certificates = rules, limits = DEFAULT_LIMITS): Holdings => ({
  hostnames: names(rules),
  owners: new Map(),
  certificates,
  limits,
});

it("finds room up to the least limit, that of certificates", () => {
  expect(withoutCapacity(["new.moh.example.org"], held(24)).size).toBe(0);
  const full = withoutCapacity(["new.moh.example.org"], held(25));
  expect([...full.keys()]).toEqual(["new.moh.example.org"]);
  expect(full.get("new.moh.example.org")).toMatch(
    /no capacity for it: 25 of 25 certificates are in use\. Have AWS raise the quota.*target\.aws\.platform/,
  );
});

it("finds room up to the limit of rules, once AWS has granted more certificates", () => {
  const limits = { rules: 100, certificates: 200 };
  expect(withoutCapacity(["new.moh.example.org"], held(99, 99, limits)).size).toBe(0);
  expect(
    withoutCapacity(["new.moh.example.org"], held(100, 100, limits)).get("new.moh.example.org"),
  ).toContain("100 of 100 rules are in use");
});

it("counts the names that are new, together", () => {
  const wanted = ["s0.moh.example.org", "a.moh.example.org", "b.moh.example.org"];
  expect([...withoutCapacity(wanted, held(24)).keys()]).toEqual(["b.moh.example.org"]);
});

it("lets what is there stay on a full load balancer", () => {
  expect(withoutCapacity(names(25), held(25)).size).toBe(0);
});
