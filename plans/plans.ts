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
  /** Whether it is paid for: then data are protected until somebody says that they may go. */
  paid: boolean;
  /** The numbers of servers that an entitlement of this plan can grant. An enterprise contract names its own. */
  servers: { min: number; max: number };
  /** The largest size of a server. */
  largestSize: Size;
  /** The plan above, for the message that says how to get more. */
  upgradeTo?: Plan;
}

export const PLAN_TERMS: Readonly<Record<Plan, PlanTerms>> = {
  trial: { paid: false, servers: { min: 1, max: 1 }, largestSize: "small", upgradeTo: "premium" },
  premium: { paid: true, servers: { min: 1, max: 2 }, largestSize: "medium", upgradeTo: "enterprise" },
  enterprise: { paid: true, servers: { min: 3, max: Infinity }, largestSize: "large" },
};

export function isPaid(plan: Plan): boolean {
  return PLAN_TERMS[plan].paid;
}

/**
 * Whether the engine and the cloud refuse to delete data, and the passwords that open them.
 * @param retired whether the stack file says that they may go
 */
export function keepsData(plan: Plan, retired: boolean): boolean {
  return isPaid(plan) && !retired;
}

/** Sizes that `plan` allows, smallest first. */
export function sizesWithin(plan: Plan): Size[] {
  return SIZES.slice(0, SIZES.indexOf(PLAN_TERMS[plan].largestSize) + 1);
}
