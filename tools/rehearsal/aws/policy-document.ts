import { createHash } from "node:crypto";
import { isObject, type Properties, type Value } from "../values";

/** A policy as IAM reads it. */
interface Policy {
  Version?: string;
  Id?: string;
  Statement?: Statement[];
}
type Statement = Record<string, Value> & { Sid?: string };

const VERSION = "2012-10-17";

/**
 * `aws.iam.getPolicyDocument`: composes the JSON as the real provider does, to the byte: a list of one is written as
 * its element, longer ones in descending order, `&{…}` becomes `${…}`, and documents are merged by statement id.
 * @throws Error for two statements of one id, or a source that is no JSON
 */
export function policyDocument(args: Properties): Properties {
  const own: Policy = {
    Version: text(args["version"]) || VERSION,
    ...(text(args["policyId"]) && { Id: text(args["policyId"]) }),
    Statement: list(args["statements"])
      .filter(isObject)
      .map((one) => statement(one, text(args["version"]))),
  };
  refuseDuplicates(own, "statements");
  const sources = list(args["sourcePolicyDocuments"]).map((source) => parse(source, "sourcePolicyDocuments"));
  const overrides = list(args["overridePolicyDocuments"]).map((source) =>
    parse(source, "overridePolicyDocuments"),
  );
  refuseDuplicates(
    { Statement: sources.flatMap((source) => source.Statement ?? []) },
    "sourcePolicyDocuments",
  );
  const merged = [...sources, own, ...overrides].reduce(merge, {});
  if (merged.Statement?.length === 0) delete merged.Statement;
  const json = escape(JSON.stringify(merged, null, 2));
  return {
    ...args,
    version: merged.Version ?? VERSION,
    id: createHash("sha256").update(json).digest("hex").slice(0, 10),
    json,
    minifiedJson: escape(JSON.stringify(merged)),
  };
}

function statement(from: Properties, version: string): Statement {
  const strings = (key: string) =>
    oneOrMany(list(from[key]).map((value) => interpolate(text(value), version)));
  const made: Statement = {};
  const set = (key: string, value: Value | undefined) => {
    if (value !== undefined && value !== "") made[key] = value;
  };
  set("Sid", text(from["sid"]));
  set("Effect", text(from["effect"]) || "Allow");
  set("Action", oneOrMany(list(from["actions"]).map(text)));
  set("NotAction", oneOrMany(list(from["notActions"]).map(text)));
  set("Resource", strings("resources"));
  set("NotResource", strings("notResources"));
  set("Principal", principals(from["principals"], version));
  set("NotPrincipal", principals(from["notPrincipals"], version));
  set("Condition", conditions(from["conditions"], version));
  return made;
}

function principals(from: Value | undefined, version: string): Value | undefined {
  const byType = new Map<string, string[]>();
  for (const one of list(from).filter(isObject)) {
    const ids = descending(list(one["identifiers"]).map((id) => interpolate(text(id), version)));
    byType.set(text(one["type"]), [...(byType.get(text(one["type"])) ?? []), ...ids]);
  }
  if (byType.size === 0) return undefined;
  if (byType.size === 1 && byType.get("*")?.join() === "*") return "*";
  return Object.fromEntries([...byType].sort(byKey).map(([type, ids]) => [type, bare(ids) ?? []]));
}

function conditions(from: Value | undefined, version: string): Value | undefined {
  const tests: Record<string, Record<string, string[]>> = {};
  for (const one of list(from).filter(isObject)) {
    const values = list(one["values"]).map((value) => interpolate(text(value), version));
    const test = (tests[text(one["test"])] ??= {});
    test[text(one["variable"])] = [...(test[text(one["variable"])] ?? []), ...values];
  }
  const sorted = Object.entries(tests).map(([test, variables]): [string, Value] => [
    test,
    Object.fromEntries(
      Object.entries(variables)
        .sort(byKey)
        .map(([variable, values]) => [variable, bare(values) ?? []]),
    ),
  ]);
  return sorted.length === 0 ? undefined : Object.fromEntries(sorted.sort(byKey));
}

function merge(into: Policy, next: Policy): Policy {
  const statements = [...(into.Statement ?? [])];
  for (const one of next.Statement ?? []) {
    const same = one.Sid ? statements.findIndex((other) => other.Sid === one.Sid) : -1;
    if (same >= 0) statements[same] = one;
    else statements.push(one);
  }
  const Id = next.Id ?? into.Id;
  return { Version: next.Version ?? into.Version ?? VERSION, ...(Id && { Id }), Statement: statements };
}

function parse(source: Value, where: string): Policy {
  let policy: Policy;
  try {
    policy = JSON.parse(text(source) || "{}") as Policy;
  } catch (error) {
    throw new Error(`${where} holds what is no JSON: ${(error as Error).message}`);
  }
  if (policy.Statement === undefined) return policy;
  if (!Array.isArray(policy.Statement)) throw new Error(`${where} holds a Statement that is no list`);
  return { ...policy, Statement: policy.Statement.map(inOrder) };
}

const ORDER = [
  ...[
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "NotPrincipal",
    "Condition",
  ],
];

function inOrder(statement: Statement): Statement {
  return Object.fromEntries(
    ORDER.flatMap((key) => (statement[key] === undefined ? [] : [[key, statement[key]]])),
  ) as Statement;
}

function refuseDuplicates(policy: Policy, where: string): void {
  const seen = new Set<string>();
  for (const { Sid } of policy.Statement ?? []) {
    if (!Sid) continue;
    if (seen.has(Sid)) throw new Error(`duplicate Sid (${Sid}) found in ${where}`);
    seen.add(Sid);
  }
}

function interpolate(value: string, version: string): string {
  if (!value.includes("&{")) return value;
  if (version === "2008-10-17")
    throw new Error(`found &{ sequence in (${value}), which version 2008-10-17 does not support`);
  return value.replaceAll("&{", "${");
}

function oneOrMany(values: string[]): Value | undefined {
  return bare(descending([...new Set(values)]));
}

function descending(values: string[]): string[] {
  return [...values].sort((a, b) => (a < b ? 1 : -1));
}

/** A list of one is written as its element. */
function bare(values: string[]): Value | undefined {
  return values.length <= 1 ? values[0] : values;
}

/** As the encoder of the real provider's language writes these. */
function escape(json: string): string {
  return json.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
const list = (value: Value | undefined): Value[] => (Array.isArray(value) ? value : []);
const text = (value: Value | undefined): string =>
  value === undefined || value === null ? "" : String(value);
