import type * as pulumi from "@pulumi/pulumi";
import type { Target, TargetKind, Targets } from "./target";

/** What a component hands to the code that makes it on one kind of target. */
export interface Context<Args, On extends Target> {
  /** Of the component; the names of its resources begin with it. */
  name: string;
  args: Args;
  target: On;
  /** For every resource: the component is its parent. */
  opts: pulumi.CustomResourceOptions & { parent: pulumi.Resource };
}

/** What the kind of a target decides. A kind without a line does not compile. */
export function onTarget<Answer>(
  target: Target,
  answers: { [Kind in TargetKind]: (target: Targets[Kind]) => Answer },
): Answer {
  // The compiler does not see that the line is the one for this very target.
  const answer = answers[target.kind] as (target: Target) => Answer;
  return answer(target);
}

/** Makes a component on its target. A kind of target without a maker does not compile. */
export function makeOn<Args, Made>(
  context: Context<Args, Target>,
  makers: { [Kind in TargetKind]: (context: Context<Args, Targets[Kind]>) => Made },
): Made {
  // The compiler does not see that the maker is the one for this very target.
  const make = makers[context.target.kind] as (context: Context<Args, Target>) => Made;
  return make(context);
}

/**
 * The options of what a component makes, where earlier versions made it without the component: under the component's own
 * parent. The engine then renames it, and replaces nothing.
 */
export function childOptions(
  component: pulumi.Resource,
  { parent }: pulumi.ComponentResourceOptions = {},
): Context<unknown, Target>["opts"] {
  return { parent: component, ...(parent && { aliases: [{ parent }] }) };
}
