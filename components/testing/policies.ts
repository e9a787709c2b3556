import type { Registration } from "./mocks";

/** Policies as AWS reads them, for tests of least privilege. */

export interface PolicyStatement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: unknown;
  Action: string[];
  Resource?: string[];
  Condition?: Record<string, unknown>;
}
const POLICY_INPUTS = ["policy", "assumeRolePolicy"];

/** Where a statement stands: type and name of its resource, and its own name, or its actions if it has none. */
export interface Placed {
  where: string;
  /** It says who may take a role. */
  trust: boolean;
  statement: PolicyStatement;
}

/** Every statement of every policy that was made. */
export function statements(made: Registration[]): Placed[] {
  return made.flatMap(({ type, name, inputs }) =>
    POLICY_INPUTS.flatMap((input) => {
      const text = (inputs as Record<string, unknown>)[input];
      if (typeof text !== "string") return [];
      // What a registry keeps of its images is a policy, too, but grants nothing.
      return ((JSON.parse(text) as { Statement?: PolicyStatement[] }).Statement ?? []).map((statement) => ({
        where: `${type} ${name}: ${statement.Sid ?? statement.Action.join()}`,
        trust: input === "assumeRolePolicy",
        statement,
      }));
    }),
  );
}

/** Where something is allowed that names no single action, no thing, or nobody in particular; sorted. */
export function broad(all: Placed[]): { anyAction: string[]; anyThing: string[]; anybody: string[] } {
  const allowed = all.filter(({ statement }) => statement.Effect === "Allow");
  const where = (is: (statement: PolicyStatement) => boolean) =>
    allowed
      .filter(({ statement }) => is(statement))
      .map((placed) => placed.where)
      .sort();
  return {
    anyAction: where(({ Action }) => Action.some((action) => action.endsWith(":*") || action === "*")),
    anyThing: where(({ Resource = [] }) => Resource.includes("*")),
    anybody: where(({ Principal }) => JSON.stringify(Principal ?? "").includes('"*"')),
  };
}

/** A call as AWS judges it: the action, what it is done to, and what is known of it. */
export interface Call {
  action: string;
  resource: string;
  context?: Record<string, string>;
}

/** Whether the policies let a call pass, by the rules of IAM: an allow is needed, and no denial. */
export function allows(policies: PolicyStatement[], { action, resource, context = {} }: Call): boolean {
  const like = (pattern: string, value: string) =>
    new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, "\\$&")
        .replace(/\*/g, ".*")
        .replace(/\?/g, ".")}$`,
    ).test(value);
  const list = (value: unknown) => (Array.isArray(value) ? value : [value]).map(String);
  const holds = ([operator, keys]: [string, unknown]) =>
    Object.entries(keys as Record<string, unknown>).every(([key, values]) => {
      const value = context[key];
      if (value === undefined) return false;
      if (/^(String|Arn|Bool)Equals$|^Bool$/.test(operator)) return list(values).includes(value);
      if (/^(String|Arn)Like$/.test(operator)) return list(values).some((each) => like(each, value));
      throw new Error(`no test knows the condition ${operator}`);
    });
  const matching = policies.filter(
    ({ Action, Resource = [], Condition = {} }) =>
      list(Action).some((each) => like(each.toLowerCase(), action.toLowerCase())) &&
      list(Resource).some((each) => like(each, resource)) &&
      Object.entries(Condition).every(holds),
  );
  return (
    matching.some(({ Effect }) => Effect === "Allow") && !matching.some(({ Effect }) => Effect === "Deny")
  );
}
