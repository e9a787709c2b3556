import { compare } from "bcryptjs";
import { describe, expect, it } from "vitest";
import { check, create, diff } from "../resource";
import type { Properties } from "../values";
import { random, randomText } from "./";

const identity = { name: "r", urn: "urn:r", config: {} };
const none = new Uint8Array();

function typeOf(name: string) {
  const type = random.resources[`random:index/random${name}:Random${name}`];
  if (!type) throw new Error(`no row Random${name}`);
  return type;
}
const checked = (name: string, inputs: Properties) => check(typeOf(name), "r", inputs, undefined, none);
const made = (name: string, inputs: Properties) =>
  create(typeOf(name), identity, checked(name, inputs).inputs, false);

describe("RandomPassword", () => {
  it("draws another one each time, with a hash that fits", async () => {
    const [one, other] = await Promise.all([
      made("Password", { length: 32 }),
      made("Password", { length: 32 }),
    ]);
    expect(one.outputs["result"]).toHaveLength(32);
    expect(one.outputs["result"]).not.toBe(other.outputs["result"]);
    expect(await compare(String(one.outputs["result"]), String(one.outputs["bcryptHash"]))).toBe(true);
    expect(one.outputs).toMatchObject({ numeric: true, number: true, upper: true });
  });

  it("hashes the first 72 bytes of a long one", async () => {
    const { outputs } = await made("Password", { length: 100 });
    expect(await compare(String(outputs["result"]).slice(0, 72), String(outputs["bcryptHash"]))).toBe(true);
  });

  it("keeps to the kinds of characters and their least numbers", () => {
    for (let times = 0; times < 50; times++) {
      const text = randomText({
        length: 12,
        upper: false,
        overrideSpecial: "_%",
        minSpecial: 3,
        minNumeric: 4,
      });
      expect(text).toMatch(/^[a-z0-9_%]{12}$/);
      expect(text.replace(/[^_%]/g, "").length).toBeGreaterThanOrEqual(3);
      expect(text.replace(/\D/g, "").length).toBeGreaterThanOrEqual(4);
    }
    expect(randomText({ length: 8, lower: false, upper: false, special: false })).toMatch(/^\d{8}$/);
    expect(() =>
      randomText({ length: 8, lower: false, upper: false, special: false, numeric: false }),
    ).toThrow(/no character is left/);
  });

  it("draws every character about as often as any other", () => {
    const counts = new Map<string, number>();
    for (const digit of randomText({ length: 10_000, lower: false, upper: false, special: false })) {
      counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    // 1000 of each are expected, with a standard deviation of 30: six of them off is one run in 50 million.
    expect(Math.min(...counts.values())).toBeGreaterThan(820);
    expect(Math.max(...counts.values())).toBeLessThan(1180);
    expect(counts.size).toBe(10);
  });

  it("refuses a length below the minimums", () => {
    expect(checked("Password", { length: 3, minLower: 2, minUpper: 2 }).failures).toMatchObject([
      { property: "length" },
    ]);
    expect(checked("Password", { length: 0 }).failures).toHaveLength(1);
  });

  it("is recreated when a keeper changes", () => {
    const old = { length: 8, keepers: { a: "1" } };
    expect(diff(typeOf("Password"), old, {}, { ...old, keepers: { a: "2" } }).replace).toBe(true);
    expect(diff(typeOf("Password"), old, {}, old).changes).toEqual([]);
  });
});

describe("the others", () => {
  it("RandomId writes the same bytes in four ways, after a prefix", async () => {
    const { id, outputs } = await made("Id", { byteLength: 8, prefix: "p-" });
    const bytes = Buffer.from(id, "base64url");
    expect(bytes).toHaveLength(8);
    expect(outputs).toMatchObject({
      hex: `p-${bytes.toString("hex")}`,
      b64Std: `p-${bytes.toString("base64")}`,
      b64Url: `p-${id}`,
      dec: `p-${bytes.readBigUInt64BE().toString()}`,
    });
  });

  it("RandomString is its own id", async () => {
    const { id, outputs } = await made("String", { length: 6, special: false });
    expect(id).toBe(outputs["result"]);
    expect(id).toMatch(/^[A-Za-z0-9]{6}$/);
  });

  it("RandomInteger lies between its limits, both included", async () => {
    const results = await Promise.all(Array.from({ length: 60 }, () => made("Integer", { min: 1, max: 3 })));
    expect([...new Set(results.map(({ outputs }) => outputs["result"]))].sort()).toEqual([1, 2, 3]);
    expect(checked("Integer", { min: 4, max: 3 }).failures).toMatchObject([{ property: "min" }]);
  });

  it("RandomUuid and RandomBytes have their forms", async () => {
    expect((await made("Uuid", {})).id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const { outputs } = await made("Bytes", { length: 16 });
    expect(Buffer.from(String(outputs["base64"]), "base64").toString("hex")).toBe(outputs["hex"]);
    expect(outputs["hex"]).toHaveLength(32);
  });
});
