import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PolicyResource, StackValidationArgs, StackValidationPolicy } from "@pulumi/policy";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { entitlementValid } from "./entitlement-valid";
import { serversWithinPlan } from "./servers-within-plan";
import { sizeWithinPlan } from "./size-within-plan";
import { stackIsTenant } from "./stack-is-tenant";

const all = [entitlementValid, stackIsTenant, serversWithinPlan, sizeWithinPlan];
const folder = mkdtempSync(path.join(tmpdir(), "issuers-"));
let key: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  key = { ...(await exportJWK(pair.privateKey)), kid: "tests" };
  const file = path.join(folder, "issuers.json");
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "tests" }] }));
  process.env["DHISTANCE_ISSUERS"] = file;
});
afterAll(() => {
  delete process.env["DHISTANCE_ISSUERS"];
  rmSync(folder, { recursive: true });
});

function entitle(claims: Partial<Entitlement> = {}): Promise<string> {
  const year = 365 * 86_400_000;
  return issueEntitlement(
    {
      tenant: "moh",
      plan: "premium",
      maxServers: 2,
      activatedAt: new Date(Date.now() - year).toISOString(),
      expiresAt: new Date(Date.now() + year).toISOString(),
      issuer: "tests",
      ...claims,
    },
    key,
  );
}

/** A resource as the engine hands it to a policy; `parents` are the types above it. */
function resource(
  type: string,
  name: string,
  props: Record<string, unknown> = {},
  parents: string[] = [],
): PolicyResource {
  const urn = `urn:pulumi:moh::dhistance::${[...parents, type].join("$")}::${name}`;
  return { type, name, urn, props } as unknown as PolicyResource;
}
const stack = resource("pulumi:pulumi:Stack", "dhistance-moh");
const tenant = (entitlement: unknown) => resource("dhistance:index:Tenant", "moh", { entitlement });
const server = (name: string, size = "small") => [
  resource("dhistance:index:DataManagementServer", name, { size }, ["dhistance:index:Tenant"]),
  resource("aws:rds/instance:Instance", name, {}, [
    "dhistance:index:Tenant",
    "dhistance:index:DataManagementServer",
  ]),
];

async function complaints(policy: StackValidationPolicy, resources: PolicyResource[]): Promise<string[]> {
  const found: string[] = [];
  const args = { resources } as StackValidationArgs;
  for (const validate of [policy.validateStack].flat())
    await validate(args, (message) => found.push(String(message)));
  return found;
}

describe("a stack within its plan", () => {
  it.each(all)("satisfies $name", async (policy) => {
    const resources = [stack, tenant(await entitle()), ...server("hmis"), ...server("tracker", "medium")];
    expect(await complaints(policy, resources)).toEqual([]);
  });

  it.each(all)("satisfies $name when it holds nothing", async (policy) => {
    expect(await complaints(policy, [stack, resource("pulumi:providers:aws", "default")])).toEqual([]);
    expect(await complaints(policy, [])).toEqual([]);
  });
});

describe("entitlement-valid", () => {
  it("refuses a stack without an entitlement, and one with two", async () => {
    expect(await complaints(entitlementValid, [stack, ...server("hmis")])).toEqual([
      expect.stringMatching(/has 0 dhistance:index:Tenant/),
    ]);
    const twice = [stack, tenant(await entitle()), tenant(await entitle())];
    expect(await complaints(entitlementValid, twice)).toEqual([
      expect.stringMatching(/has 2 dhistance:index:Tenant/),
    ]);
    expect(await complaints(entitlementValid, [stack, tenant(undefined)])).toHaveLength(1);
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
      const resources = [stack, tenant(token), ...server("a"), ...server("b"), ...server("c", "large")];
      expect(await complaints(entitlementValid, resources)).toEqual([expect.stringMatching(message)]);
      for (const policy of all.slice(1)) expect(await complaints(policy, resources)).toEqual([]);
    }
  });
});

describe("stack-is-tenant", () => {
  it("refuses another tenant's entitlement", async () => {
    const resources = [stack, tenant(await entitle({ tenant: "other" })), ...server("hmis")];
    expect(await complaints(stackIsTenant, resources)).toEqual([
      expect.stringMatching(/stack "moh" carries the entitlement of tenant "other"/),
    ]);
  });
});

describe("servers-within-plan", () => {
  it("refuses one server too many", async () => {
    const resources = [stack, tenant(await entitle()), ...server("a"), ...server("b"), ...server("c")];
    expect(await complaints(serversWithinPlan, resources)).toEqual([
      expect.stringMatching(/"moh" has 3 servers \(a, b, c\); its premium plan allows 2 servers/),
    ]);
  });

  it("counts a database that stands outside every server", async () => {
    const resources = [stack, tenant(await entitle()), ...server("a"), ...server("b")];
    resources.push(resource("aws:rds/instance:Instance", "shadow"));
    expect(await complaints(serversWithinPlan, resources)).toEqual([
      expect.stringMatching(/3 servers \(a, b, shadow\)/),
    ]);
  });
});

describe("size-within-plan", () => {
  it("refuses a larger size than the plan's, a size that is none, and no size", async () => {
    const resources = [
      stack,
      tenant(await entitle()),
      ...server("hmis", "large"),
      ...server("tracker", "huge"),
    ];
    resources.push(resource("aws:rds/instance:Instance", "shadow"));
    expect(await complaints(sizeWithinPlan, resources)).toEqual([
      expect.stringMatching(/"hmis" has size "large"; the premium plan allows small, medium/),
      expect.stringMatching(/"shadow" has size unset/),
      expect.stringMatching(/"tracker" has size "huge"; allowed: small, medium, large/),
    ]);
  });
});
