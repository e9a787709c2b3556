import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PLANS, SIZES, sizesWithin } from "./plans";
import { serversWithinPlan, sizeWithinPlan, stackIsTenant } from "./quota";

describe("serversWithinPlan", () => {
  it("complains if and only if there are more servers than granted", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PLANS),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.string({ minLength: 1 }), { maxLength: 60 }),
        (plan, maxServers, servers) => {
          const complaint = serversWithinPlan({ tenant: "moh", plan, maxServers }, servers);
          expect(complaint !== undefined).toBe(servers.length > maxServers);
        },
      ),
    );
  });

  it("says the plan, the count and how to get more", () => {
    expect(serversWithinPlan({ tenant: "moh", plan: "premium", maxServers: 2 }, ["a", "b", "c"])).toBe(
      'tenant "moh" has 3 servers (a, b, c); its premium plan allows 2 servers. ' +
        "Remove 1, or move to the enterprise plan.",
    );
    expect(
      serversWithinPlan({ tenant: "moh", plan: "enterprise", maxServers: 3 }, ["a", "b", "c", "d"]),
    ).toMatch(/have the contract's number of servers raised/);
  });
});

describe("sizeWithinPlan", () => {
  it.each([
    ["trial", ["small"]],
    ["premium", ["small", "medium"]],
    ["enterprise", ["small", "medium", "large"]],
  ] as const)("lets %s have %j and nothing else", (plan, allowed) => {
    expect(sizesWithin(plan)).toEqual(allowed);
    for (const size of SIZES) {
      const complaint = sizeWithinPlan(plan, "hmis", size);
      expect(complaint === undefined).toBe((allowed as readonly string[]).includes(size));
      if (complaint) expect(complaint).toContain(`server "hmis" has size "${size}"; the ${plan} plan allows`);
    }
  });
});

describe("stackIsTenant", () => {
  it("holds a tenant to its own name", () => {
    expect(stackIsTenant("moh", "moh")).toBeUndefined();
    expect(stackIsTenant("moh", "moh-2")).toMatch(/stack "moh-2" carries the entitlement of tenant "moh"/);
  });
});
