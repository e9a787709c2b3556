import { createHash, randomBytes } from "node:crypto";

/** How a resource gets the name that the program did not give. */
export interface AutoName {
  /** The input that holds the name. */
  property: string;
  /** The longest name the generator makes. Default 255. */
  maximum?: number;
  /** Between the resource's name in the program and the random part. Default `-`. */
  separator?: string;
  /** Random hexadecimal digits at the end. Default 7; 0 for none. */
  random?: number;
  lowerCase?: boolean;
  /** Put before the name if it does not begin with it. */
  prefix?: string;
}

/** What the engine's own naming configuration (`pulumi:autonaming`) asks for. */
export interface Proposal {
  name: string;
  mode: "propose" | "enforce" | "disable";
}

/**
 * The name for a resource that was given none, or nothing if the project switched naming off.
 * @param seed the engine's, which makes the name the same in every process that is given it
 * @throws Error if the name would be too long
 */
export function automaticName(
  rule: AutoName,
  resource: string,
  seed: Uint8Array,
  proposal?: Proposal,
): string | undefined {
  if (proposal?.mode === "disable") return undefined;
  if (proposal?.mode === "enforce") return proposal.name;
  const digits = rule.random ?? 7;
  const maximum = rule.maximum ?? 255;
  const base = proposal?.name ?? resource;
  let name = rule.lowerCase ? base.toLowerCase() : base;
  if (digits > 0 && !proposal) name += (rule.separator ?? "-") + hexadecimal(digits, seed);
  if (name.length > maximum) {
    throw new Error(`the generated name "${name}" is longer than ${maximum} characters; give a shorter one`);
  }
  return rule.prefix && !name.startsWith(rule.prefix) ? rule.prefix + name : name;
}

function hexadecimal(digits: number, seed: Uint8Array): string {
  const bytes = seed.length > 0 ? createHash("sha512").update(seed).digest() : randomBytes(digits);
  return bytes.toString("hex").slice(0, digits);
}
