import { expect, it } from "vitest";
import { isPaid, keepsData, PLANS, type Plan } from "./plans";

it("says of each plan whether it is paid", () => {
  const paid = Object.fromEntries(PLANS.map((plan) => [plan, isPaid(plan)]));
  expect(paid).toEqual({ trial: false, premium: true, enterprise: true });
});

it.each<[plan: Plan, retired: boolean, kept: boolean]>([
  ["trial", false, false],
  ["trial", true, false],
  ["premium", false, true],
  ["premium", true, false],
  ["enterprise", false, true],
  ["enterprise", true, false],
])("plan %s, retired %s: data are kept: %s", (plan, retired, kept) => {
  expect(keepsData(plan, retired)).toBe(kept);
});
