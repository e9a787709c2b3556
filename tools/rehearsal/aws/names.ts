import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Computed, Creation } from "../resource";

/** The account that every simulated ARN names. No real account has this number. */
export const ACCOUNT = "000000000000";

export function regionOf({ inputs, config }: Pick<Creation, "inputs" | "config">): string {
  return String(inputs["region"] ?? config["region"]);
}

/** `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`. */
export const arn =
  (service: string, resource: (creation: Creation) => string, region = regionOf): Computed =>
  (creation) =>
    `arn:aws:${service}:${region(creation)}:${ACCOUNT}:${resource(creation)}`;

/** The ARN of what belongs to no region, such as a role. */
export const globalArn = (service: string, resource: (creation: Creation) => string): Computed =>
  arn(service, resource, () => "");

/** The id of an EC2-like thing: `vpc-0a1b2c3d4e5f60718`. */
export const hexId = (prefix: string) => () => `${prefix}-0${hex(16)}`;

export const input = (name: string) => (creation: Creation) => creation.text(name);
export const output = (name: string) => (creation: Creation) => String(creation.output(name));
export const itself = (creation: Creation): string => creation.id;

export const uuid = (): string => randomUUID();
export const hex = (digits: number): string =>
  randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits);

const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
export const upper = (length: number): string => pick(length, UPPER);
export const alphanumeric = (length: number): string =>
  pick(length, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
function pick(length: number, from: string): string {
  return Array.from({ length }, () => from[randomInt(from.length)]).join("");
}

/** What AWS derives rather than draws: the same for the same words. */
export function derived(length: number, ...words: string[]): string {
  return createHash("sha256").update(words.join("\n")).digest("hex").slice(0, length);
}
export function derivedUpper(length: number, ...words: string[]): string {
  const digest = createHash("sha256").update(words.join("\n")).digest();
  return Array.from({ length }, (_, index) => UPPER[(digest[index] ?? 0) % UPPER.length]).join("");
}

/** The path that follows the first `/` of an ARN or id. */
export const afterSlash = (text: string): string => text.slice(text.indexOf("/") + 1);
