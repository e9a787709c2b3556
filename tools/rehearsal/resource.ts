import { randomBytes } from "node:crypto";
import { differences, type Comparison, type Difference } from "./diff";
import { automaticName, type AutoName, type Proposal } from "./naming";
import { sameValue, UNKNOWN, type Properties, type Value } from "./values";

/** A provider that `serve` puts before the engine. */
export interface Provider {
  name: string;
  version: string;
  resources: Record<string, ResourceType>;
  /** What the SDK calls functions or data sources. Throwing an Error is the way to refuse. */
  functions: Record<string, (args: Properties, config: Properties) => Properties>;
  /**
   * The provider's own configuration with what the environment adds to it.
   * @throws Error if the provider would refuse it
   */
  configure?(config: Properties): Properties;
  /** What the provider adds to every resource's inputs before anything else. */
  prepare?(type: ResourceType, inputs: Properties, config: Properties): Properties;
}

/** A fault in one input, in words for the person who wrote it. */
export interface Failure {
  /** Empty for a secret: the engine shows the value of the property that is named. */
  property: string;
  reason: string;
}

/** A resource at the moment it comes into being. */
export interface Creation {
  /** Its name in the program. */
  name: string;
  urn: string;
  inputs: Properties;
  config: Properties;
  /** What `make` made. */
  made: Properties;
  readonly id: string;
  /** An input as text; empty if it was not given. */
  text(input: string): string;
  /** Another output of the same resource. */
  output(name: string): Value;
}

/** An output's value, or how it comes about. */
export type Computed = Value | ((creation: Creation) => Value);

/** One row of a provider's table: how a resource type behaves. Everything has a default that suits most types. */
export interface ResourceType extends Omit<Comparison, "computed"> {
  required?: readonly string[];
  /** Inputs that the provider fills in when they are not given. */
  defaults?: Properties;
  autoName?: AutoName;
  /** Faults that the real provider finds in inputs before it calls anything. Inputs may be unknown. */
  check?: (inputs: Properties) => readonly (Failure | undefined)[];
  id?: (creation: Creation) => string;
  /** Outputs that only exist once the resource does. An input of the same name, if given, wins. */
  computed?: Record<string, Computed>;
  /** Outputs that the provider already knows when it plans, from inputs that may be unknown. */
  planned?: (inputs: Properties) => Properties;
  /** Outputs that are recreated when one of these inputs changes. */
  follows?: Record<string, readonly string[]>;
  /** Work that `computed` draws on, for what takes time. */
  make?: (inputs: Properties) => Promise<Properties>;
  /** Inputs that cause a replacement although none of them changed. */
  expired?: (state: Properties, inputs: Properties) => readonly string[];
  /** What a refresh finds. Default: what is in the state. */
  read?: (state: Properties) => Properties;
  /** Inputs that the provider leaves as they are in the state, whatever the program says. */
  suppressed?: (state: Properties, inputs: Properties) => readonly string[];
  /** Why the service refuses the change to these inputs; where one is not given, the state has what is sent. */
  refusesUpdate?: (state: Properties, inputs: Properties) => string | undefined;
  /** Why this resource, as it stands, cannot be deleted. */
  refusesDelete?: (state: Properties) => string | undefined;
  /** Two of it cannot exist at a time. */
  deleteBeforeReplace?: boolean;
  /**
   * There is one at a time for each value of this input. A second one is refused while the first is there, or, of a
   * setting, `overwrites` it: then what is deleted after that is the second.
   */
  sole?: { input: string; overwrites: boolean };
  /** It belongs to no region, and has no `region` input. */
  global?: boolean;
  /** It has no tags. */
  untagged?: boolean;
}

const DEFAULTED = "__defaults";

export interface Checked {
  inputs: Properties;
  failures: Failure[];
}

/** The inputs as the provider understands them: defaults and generated name filled in, faults found. */
export function check(
  type: ResourceType,
  name: string,
  given: Properties,
  old: Properties | undefined,
  seed: Uint8Array,
  proposal?: Proposal,
): Checked {
  const inputs: Properties = {};
  for (const [key, value] of Object.entries(given)) if (value !== null) inputs[key] = value;
  const failures: Failure[] = [];
  const defaulted: string[] = [];
  const wasDefaulted = Array.isArray(old?.[DEFAULTED]) ? old[DEFAULTED] : [];
  const fill = (key: string, value: () => Value | undefined) => {
    if (inputs[key] !== undefined) return;
    const filled = wasDefaulted.includes(key) ? old?.[key] : value();
    if (filled === undefined) return;
    inputs[key] = filled;
    defaulted.push(key);
  };
  for (const [key, value] of Object.entries(type.defaults ?? {})) fill(key, () => value);
  if (type.autoName && prefixOf(type, inputs) === undefined) {
    const rule = type.autoName;
    try {
      fill(rule.property, () => automaticName(rule, name, seed, proposal));
    } catch (error) {
      failures.push({ property: rule.property, reason: (error as Error).message });
    }
  }
  for (const key of type.required ?? []) {
    if (inputs[key] === undefined) failures.push({ property: key, reason: `"${key}" is required` });
  }
  failures.push(...(type.check?.(inputs) ?? []).filter((failure) => failure !== undefined));
  return { inputs: { ...inputs, [DEFAULTED]: defaulted.sort() }, failures };
}

