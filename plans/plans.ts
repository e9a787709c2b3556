/**
 * What each plan promises, in one table. The numbers of servers are those promised to customers (trial one,
 * premium up to two, enterprise more); the sizes are our own rule.
 */

export const PLANS = ["trial", "premium", "enterprise"] as const;
export type Plan = (typeof PLANS)[number];

/** Sizes of a server, smallest first. What a size means on a target is the business of the components. */
export const SIZES = ["small", "medium", "large"] as const;
export type Size = (typeof SIZES)[number];

export interface PlanTerms {
  /** The numbers of servers that an entitlement of this plan can grant. An enterprise contract names its own. */
  servers: { min: number; max: number };
  /** The largest size of a server. */
  largestSize: Size;
  /** The plan above, for the message that says how to get more. */
  upgradeTo?: Plan;
}

export const PLAN_TERMS: Readonly<Record<Plan, PlanTerms>> = {
  trial: { servers: { min: 1, max: 1 }, largestSize: "small", upgradeTo: "premium" },
  premium: { servers: { min: 1, max: 2 }, largestSize: "medium", upgradeTo: "enterprise" },
  enterprise: { servers: { min: 3, max: Infinity }, largestSize: "large" },
};

/** Sizes that `plan` allows, smallest first. */
export function sizesWithin(plan: Plan): Size[] {
  return SIZES.slice(0, SIZES.indexOf(PLAN_TERMS[plan].largestSize) + 1);
}
