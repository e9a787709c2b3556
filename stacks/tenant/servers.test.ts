import { describe, expect, it } from "vitest";
import type { ServerSpec } from "./spec";
import type { Entitlement } from "../../plans/entitlement";
import { refuseDropping, refuseGrowth, standings } from "./servers";

const server = (name: string, retire = false) => ({ name, retire }) as ServerSpec;

describe("refuseDropping", () => {
  const before = standings([server("hmis"), server("tracker", true)], "premium");

  it("refuses to remove a server with protected data, and says how to do it on purpose", () => {
    expect(refuseDropping(before, standings([server("tracker")], "premium"))).toMatch(
      /^server "hmis" is no longer in the stack file.*retire: true, run pulumi up/,
    );
    const two = standings([server("a"), server("b"), server("c")], "enterprise");
    expect(refuseDropping(two, standings([server("c")], "enterprise"))).toMatch(/^servers "a", "b" are/);
  });

  it("lets a retired one go, one be added, and a trial's", () => {
    expect(refuseDropping(before, standings([server("hmis")], "premium"))).toBeUndefined();
    expect(
      refuseDropping(before, standings([server("hmis"), server("tracker"), server("new")], "premium")),
    ).toBeUndefined();
    expect(refuseDropping(standings([server("hmis")], "trial"), {})).toBeUndefined();
  });
});

describe("refuseGrowth", () => {
  const entitled = (expiresAt: string) => ({ tenant: "moh", expiresAt }) as Entitlement;
  const expired = entitled("2021-01-01T00:00:00Z");
  const hmis = { name: "hmis", size: "medium", instances: 2 } as const;

  it("refuses what is new or larger under an entitlement that has expired, all of it at once", () => {
    const now = [{ ...hmis, size: "large", instances: 3 } as const, { ...hmis, name: "new" }];
    expect(refuseGrowth(expired, { hmis }, now)).toMatch(
      /expired at 2021.*nothing can be added.*Refused: server "hmis" has size large and had medium; server "hmis" has 3 instances and had 2; server "new" is new\.$/,
    );
    expect(refuseGrowth(entitled("2999-01-01T00:00:00Z"), {}, now)).toBeUndefined();
  });

  it("lets what is the same or smaller go on, and what a former version said no more of than its name", () => {
    for (const before of [hmis, { ...hmis, size: "large", instances: 4 }, {}])
      expect(refuseGrowth(expired, { hmis: before }, [hmis])).toBeUndefined();
    expect(refuseGrowth(expired, { hmis }, [])).toBeUndefined();
  });
});
