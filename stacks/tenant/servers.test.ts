import { describe, expect, it } from "vitest";
import type { ServerSpec } from "./spec";
import { refuseDropping, standings } from "./servers";

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
