import type { Failure } from "./resource";
import { containsUnknown, isObject, type Properties, type Value } from "./values";

/** Faults that a provider finds in inputs by itself. Each rule is silent about inputs that are not given or not known. */
export type Rule = (inputs: Properties) => Failure | undefined;

export const all =
  (...rules: Rule[]) =>
  (inputs: Properties) =>
    rules.map((rule) => rule(inputs));

/** A rule for one input, or for what lies below it: `actions.redirect.port`, in each element of a list. */
export function rule(path: string, allowed: string, holds: (value: Value) => boolean): Rule {
  return (inputs) => {
    for (const [place, value] of valuesAt(inputs, path.split("."))) {
      if (!containsUnknown(value) && !holds(value)) {
        return { property: place, reason: `${JSON.stringify(value)} is not valid; allowed: ${allowed}` };
      }
    }
    return undefined;
  };
}

function valuesAt(value: Value | undefined, steps: string[], place = ""): [place: string, value: Value][] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = steps;
  if (step === undefined) return [[place, value]];
  if (Array.isArray(value)) {
    return value.flatMap((element, index) => valuesAt(element, steps, `${place}[${index}]`));
  }
  return isObject(value) ? valuesAt(value[step], rest, place ? `${place}.${step}` : step) : [];
}

/** A rule about text, or about each text of a list. */
const texts = (path: string, allowed: string, holds: (text: string) => boolean): Rule =>
  rule(path, allowed, (value) =>
    (Array.isArray(value) ? value : [value]).every((one) => typeof one !== "object" && holds(String(one))),
  );

export const pattern = (path: string, regex: RegExp, allowed: string): Rule =>
  texts(path, allowed, (text) => regex.test(text));

export const oneOf = (path: string, ...values: (string | number)[]): Rule =>
  texts(path, values.join(", "), (text) => values.map(String).includes(text));

const ARN = /^(arn:aws(-[a-z]+)*:[\w-]+:[^:]*:[^:]*:.+|\*)$/;
export const arn = (path: string): Rule => pattern(path, ARN, "an ARN: arn:aws:…");

export const between = (path: string, least: number, most = Infinity): Rule =>
  texts(path, most === Infinity ? `${least} or more` : `${least} to ${most}`, (text) => {
    const number = Number(text);
    return number >= least && number <= most;
  });

export const json = (path: string): Rule =>
  texts(path, "a JSON document", (text) => {
    try {
      return typeof JSON.parse(text) === "object";
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
