import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type {
  Policy,
  PolicyResource,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { afterAll, beforeAll } from "vitest";
import { issueEntitlement, type Entitlement } from "../plans/entitlement";

/** What tests of policies share: resources as the engine shows them, entitlements, and a run of one policy. */

type Entitle = (claims?: Partial<Entitlement>) => Promise<string>;

/**
 * Makes an issuer that the policies trust while the tests of this file run.
 * @returns issues an entitlement of tenant `moh`: premium, two servers, valid for a year; `claims` replace these
 */
export function trustedIssuer(): Entitle {
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
  return (claims = {}) => {
    const year = 365 * 86_400_000;
    const entitlement: Entitlement = {
      tenant: "moh",
      plan: "premium",
      maxServers: 2,
      activatedAt: new Date(Date.now() - year).toISOString(),
      expiresAt: new Date(Date.now() + year).toISOString(),
      issuer: "tests",
      ...claims,
    };
    return issueEntitlement(entitlement, key);
  };
}

/** A resource as the engine shows it to a policy; `parents` are the types above it. */
export function resource(
  type: string,
  name: string,
  props: Record<string, unknown> = {},
  parents: string[] = [],
): PolicyResource {
  const urn = `urn:pulumi:moh::dhistance::${[...parents, type].join("$")}::${name}`;
  return { type, name, urn, props } as unknown as PolicyResource;
}

/** The stack of tenant `moh` itself. */
export const STACK = resource("pulumi:pulumi:Stack", "dhistance-moh");

/** The tenant's root component, which carries the entitlement. */
export function tenantResource(entitlement: unknown): PolicyResource {
  return resource("dhistance:index:Tenant", "moh", { entitlement });
}

/** What policies ask of every database. */
const PROTECTED = { storageEncrypted: true, kmsKeyId: "key", backupRetentionPeriod: 14 };

/** A server on AWS: its component and its database; `database` has the inputs of the latter. */
export function serverResources(
  name: string,
  size = "small",
  database: Record<string, unknown> = {},
): PolicyResource[] {
  const parents = ["dhistance:index:Tenant", "dhistance:index:DataManagementServer"];
  return [
    resource("dhistance:index:DataManagementServer", name, { size }, ["dhistance:index:Tenant"]),
    resource("aws:rds/instance:Instance", name, { ...PROTECTED, ...database }, parents),
  ];
}

/** What a policy finds wrong with a stack of these resources. */
export async function violations(policy: Policy, resources: PolicyResource[]): Promise<string[]> {
  const found: string[] = [];
  const report = (message: string) => void found.push(message);
  const { validateResource = [] } = policy as Partial<ResourceValidationPolicy>;
  for (const validate of [validateResource].flat())
    for (const each of resources) await validate(each as unknown as ResourceValidationArgs, report);
  const { validateStack = [] } = policy as Partial<StackValidationPolicy>;
  for (const validate of [validateStack].flat())
    await validate({ resources } as unknown as StackValidationArgs, report);
  return found;
}
