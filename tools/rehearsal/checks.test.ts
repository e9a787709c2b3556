import { describe, expect, it } from "vitest";
import { arn, between, json, notBoth, oneOf, together } from "./checks";
import { UNKNOWN } from "./values";

describe("a rule", () => {
  const status = oneOf("rules.action.status", "on", "off");

  it("looks into every element of a list, and names the one at fault", () => {
    expect(status({ rules: [{ action: { status: "on" } }, { action: { status: "maybe" } }] })).toEqual({
      property: "rules[1].action.status",
      reason: '"maybe" is not valid; allowed: on, off',
    });
  });

  it("is silent about what is not given or not known", () => {
    for (const rules of [[], [{}], [{ action: { status: UNKNOWN } }], UNKNOWN, null]) {
      expect(status({ rules })).toBeUndefined();
    }
    expect(status({})).toBeUndefined();
  });

  it("holds for each text of a list", () => {
    expect(arn("policies")({ policies: ["arn:aws:iam::aws:policy/A", "*"] })).toBeUndefined();
    expect(arn("policies")({ policies: ["arn:aws:iam::aws:policy/A", "A"] })).toMatchObject({
      property: "policies",
    });
  });

  it("takes numbers that are written as text", () => {
    expect(between("wait", 0, 10)({ wait: "5" })).toBeUndefined();
    expect(between("wait", 0, 10)({ wait: "soon" })).toMatchObject({
      reason: '"soon" is not valid; allowed: 0 to 10',
    });
    expect(between("days", 1)({ days: 0 })).toMatchObject({ reason: "0 is not valid; allowed: 1 or more" });
    expect(oneOf("days", 60, 600)({ days: 600 })).toBeUndefined();
  });

  it("knows a JSON document from text that only looks like a value", () => {
    expect(json("policy")({ policy: "{}" })).toBeUndefined();
    expect(json("policy")({ policy: "5" })).toMatchObject({ property: "policy" });
    expect(json("policy")({ policy: "{" })).toMatchObject({ property: "policy" });
  });

  it("can be about two inputs", () => {
    expect(together("records", "ttl")({ records: [] })).toMatchObject({ property: "ttl" });
    expect(together("records", "ttl")({ records: [], ttl: UNKNOWN })).toBeUndefined();
    expect(notBoth("aliases", "records")({ aliases: [], records: [] })).toMatchObject({
      property: "records",
    });
    expect(notBoth("aliases", "records")({ aliases: [] })).toBeUndefined();
  });
});
