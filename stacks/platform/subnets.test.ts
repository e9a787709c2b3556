import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layout, networkProblem, TIERS } from "./subnets";

function range(cidr: string): { first: number; last: number; size: number } {
  const [address = "", bits = ""] = cidr.split("/");
  const first = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const size = 2 ** (32 - Number(bits));
  return { first, last: first + size - 1, size };
}

/** Any network that a platform may have. */
const networks = fc
  .tuple(fc.integer({ min: 16, max: 22 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }))
  .map(([bits, any]) => {
    const size = 2 ** (32 - bits);
    const address = Math.floor(any / size) * size;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".")}/${bits}`;
  });

describe("layout", () => {
  it("gives each tier of each zone a subnet of its own within the network", () => {
    fc.assert(
      fc.property(networks, fc.integer({ min: 1, max: 4 }), (network, zones) => {
        expect(networkProblem(network)).toBeUndefined();
        const subnets = layout(network, zones);
        const whole = range(network);
        const all = TIERS.flatMap((tier) => subnets[tier])
          .map(range)
          .sort((a, b) => a.first - b.first);
        expect(all).toHaveLength(TIERS.length * zones);
        all.forEach(({ first, last, size }, index) => {
          expect(first).toBeGreaterThanOrEqual(whole.first);
          expect(last).toBeLessThanOrEqual(whole.last);
          expect(first % size).toBe(0);
          expect(size).toBeGreaterThanOrEqual(16);
          expect(first).toBeGreaterThan(all[index - 1]?.last ?? -1);
        });
      }),
    );
  });

  it("moves no subnet when a zone is added", () => {
    fc.assert(
      fc.property(networks, (network) => {
        const [three, four] = [layout(network, 3), layout(network, 4)];
        for (const tier of TIERS) expect(four[tier].slice(0, 3)).toEqual(three[tier]);
      }),
    );
  });

  it("knows its limits", () => {
    expect(layout("10.20.0.0/16", 3).public).toEqual(["10.20.64.0/20", "10.20.80.0/20", "10.20.96.0/20"]);
    expect(() => layout("10.20.0.0/16", 5)).toThrow("5 zones; allowed: 1 to 4");
  });
});

it.each([
  ["10.0.0.0/8", "allowed: /16 to /22"],
  ["10.0.0.0/24", "allowed: /16 to /22"],
  ["10.300.0.0/16", "allowed: octets up to 255"],
  ["10.20.1.0/16", "is not where a /16 begins; allowed: 10.20.0.0/16"],
])("refuses %s", (network, problem) => {
  expect(networkProblem(network)).toBe(problem);
});
