import { describe, expect, it } from "vitest";
import { PLANS } from "./plans";
import { RETENTION } from "./retention";

describe.each(PLANS)("%s", (plan) => {
  const kept = RETENTION[plan];

  it("stays within what RDS and AWS Backup allow", () => {
    expect(kept.pointInTime).toBeGreaterThanOrEqual(1);
    expect(kept.pointInTime).toBeLessThanOrEqual(35);
    expect(kept.lockGraceDays).toBeGreaterThanOrEqual(3);
  });

  it("keeps a coarser copy at least as long as a finer one", () => {
    expect(kept.snapshots).toBeGreaterThanOrEqual(kept.pointInTime);
    expect(kept.portable).toBeGreaterThanOrEqual(kept.pointInTime);
    expect(kept.onPremises).toBeGreaterThanOrEqual(kept.portable);
  });
});

it("keeps nothing shorter on a larger plan", () => {
  for (const kind of ["pointInTime", "snapshots", "portable", "onPremises"] as const) {
    const days = PLANS.map((plan) => RETENTION[plan][kind]);
    expect(days).toEqual([...days].sort((a, b) => a - b));
  }
});
