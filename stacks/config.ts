import { z } from "zod";
import { isRegion } from "./regions";

/** What every stack's configuration is read with: one manner of schema, one manner of complaint. */

const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** A strict object whose complaint about an unknown key names the known ones. */
export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `unknown key; allowed keys: ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}
export const matching = (pattern: RegExp, allowed: string) =>
  z.string().regex(pattern, `allowed: ${allowed}`);

/** A region of AWS that exists. */
export const awsRegion = matching(REGION, "an AWS region such as eu-west-1").superRefine(
  (region, context) => {
    if (REGION.test(region) && !isRegion(region))
      context.addIssue({
        code: "custom",
        message: "there is no such region; allowed: an AWS region such as eu-west-1",
      });
  },
);

/** A value that must not be read in a stack file: there it stands encrypted, and no message repeats it. */
export function secret<Schema extends z.ZodType>(schema: Schema, description: string): Schema {
  return schema.meta({ secret: true, description });
}

/** A mapping whose keys say which of its values are such secrets. */
export function secretsByKey<Schema extends z.ZodType>(
  schema: Schema,
  secretKeys: RegExp,
  description: string,
): Schema {
  return schema.meta({ secretKeys, description });
}

/** What stands for a secret that is not decrypted: long enough for whatever a spec asks of one. */
export const ENCRYPTED = "[encrypted]".padEnd(64, "*");

/** Where the secrets of a schema stand in a value: the one list, for messages, checks and the editors' schema. */
export function secretsIn(schema: z.ZodType, value: unknown, path: PropertyKey[] = []): PropertyKey[][] {
  if (value === undefined || value === null) return [];
  if (schema.meta()?.["secret"]) return [path];
  const secretKeys = schema.meta()?.["secretKeys"];
  if (secretKeys instanceof RegExp && typeof value === "object")
    return Object.keys(value)
      .filter((key) => secretKeys.test(key))
      .map((key) => [...path, key]);
  const { def } = schema as unknown as { def: Definition };
  if (def.innerType) return secretsIn(def.innerType, value, path);
  if (def.options) return def.options.flatMap((option) => secretsIn(option, value, path));
  if (def.element && Array.isArray(value)) {
    const { element } = def;
    return value.flatMap((item, index) => secretsIn(element, item, [...path, index]));
  }
  if (!def.shape || typeof value !== "object") return [];
  return Object.entries(def.shape).flatMap(([key, inner]) =>
    secretsIn(inner, (value as Record<string, unknown>)[key], [...path, key]),
  );
}

/** What of zod's own definitions leads deeper: objects, lists, unions, and what may be left out. */
interface Definition {
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  options?: z.ZodType[];
  innerType?: z.ZodType;
}

/** What was wrong with a stack's configuration: every problem, each on a line of its own. */
export class SpecError extends Error {
  override name = "SpecError";
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
  }
}

/**
 * Reads a value of a stack's configuration.
 * @param key how a person knows the value as a whole
 * @param encrypted where the stack's file holds encrypted values, which no message repeats either
 * @throws SpecError with every problem: its path, the bad value and what is allowed
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  key: string,
  encrypted: readonly PropertyKey[][] = [],
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const secrets = new Set([...secretsIn(schema, input), ...encrypted].map(pathText));
  throw new SpecError(parsed.error.issues.flatMap((issue) => describeIssue(issue, { input, key, secrets })));
}

/** What an issue is described with. */
interface Described {
  input: unknown;
  /** How a person knows the value as a whole. */
  key: string;
  /** Paths whose values are not shown. */
  secrets: ReadonlySet<string>;
}

/** Why keys of a stack's configuration are refused: a word spelled wrong would say nothing otherwise. */
export function unknownKeys(keys: readonly string[], known: readonly string[]): string[] {
  const namespaces = new Set(known.map((key) => key.split(":")[0]));
  return keys
    .filter((key) => namespaces.has(key.split(":")[0]) && !known.includes(key))
    .map((key) => `${key}: unknown key; allowed keys: ${known.join(", ")}`);
}

const KINDS: Partial<Record<string, string>> = {
  object: "a mapping of keys",
  record: "a mapping of keys",
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
};

function describeIssue(issue: z.core.$ZodIssue, described: Described, base: PropertyKey[] = []): string[] {
  const { input, key, secrets } = described;
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((unknown) => `${pathText([...path, unknown])}: ${issue.message}`);
  }
  if (issue.code === "invalid_union") {
    const nearest = nearestBranch(issue.errors);
    if (nearest) return nearest.flatMap((inner) => describeIssue(inner, described, path));
  }
  const value = valueAt(input, path);
  const allowed =
    issue.code === "invalid_value"
      ? `allowed: ${issue.values.join(", ")}`
      : issue.code === "invalid_type"
        ? `allowed: ${KINDS[issue.expected] ?? `a ${issue.expected}`}`
        : issue.message;
  // Where the value does not matter, for it is not a known key's, it could be a secret under a wrong name.
  if (issue.code === "custom" && issue.params?.["keyOnly"]) return [`${pathText(path) || key}: ${allowed}`];
  const what = value === undefined ? "is missing" : secrets.has(pathText(path)) ? "[secret]" : shown(value);
  return [`${pathText(path) || key}: ${[what, allowed].filter(Boolean).join("; ")}`];
}

/** Of a union's branches the one that the input was meant for: the one it fits but for what lies deeper inside. */
function nearestBranch(branches: z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  return branches.find(
    (issues) => issues.length > 0 && issues.every((issue) => issue.path.length > 0 && !missing(issue)),
  );
  function missing(issue: z.core.$ZodIssue): boolean {
    return issue.code === "invalid_type" && issue.path.length === 1;
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "";
  return typeof value === "object" && value !== null
    ? `{ ${Object.keys(value).join(", ")} }`
    : JSON.stringify(value);
}

export function valueAt(input: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key],
    input,
  );
}

/** A path as messages and `pulumi config set --path` have it, `servers[0].import`. */
export function pathText(path: PropertyKey[]): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      const name = String(step);
      return /^[\w-]+$/.test(name) ? `${index ? "." : ""}${name}` : `[${JSON.stringify(name)}]`;
    })
    .join("");
}
