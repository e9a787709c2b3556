import { describe, expect, it } from "vitest";
import { POLICIES } from "./policies";
import { resource, serverResources, STACK, tenantResource, trustedIssuer, violations } from "./testing";

const entitle = trustedIssuer();

it("has each policy's name once", () => {
  const names = POLICIES.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

describe.each(POLICIES)("$name", (policy) => {
  it("allows a stack within its plan", async () => {
    const servers = [...serverResources("hmis"), ...serverResources("tracker", "medium")];
    expect(await violations(policy, [STACK, tenantResource(await entitle()), ...servers])).toEqual([]);
  });

  it("allows an empty stack", async () => {
    expect(await violations(policy, [STACK, resource("pulumi:providers:aws", "default")])).toEqual([]);
    expect(await violations(policy, [])).toEqual([]);
  });
});
