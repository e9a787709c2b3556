import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { hash } from "bcryptjs";
import { all, between } from "../checks";
import type { Computed, Provider, ResourceType } from "../resource";
import type { Properties } from "../values";

const made =
  (output: string): Computed =>
  ({ made: values }) =>
    values[output] ?? null;

const characters: ResourceType = {
  required: ["length"],
  replaceOn: "everything",
  defaults: {
    lower: true,
    minLower: 0,
    minNumeric: 0,
    minSpecial: 0,
    minUpper: 0,
    special: true,
    upper: true,
  },
  check: all(between("length", 1, 10_000), (inputs) => {
    const least = ["minLower", "minNumeric", "minSpecial", "minUpper"].reduce(
      (sum, key) => sum + Number(inputs[key]),
      0,
    );
    return Number(inputs["length"]) < least
      ? {
          property: "length",
          reason: `${String(inputs["length"])} is less than the ${least} that the minimums ask for`,
        }
      : undefined;
  }),
  computed: {
    number: ({ inputs }) => inputs["numeric"] ?? true,
    numeric: ({ inputs }) => inputs["number"] ?? true,
    result: made("result"),
  },
};

/** `@pulumi/random`, the real thing: from the operating system's cryptographic generator, kept in the state. */
export const random: Provider = {
  name: "random",
  version: "4.21.2+rehearsal",
  functions: {},
  resources: {
    "random:index/randomPassword:RandomPassword": {
      ...characters,
      make: async (inputs) => {
        const result = randomText(inputs);
        // bcrypt takes no more than 72 bytes; the real provider cuts there too.
        return { result, bcryptHash: await hash(Buffer.from(result).subarray(0, 72).toString(), 10) };
      },
      id: () => "none",
      computed: { ...characters.computed, bcryptHash: made("bcryptHash") },
    },
    "random:index/randomString:RandomString": {
      ...characters,
      make: (inputs) => Promise.resolve({ result: randomText(inputs) }),
      id: (r) => String(r.output("result")),
    },
    "random:index/randomId:RandomId": {
      required: ["byteLength"],
      replaceOn: "everything",
      check: all(between("byteLength", 1, 65_536)),
      make: ({ byteLength, prefix }) => {
        const bytes = randomBytes(Number(byteLength));
        const before = prefix === undefined ? "" : String(prefix);
        return Promise.resolve({
          id: bytes.toString("base64url"),
          b64Std: before + bytes.toString("base64"),
          b64Url: before + bytes.toString("base64url"),
          dec: before + BigInt(`0x${bytes.toString("hex")}`).toString(),
          hex: before + bytes.toString("hex"),
        });
      },
      id: (r) => String(r.made["id"]),
      computed: { b64Std: made("b64Std"), b64Url: made("b64Url"), dec: made("dec"), hex: made("hex") },
    },
    "random:index/randomBytes:RandomBytes": {
      required: ["length"],
      replaceOn: "everything",
      check: all(between("length", 1, 65_536)),
      make: ({ length }) => {
        const bytes = randomBytes(Number(length));
        return Promise.resolve({ base64: bytes.toString("base64"), hex: bytes.toString("hex") });
      },
      id: () => "none",
      computed: { base64: made("base64"), hex: made("hex") },
    },
    "random:index/randomInteger:RandomInteger": {
      required: ["max", "min"],
      replaceOn: "everything",
      check: (inputs) => [
        Number(inputs["min"]) > Number(inputs["max"])
          ? {
              property: "min",
              reason: `${String(inputs["min"])} is greater than max, ${String(inputs["max"])}`,
            }
          : undefined,
      ],
      id: (r) => String(r.output("result")),
      computed: { result: ({ inputs }) => randomInt(Number(inputs["min"]), Number(inputs["max"]) + 1) },
    },
    "random:index/randomUuid:RandomUuid": {
      replaceOn: "everything",
      id: (r) => String(r.output("result")),
      computed: { result: () => randomUUID() },
    },
  },
};

/**
 * A text by the options of `RandomPassword`: the least number of each kind, then from all kinds together, in random
 * order.
 * @throws Error if no kind of character is left to draw from
 */
export function randomText(inputs: Properties): string {
  const special = inputs["overrideSpecial"] ? String(inputs["overrideSpecial"]) : "!@#$%&*()-_=+[]{}<>:?";
  const kinds: [string, unknown, unknown][] = [
    ["abcdefghijklmnopqrstuvwxyz", inputs["lower"], inputs["minLower"]],
    ["ABCDEFGHIJKLMNOPQRSTUVWXYZ", inputs["upper"], inputs["minUpper"]],
    ["0123456789", inputs["numeric"] ?? inputs["number"], inputs["minNumeric"]],
    [special, inputs["special"], inputs["minSpecial"]],
  ];
  const draw = (from: string, count: number) => {
    const letters = [...from];
    return Array.from({ length: count }, () => letters[randomInt(letters.length)] ?? "");
  };
  const drawn = kinds.flatMap(([from, , least]) => draw(from, Number(least ?? 0)));
  const together = kinds.map(([from, used]) => (used === false ? "" : from)).join("");
  if (together === "")
    throw new Error("lower, upper, numeric and special are all false: no character is left");
  drawn.push(...draw(together, Number(inputs["length"]) - drawn.length));
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [drawn[last], drawn[other]] = [drawn[other] ?? "", drawn[last] ?? ""];
  }
  return drawn.join("");
}
