import { z } from "zod";

/** What every stack's configuration is read with: one manner of schema, one manner of complaint. */

export const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** A strict object whose complaint about an unknown key names the known ones. */
export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `is not a key here; allowed: ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}
export const matching = (pattern: RegExp, allowed: string) =>
  z.string().regex(pattern, `allowed: ${allowed}`);

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
 * @throws SpecError with every problem: its path, the bad value and what is allowed
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  key: string,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new SpecError(parsed.error.issues.flatMap((issue) => describeIssue(issue, input, [], key)));
}

const KINDS: Partial<Record<string, string>> = {
  object: "a mapping of keys",
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
};

function describeIssue(issue: z.core.$ZodIssue, input: unknown, base: PropertyKey[], key: string): string[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((unknown) => `${pathText([...path, unknown], key)}: ${issue.message}`);
  }
  if (issue.code === "invalid_union") {
    const nearest = nearestBranch(issue.errors);
    if (nearest) return nearest.flatMap((inner) => describeIssue(inner, input, path, key));
  }
  const value = valueAt(input, path);
  const allowed =
    issue.code === "invalid_value"
      ? `allowed: ${issue.values.join(", ")}`
      : issue.code === "invalid_type"
        ? `allowed: ${KINDS[issue.expected] ?? `a ${issue.expected}`}`
        : issue.message;
  const what = value === undefined ? "is missing" : shown(path, value);
  return [`${pathText(path, key)}: ${[what, allowed].filter(Boolean).join("; ")}`];
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

function shown(path: PropertyKey[], value: unknown): string {
  if (["encryptionPassword", "secretAccessKey"].includes(String(path.at(-1)))) return "[secret]";
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "";
  return typeof value === "object" && value !== null
    ? `{ ${Object.keys(value).join(", ")} }`
    : JSON.stringify(value);
}

function valueAt(input: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key],
    input,
  );
}

function pathText(path: PropertyKey[], key: string): string {
  return (
    path
      .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index ? "." : ""}${String(step)}`))
      .join("") || key
  );
}
