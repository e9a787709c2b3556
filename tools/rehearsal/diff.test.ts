import { describe, expect, it } from "vitest";
import { differences } from "./diff";
import { UNKNOWN } from "./values";

const paths = (...args: Parameters<typeof differences>) =>
  differences(...args).map(({ path, kind, replaces }) => `${kind} ${path}${replaces ? " replaces" : ""}`);

describe("differences", () => {
  it("finds nothing in equal inputs, whatever the order of keys", () => {
    expect(paths({ a: { x: 1, y: [2] } }, {}, { a: { y: [2], x: 1 } }, {})).toEqual([]);
  });

  it("names each leaf by its path", () => {
    const old = { rules: [{ priority: 1, name: "a" }], tags: { "a.b": "1", gone: "x" } };
    const now = { rules: [{ priority: 2, name: "a" }, { name: "b" }], tags: { "a.b": "2" }, added: true };
    expect(paths(old, {}, now, {})).toEqual([
      "add added",
      "update rules[0].priority",
      "add rules[1]",
      'update tags["a.b"]',
      "delete tags.gone",
    ]);
  });

  it("replaces on a path, on what lies below it, and on a block that holds it", () => {
    const comparison = { replaceOn: ["name", "disk.key"] };
    expect(paths({ name: "a" }, {}, { name: "b" }, comparison)).toEqual(["update name replaces"]);
    expect(paths({ disk: { key: "a" } }, {}, { disk: { key: "b" } }, comparison)).toEqual([
      "update disk.key replaces",
    ]);
    expect(paths({ disk: { size: 1 } }, {}, { disk: { size: 2 } }, comparison)).toEqual(["update disk.size"]);
    expect(paths({ disk: { key: "a" } }, {}, {}, comparison)).toEqual(["delete disk replaces"]);
    expect(paths({ names: "a" }, {}, { names: "b" }, comparison)).toEqual(["update names"]);
  });

  it("ignores the order of sets, and of sets within blocks of a list", () => {
    const comparison = { sets: ["subnets", "networks.aliases"] };
    expect(paths({ subnets: ["a", "b"] }, {}, { subnets: ["b", "a"] }, comparison)).toEqual([]);
    expect(
      paths({ networks: [{ aliases: ["x", "y"] }] }, {}, { networks: [{ aliases: ["y", "x"] }] }, comparison),
    ).toEqual([]);
    expect(paths({ lists: ["a", "b"] }, {}, { lists: ["b", "a"] }, comparison)).toHaveLength(2);
  });

  it("compares documents by their meaning", () => {
    const comparison = { json: ["policy"] };
    expect(paths({ policy: '{"a":1,"b":2}' }, {}, { policy: '{ "b": 2, "a": 1 }' }, comparison)).toEqual([]);
    expect(paths({ policy: '{"a":1}' }, {}, { policy: '{"a":2}' }, comparison)).toEqual(["update policy"]);
    expect(paths({ text: '{"a":1}' }, {}, { text: '{ "a": 1 }' }, comparison)).toEqual(["update text"]);
  });

  it("takes what the provider chose for the value of an input that was not given", () => {
    const comparison = { computed: ["port"] };
    expect(paths({}, { port: 5432 }, { port: 5432 }, comparison)).toEqual([]);
    expect(paths({}, { port: 5432 }, { port: 5433 }, comparison)).toEqual(["update port"]);
    expect(paths({ port: 5433 }, { port: 5433 }, {}, comparison)).toEqual([]);
  });

  it("takes an unknown value for a change", () => {
    expect(paths({ vpcId: "vpc-1" }, {}, { vpcId: UNKNOWN }, { replaceOn: ["vpcId"] })).toEqual([
      "update vpcId replaces",
    ]);
  });
});
