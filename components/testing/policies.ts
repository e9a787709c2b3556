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