export interface Plan {
  changes: Difference[];
  replace: boolean;
  deleteBeforeReplace: boolean;
}

export function diff(
  type: ResourceType,
  oldInputs: Properties,
  state: Properties,
  newInputs: Properties,
): Plan {
  const suppressed = new Set(type.suppressed?.(state, newInputs));
  const computed = Object.keys(type.computed ?? {});
  const changes = differences(oldInputs, state, newInputs, { ...type, computed }).filter(
    ({ path }) => !suppressed.has(path),
  );
  for (const path of type.expired?.(state, newInputs) ?? []) {
    if (!changes.some((change) => change.path === path))
      changes.push({ path, kind: "update", replaces: true });
  }
  const key = type.autoName?.property;
  const chosenByHand = !!key && !(newInputs[DEFAULTED] as string[] | undefined)?.includes(key);
  return {
    changes,
    replace: changes.some((change) => change.replaces),
    // The new one would meet the old one under the same name.
    deleteBeforeReplace:
      !!type.deleteBeforeReplace || (chosenByHand && sameValue(newInputs[key], oldInputs[key])),
  };
}

export interface Identity {
  name: string;
  urn: string;
  config: Properties;
}

export async function create(
  type: ResourceType,
  identity: Identity,
  inputs: Properties,
  preview: boolean,
): Promise<{ id: string; outputs: Properties }> {
  const prefix = prefixOf(type, inputs);
  const named = prefix === undefined ? undefined : (type.autoName?.property as string);
  if (preview) {
    const computed = [...Object.keys(type.computed ?? {}), ...(named ? [named] : [])];
    const unknown = Object.fromEntries(computed.map((key) => [key, UNKNOWN]));
    return { id: "", outputs: { ...unknown, ...type.planned?.(inputs), ...visible(inputs) } };
  }
  // Terraform's own way with a prefix: 26 digits after it, chosen as the resource comes into being.
  if (named) inputs = { ...inputs, [named]: String(prefix) + randomBytes(13).toString("hex") };
  const creation = creationOf(type, identity, inputs, (await type.make?.(inputs)) ?? {});
  const outputs = visible(inputs);
  for (const key of Object.keys(type.computed ?? {})) outputs[key] = creation.output(key);
  return { id: creation.id, outputs };
}

export function update(
  type: ResourceType,
  identity: Identity & { id: string },
  oldInputs: Properties,
  state: Properties,
  inputs: Properties,
  preview: boolean,
): Properties {
  const named = type.autoName?.property;
  if (named && prefixOf(type, inputs) !== undefined) inputs = { ...inputs, [named]: state[named] ?? null };
  for (const key of type.suppressed?.(state, inputs) ?? []) inputs = { ...inputs, [key]: state[key] ?? null };
  const refusal = type.refusesUpdate?.(state, inputs);
  if (refusal) throw new Error(refusal);
  const creation = creationOf(type, identity, inputs, {}, identity.id);
  const outputs = visible(inputs);
  for (const key of Object.keys(type.computed ?? {})) {
    if (outputs[key] !== undefined) continue;
    const old = state[key];
    const changed = type.follows?.[key]?.some((input) => !sameValue(oldInputs[input], inputs[input]));
    outputs[key] = old !== undefined && !changed ? old : preview ? UNKNOWN : creation.output(key);
  }
  return outputs;
}

function creationOf(
  type: ResourceType,
  identity: Identity,
  inputs: Properties,
  made: Properties,
  existing?: string,
): Creation {
  const outputs: Properties = {};
  let id = existing;
  const creation: Creation = {
    ...identity,
    inputs,
    made,
    get id() {
      return (id ??= type.id?.(creation) ?? identity.name);
    },
    text: (input) => (typeof inputs[input] === "object" ? "" : String(inputs[input] ?? "")),
    output: (name) => (outputs[name] ??= inputs[name] ?? compute(type.computed?.[name], creation)),
  };
  return creation;
}

/** What the program gave for a name to begin with, in place of a name. */
function prefixOf({ autoName }: ResourceType, inputs: Properties): Value | undefined {
  if (!autoName || inputs[autoName.property] !== undefined) return undefined;
  return inputs[`${autoName.property}Prefix`] || undefined;
}

function compute(rule: Computed | undefined, creation: Creation): Value {
  return (typeof rule === "function" ? rule(creation) : rule) ?? null;
}

function visible(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== DEFAULTED));
}
