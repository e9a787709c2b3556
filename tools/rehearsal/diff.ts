import { canonical, isObject, sameValue, type Properties, type Value } from "./values";

/** How one property differs between what stands in the state and what the program now asks for. */
export interface Difference {
  /** In Pulumi's notation: `rules[0].priority`, `tags["a.b"]`. */
  path: string;
  kind: "add" | "delete" | "update";
  /** The resource cannot be changed in place to have it. */
  replaces: boolean;
}

export interface Comparison {
  /** Inputs, and paths below them (`volumes.name`: indices left out), that a resource keeps for life. */
  replaceOn?: readonly string[] | "everything";
  /** Lists whose order means nothing. */
  sets?: readonly string[];
  /** Strings that hold JSON: only its meaning counts. */
  json?: readonly string[];
  /** What the provider chooses itself when it is not given: leaving it out again changes nothing. */
  computed?: readonly string[];
}

/**
 * What would have to change for a resource with these inputs and outputs to have those inputs.
 * @param state the outputs, which tell what the provider chose where the old inputs were silent
 */
export function differences(
  oldInputs: Properties,
  state: Properties,
  newInputs: Properties,
  comparison: Comparison,
): Difference[] {
  const found: Difference[] = [];
  const keys = new Set([...Object.keys(oldInputs), ...Object.keys(newInputs)]);
  for (const key of [...keys].filter((name) => !name.startsWith("__")).sort()) {
    const wasGiven = oldInputs[key] !== undefined && oldInputs[key] !== null;
    const isGiven = newInputs[key] !== undefined && newInputs[key] !== null;
    if (!isGiven && (!wasGiven || comparison.computed?.includes(key))) continue;
    const before = wasGiven ? oldInputs[key] : comparison.computed?.includes(key) ? state[key] : undefined;
    compare(before, isGiven ? newInputs[key] : undefined, key, key, comparison, found);
  }
  return found;
}

function compare(
  before: Value | undefined,
  after: Value | undefined,
  path: string,
  plain: string,
  comparison: Comparison,
  found: Difference[],
): void {
  if (sameValue(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    const inOrder = (list: Value[]) =>
      comparison.sets?.includes(plain)
        ? [...list].sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1))
        : list;
    const [old, now] = [inOrder(before), inOrder(after)];
    for (let index = 0; index < Math.max(old.length, now.length); index++) {
      compare(old[index], now[index], `${path}[${index}]`, plain, comparison, found);
    }
  } else if (isObject(before) && isObject(after)) {
    for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      const step = /^[A-Za-z_][\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      compare(before[key], after[key], path + step, `${plain}.${key}`, comparison, found);
    }
  } else if (!(comparison.json?.includes(plain) && sameJson(before, after))) {
    found.push({
      path,
      kind: before === undefined ? "add" : after === undefined ? "delete" : "update",
      replaces:
        comparison.replaceOn === "everything" ||
        !!comparison.replaceOn?.some((fixed) => plain === fixed || plain.startsWith(`${fixed}.`)) ||
        // A whole block came or went that holds what cannot be changed.
        !!comparison.replaceOn?.some((fixed) => fixed.startsWith(`${plain}.`)),
    });
  }
}

function sameJson(one: unknown, other: unknown): boolean {
  try {
    return sameValue(JSON.parse(String(one)), JSON.parse(String(other)));
  } catch {
    return false;
  }
}
