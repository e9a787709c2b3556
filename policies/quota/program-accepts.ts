import type { ResourceValidationPolicy } from "@pulumi/policy";

/** The program makes one in a preview when it refuses the stack (`stacks/runtime.ts`). */
const REFUSAL = "dhistance:index:Refusal";

/** The engine asks the pack about resources alone. Without this it shows a pack that has seen none as passed. */
export const programAccepts: ResourceValidationPolicy = {
  name: "program-accepts",
  description: "The tenant program has not refused the stack.",
  validateResource: ({ type }, report) => {
    if (type === REFUSAL)
      report("the program refused this stack, so the pack judged nothing; see its error.");
  },
};
