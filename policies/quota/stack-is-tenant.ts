import type { StackValidationPolicy } from "@pulumi/policy";
import * as quota from "../../plans/quota";
import { stackOf, whenEntitled } from "./stack";

export const stackIsTenant: StackValidationPolicy = {
  name: "stack-is-tenant",
  description: "A tenant has one stack, named after it: a second stack would be a second quota.",
  validateStack: whenEntitled(({ tenant }, resources) => [
    quota.stackIsTenant(tenant, stackOf(resources) ?? ""),
  ]),
};
