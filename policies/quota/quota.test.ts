import { UnknownValueError, type PolicyResource } from "@pulumi/policy";
import { describe, expect, it } from "vitest";
import { POLICIES } from "../policies";
import { resource, serverResources, STACK, tenantResource, trustedIssuer, violations } from "../testing";
import { entitlementValid } from "./entitlement-valid";
import { programAccepts } from "./program-accepts";
import { serversWithinPlan } from "./servers-within-plan";
import { quotaSoFar } from "./quota-so-far";
import { sizeWithinPlan } from "./size-within-plan";
import { stackIsTenant } from "./stack-is-tenant";

const entitle = trustedIssuer();

describe("entitlement-valid", () => {
  it("refuses a stack without an entitlement, and one with two", async () => {
    expect(await violations(entitlementValid, [STACK, ...serverResources("hmis")])).toEqual([
      expect.stringMatching(/has 0 resources of type dhistance:index:Tenant/),
    ]);
    const twice = [STACK, tenantResource(await entitle()), tenantResource(await entitle())];
    expect(await violations(entitlementValid, twice)).toEqual([
      expect.stringMatching(/has 2 resources of type dhistance:index:Tenant \(moh, moh\)/),
    ]);
    expect(await violations(entitlementValid, [STACK, tenantResource(undefined)])).toEqual([
      'moh (dhistance:index:Tenant) has no entitlement: its property "entitlement" is not set. ' +
        "Make its resources through the tenant program.",
    ]);
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

describe("an entitlement that has expired", () => {
  const tenant = async (serversBefore: unknown) => {
    const token = await entitle({ activatedAt: "2020-01-01T00:00:00Z", expiresAt: "2021-01-01T00:00:00Z" });
    return resource("dhistance:index:Tenant", "moh", { entitlement: token, serversBefore });
  };

  it("covers the servers that were there before, and no other, in each policy", async () => {
    const before = [STACK, await tenant(["a", "b"]), ...serverResources("a")];
    for (const policy of [entitlementValid, quotaSoFar, serversWithinPlan, sizeWithinPlan])
      expect(await violations(policy, before)).toEqual([]);
    const more = [...before, ...serverResources("c")];
    expect(await violations(entitlementValid, more)).toEqual([
      expect.stringMatching(/expired at 2021-01-01.*nothing can be added.*Refused: "c"\.$/),
    ]);
    expect((await violations(quotaSoFar, more)).join()).toMatch(/Refused: "c"/);
    // Beside the components, too.
    const container = resource("docker:index/container:Container", "smuggled", {
      image: "dhis2/core:42.5.2",
    });
    expect(await violations(entitlementValid, [...before, container])).toEqual([
      expect.stringMatching(/Refused: "smuggled"/),
    ]);
  });

  it("still holds the plan's limits", async () => {
    const large = [STACK, await tenant(["a", "b", "c"])];
    for (const name of ["a", "b", "c"]) large.push(...serverResources(name, "large"));
    expect(await violations(serversWithinPlan, large)).toEqual([expect.stringMatching(/has 3 servers/)]);
    expect(await violations(sizeWithinPlan, large)).toHaveLength(3);
  });
});

it("program-accepts refuses a stack that the program refused", async () => {
  const resources = [STACK, resource("dhistance:index:Refusal", "moh")];
  expect(await violations(programAccepts, resources)).toEqual([
    "the program refused this stack, so the pack judged nothing; see its error.",
  ]);
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

describe("what goes by another name", () => {
  const below = ["dhistance:index:Tenant", "dhistance:index:DataManagementServer"];
  const container = (name: string, parents: string[], props = {}) =>
    resource("docker:index/container:Container", name, props, parents);

  it("is a server: databases beside a server's own, services and machines, containers outside it", async () => {
    const more = [
      resource("aws:rds/instance:Instance", "hmis-second", {}, below),
      resource("aws:ecs/service:Service", "mine", {}, below.slice(0, 1)),
      resource("aws:ec2/instance:Instance", "machine"),
      container("other-application", below),
      container("hmis-application-2", below.slice(0, 1)),
    ];
    for (const extra of more) {
      const resources = [
        STACK,
        tenantResource(await entitle({ maxServers: 1 })),
        ...serverResources("hmis"),
        extra,
      ];
      expect(await violations(serversWithinPlan, resources)).toEqual([
        expect.stringContaining(`has 2 servers (${["hmis", extra.name].sort().join(", ")})`),
      ]);
    }
  });

  it("does not count the parts of a server and of a tenant on Docker as servers", async () => {
    const vault = ["dhistance:index:Tenant", "dhistance:index:BackupVault"];
    const resources = [
      ...[STACK, tenantResource(await entitle({ maxServers: 1 }))],
      resource("dhistance:index:DataManagementServer", "moh-hmis", { size: "small" }, below.slice(0, 1)),
      ...["moh-hmis-database", "moh-hmis-application"].map((name) => container(name, below)),
      ...["moh-hmis-copies", "moh-hmis-portable", "moh-vault-agent-office-1a2b3c"].map((name) =>
        container(name, vault),
      ),
      ...["moh-gateway", "moh-monitoring"].map((name) => container(name, below.slice(0, 1))),
    ];
    expect(await violations(serversWithinPlan, resources)).toEqual([]);
    const second = [...resources, container("another-gateway", below.slice(0, 1))];
    expect(await violations(serversWithinPlan, second)).toEqual([expect.stringMatching(/another-gateway/)]);
  });

  it("may not be larger than its server's size", async () => {
    const parts = [
      resource("aws:rds/instance:Instance", "hmis-db", { instanceClass: "db.m7g.16xlarge" }, below),
      resource("aws:rds/instance:Instance", "hmis-db", { allocatedStorage: 5000 }, below),
      container("hmis-application", below, { memory: 65_536 }),
    ];
    for (const part of parts) {
      const [component] = serverResources("hmis") as [PolicyResource];
      const resources = [STACK, tenantResource(await entitle()), component, part];
      expect(await violations(sizeWithinPlan, resources)).toEqual([
        expect.stringMatching(
          new RegExp(`^server "hmis" has size "small", and ${part.name} has .*; allowed: `),
        ),
      ]);
    }
  });
});

describe("a value that a preview does not know", () => {
  /** As the SDK hands one over: to read it throws. */
  const unknown = (name: string) =>
    Object.defineProperty({}, name, {
      get: () => {
        throw Object.create(UnknownValueError.prototype) as Error;
      },
    });

  it("is refused, for it cannot be judged", async () => {
    const resources = [STACK, resource("dhistance:index:Tenant", "moh", unknown("entitlement"))];
    expect(await violations(entitlementValid, resources)).toEqual([
      expect.stringMatching(/the entitlement of moh is not known in a preview/),
    ]);
    const sized = [
      ...[STACK, tenantResource(await entitle())],
      resource("dhistance:index:DataManagementServer", "hmis", unknown("size"), ["dhistance:index:Tenant"]),
    ];
    expect(await violations(sizeWithinPlan, sized)).toEqual([
      expect.stringMatching(/"hmis" has size "not known in a preview"; allowed: small, medium, large/),
    ]);
  });
});

describe("quota-so-far", () => {
  /** What it says of each resource. */
  async function said(resources: PolicyResource[]): Promise<string[][]> {
    const all: string[][] = [];
    for (const each of resources) all.push(await violations(quotaSoFar, [each]));
    return all;
  }

  it("refuses the first server that is too many, as it comes, and no part of those before it", async () => {
    const parts = [
      STACK,
      tenantResource(await entitle()),
      ...serverResources("a"),
      ...serverResources("b"),
      ...serverResources("c"),
    ];
    const none: string[] = [];
    expect(await said(parts)).toEqual([
      ...[none, none, none, none, none, none],
      [expect.stringMatching(/has 3 servers \(a, b, c\)/)],
      none,
    ]);
    // The same again, as the update after its preview.
    expect((await said(parts.slice(0, 6))).flat()).toEqual([]);
  });

  it("refuses a server before any tenant, another tenant's entitlement, and a larger size than the plan's", async () => {
    const [early] = serverResources("a") as [PolicyResource];
    expect((await said([STACK, early])).flat()).toEqual([expect.stringMatching(/has 0 resources/)]);
    const other = [STACK, tenantResource(await entitle({ tenant: "other" }))];
    expect((await said(other)).flat()).toEqual([expect.stringMatching(/of tenant "other"/)]);
    const large = [STACK, tenantResource(await entitle()), ...serverResources("a", "large")];
    expect((await said(large)).flat()).toEqual([expect.stringMatching(/has size "large"/)]);
  });

  it("leaves a stack alone that has no tenant and nothing that serves", async () => {
    const platform = [
      STACK,
      resource("aws:ec2/vpc:Vpc", "network"),
      resource("aws:lb/loadBalancer:LoadBalancer", "lb"),
    ];
    expect((await said(platform)).flat()).toEqual([]);
    for (const policy of POLICIES) expect(await violations(policy, platform)).toEqual([]);
  });
});
