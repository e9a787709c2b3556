import { describe, expect, it } from "vitest";
import { resource, serverResources, STACK, tenantResource, trustedIssuer, violations } from "../testing";
import { entitlementValid } from "./entitlement-valid";
import { serversWithinPlan } from "./servers-within-plan";
import { sizeWithinPlan } from "./size-within-plan";
import { stackIsTenant } from "./stack-is-tenant";

const entitle = trustedIssuer();

describe("entitlement-valid", () => {
  it("refuses a stack without an entitlement, and one with two", async () => {
    expect(await violations(entitlementValid, [STACK, ...serverResources("hmis")])).toEqual([
      expect.stringMatching(/has 0 dhistance:index:Tenant/),
    ]);
    const twice = [STACK, tenantResource(await entitle()), tenantResource(await entitle())];
    expect(await violations(entitlementValid, twice)).toEqual([
      expect.stringMatching(/has 2 dhistance:index:Tenant/),
    ]);
    expect(await violations(entitlementValid, [STACK, tenantResource(undefined)])).toHaveLength(1);
  });

  it("refuses an expired one and an edited one, and leaves the others silent", async () => {
    const expired = await entitle({ activatedAt: "2020-01-01T00:00:00Z", expiresAt: "2021-01-01T00:00:00Z" });
    const [header, claims, signature] = (await entitle()).split(".") as [string, string, string];
    const edited = Buffer.from(
      Buffer.from(claims, "base64url").toString().replace("premium", "trial"),
    ).toString("base64url");
    for (const [token, message] of [
      [expired, /expired at 2021-01-01/],
      [[header, edited, signature].join("."), /changed after it was signed/],
    ] as const) {
      const resources = [
        STACK,
        tenantResource(token),
        ...serverResources("a"),
        ...serverResources("b"),
        ...serverResources("c", "large"),
      ];
      expect(await violations(entitlementValid, resources)).toEqual([expect.stringMatching(message)]);
      for (const policy of [stackIsTenant, serversWithinPlan, sizeWithinPlan])
        expect(await violations(policy, resources)).toEqual([]);
    }
  });
});

describe("stack-is-tenant", () => {
  it("refuses another tenant's entitlement", async () => {
    const resources = [STACK, tenantResource(await entitle({ tenant: "other" })), ...serverResources("hmis")];
    expect(await violations(stackIsTenant, resources)).toEqual([
      expect.stringMatching(/stack "moh" carries the entitlement of tenant "other"/),
    ]);
  });
});

describe("servers-within-plan", () => {
  it("refuses one server too many", async () => {
    const resources = [
      STACK,
      tenantResource(await entitle()),
      ...serverResources("a"),
      ...serverResources("b"),
      ...serverResources("c"),
    ];
    expect(await violations(serversWithinPlan, resources)).toEqual([
      expect.stringMatching(/"moh" has 3 servers \(a, b, c\); its premium plan allows 2 servers/),
    ]);
  });

  it("counts a database that stands outside every server", async () => {
    const resources = [
      STACK,
      tenantResource(await entitle()),
      ...serverResources("a"),
      ...serverResources("b"),
    ];
    resources.push(resource("aws:rds/instance:Instance", "shadow"));
    expect(await violations(serversWithinPlan, resources)).toEqual([
      expect.stringMatching(/3 servers \(a, b, shadow\)/),
    ]);
  });
});

describe("size-within-plan", () => {
  it("refuses a larger size than the plan's, a size that is none, and no size", async () => {
    const resources = [
      STACK,
      tenantResource(await entitle()),
      ...serverResources("hmis", "large"),
      ...serverResources("tracker", "huge"),
    ];
    resources.push(resource("aws:rds/instance:Instance", "shadow"));
    expect(await violations(sizeWithinPlan, resources)).toEqual([
      expect.stringMatching(/"hmis" has size "large"; the premium plan allows small, medium/),
      expect.stringMatching(/"shadow" has size unset/),
      expect.stringMatching(/"tracker" has size "huge"; allowed: small, medium, large/),
    ]);
  });
});
