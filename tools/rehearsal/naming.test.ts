import { describe, expect, it } from "vitest";
import { automaticName } from "./naming";

const none = new Uint8Array();
const seed = new Uint8Array([1, 2, 3]);

describe("automaticName", () => {
  it("adds random digits, the same for the same seed", () => {
    expect(automaticName({ property: "name" }, "web", none)).toMatch(/^web-[0-9a-f]{7}$/);
    expect(automaticName({ property: "name" }, "web", none)).not.toBe(
      automaticName({ property: "name" }, "web", none),
    );
    expect(automaticName({ property: "name" }, "web", seed)).toBe(
      automaticName({ property: "name" }, "web", seed),
    );
  });

  it("follows a type's own form", () => {
    expect(automaticName({ property: "bucket", lowerCase: true }, "Data", seed)).toMatch(/^data-/);
    expect(automaticName({ property: "name", separator: "_", random: 3 }, "plan", seed)).toMatch(
      /^plan_[0-9a-f]{3}$/,
    );
    expect(automaticName({ property: "key", random: 0 }, "a/b.txt", seed)).toBe("a/b.txt");
    expect(automaticName({ property: "name", prefix: "alias/" }, "key", seed)).toMatch(/^alias\/key-/);
    expect(automaticName({ property: "name", prefix: "alias/", random: 0 }, "alias/key", seed)).toBe(
      "alias/key",
    );
  });

  it("refuses a name that gets too long", () => {
    expect(() => automaticName({ property: "name", maximum: 12 }, "balancer", none)).toThrow(
      /longer than 12 characters/,
    );
  });

  it("obeys the project's naming configuration", () => {
    const rule = { property: "name", prefix: "alias/" };
    expect(automaticName(rule, "web", none, { mode: "propose", name: "web-prod" })).toBe("alias/web-prod");
    expect(automaticName(rule, "web", none, { mode: "enforce", name: "exactly" })).toBe("exactly");
    expect(automaticName(rule, "web", none, { mode: "disable", name: "" })).toBeUndefined();
  });
});
