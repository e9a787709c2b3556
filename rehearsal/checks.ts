import type { Failure } from "./resource";
import { containsUnknown, isObject, type Properties, type Value } from "./values";

/** Faults that a provider finds in inputs by itself. Each rule is silent about inputs that are not given or not known. */
export type Rule = (inputs: Properties) => Failure | undefined;

export const all =
  (...rules: Rule[]) =>
  (inputs: Properties) =>
    rules.map((rule) => rule(inputs));

/** A rule for one input, which may lie deeper (`lifecycle.deleteAfter`; not through lists). */
export function rule(path: string, allowed: string, holds: (value: Value) => boolean): Rule {
  return (inputs) => {
    const value = path
      .split(".")
      .reduce<Value | undefined>((at, key) => (isObject(at) ? at[key] : undefined), inputs);
    if (value === undefined || value === null || containsUnknown(value) || holds(value)) return undefined;
    return { property: path, reason: `${JSON.stringify(value)} is not valid; allowed: ${allowed}` };
  };
}

export const pattern = (path: string, regex: RegExp, allowed: string): Rule =>
  rule(path, allowed, (value) => typeof value === "string" && regex.test(value));

export const oneOf = (path: string, ...values: Value[]): Rule =>
  rule(path, values.join(", "), (value) => values.includes(value));

export const between = (path: string, least: number, most: number): Rule =>
  rule(path, `${least} to ${most}`, (value) => Number(value) >= least && Number(value) <= most);

export const json = (path: string): Rule =>
  rule(path, "a JSON document", (value) => {
    try {
      return typeof JSON.parse(String(value)) === "object";
    } catch {
      return false;
    }
  });

export const together = (one: string, other: string): Rule => {
  return (inputs) =>
    inputs[one] !== undefined && inputs[other] === undefined
      ? { property: other, reason: `"${other}" is required when "${one}" is given` }
      : undefined;
};

export const notBoth = (one: string, other: string): Rule => {
  return (inputs) =>
    inputs[one] !== undefined && inputs[other] !== undefined
      ? { property: other, reason: `"${other}" cannot be given together with "${one}"` }
      : undefined;
};
