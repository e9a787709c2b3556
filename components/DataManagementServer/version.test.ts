import { describe, expect, it } from "vitest";
import { refuseDowngrade } from "./version";

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
