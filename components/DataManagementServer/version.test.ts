import { describe, expect, it } from "vitest";
import { refuseDowngrade, refuseObstacles } from "./version";

describe("refuseDowngrade", () => {
  it.each([
    ["42.5.2", "42.5.2"],
    ["42.5.2", "42.5.3"],
    ["42.5.2", "42.10.0"],
    ["42.5.2", "43.0.0"],
    ["42.5.2", "42.5.2-20260826T150401Z"],
    ["42.6.0-20260826T150401Z", "42.6.0-20260901T000000Z"],
  ])("lets %s become %s", (before, now) => {
    expect(refuseDowngrade("hmis", before, now)).toBeUndefined();
  });

  it.each([
    ["42.5.2", "42.5.1"],
    ["42.10.0", "42.9.9"],
    ["43.0.0", "42.99.0"],
    ["42.6.0-20260901T000000Z", "42.6.0-20260826T150401Z"],
  ])("does not let %s become %s", (before, now) => {
    expect(refuseDowngrade("hmis", before, now)).toContain(
      `server "hmis" runs DHIS2 ${before}; it cannot go back to ${now}`,
    );
  });
});

describe("refuseObstacles", () => {
  it("names each with its number and where its repair is described", () => {
    expect(refuseObstacles("hmis", "43.1.0", [])).toBeUndefined();
    expect(
      refuseObstacles("hmis", "43.1.0", ["3 events without a date (https://a)", "1 b (https://c)"]),
    ).toBe(
      'server "hmis" cannot be upgraded to DHIS2 43.1.0 yet: its migration would fail on 3 events without a date ' +
        "(https://a); 1 b (https://c). Nothing was stopped. Repair these rows in DHIS2 or as the page says, then run it again.",
    );
  });
});
