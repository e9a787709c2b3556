import { existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { JSONWebKeySet, JWK } from "jose";
import { issueEntitlement, verifyEntitlement, type Entitlement } from "../../plans/entitlement";
import { LOCAL, ROOT } from "./checkout";
import { newIssuer, writeWhole } from "./entitlements";

/**
 * The local issuer of the example tenants: a key made on this machine, which only this checkout trusts and git ignores.
 * Real entitlements are issued with the company's key.
 */
const PRIVATE = path.join(LOCAL, "issuer.private.json");
const PUBLIC = path.join(LOCAL, "issuers.json");

/** What the example customers bought; the stack file of `over-quota` asks for more servers than that. */
const EXAMPLES: Record<string, Pick<Entitlement, "plan" | "maxServers">> = {
  "moh-trial": { plan: "trial", maxServers: 1 },
  "moh-premium": { plan: "premium", maxServers: 2 },
  "moh-enterprise": { plan: "enterprise", maxServers: 5 },
  "moh-docker": { plan: "trial", maxServers: 1 },
  "over-quota": { plan: "premium", maxServers: 2 },
};
const YEAR = 365 * 24 * 3600 * 1000;

/**
 * Makes the local issuer if there is none, and issues every example entitlement that is missing or not valid.
 * @returns the tenants that got a new entitlement
 */
export async function issueExamples(now = new Date()): Promise<string[]> {
  const { key, issuers } = await localIssuer();
  const issued: string[] = [];
  for (const [tenant, bought] of Object.entries(EXAMPLES)) {
    const file = path.join(ROOT, "tenants", tenant, "entitlement.jws");
    if (await isValid(file, issuers, now)) continue;
    const token = await issueEntitlement(
      {
        tenant,
        ...bought,
        activatedAt: now.toISOString(),
        expiresAt: new Date(now.getTime() + YEAR).toISOString(),
        issuer: "local issuer of this checkout, for examples",
      },
      key,
    );
    write(file, `${token}\n`);
    issued.push(tenant);
  }
  return issued;
}

/** Trusts the local issuer, unless the environment names others. */
export function trustLocalIssuer(env: NodeJS.ProcessEnv = process.env): void {
  env["DHISTANCE_ISSUERS"] ||= PUBLIC;
}

async function localIssuer(): Promise<{ key: JWK; issuers: JSONWebKeySet }> {
  if (!existsSync(PRIVATE) || !existsSync(PUBLIC)) {
    const { key, trusted } = await newIssuer(`local-${new Date().toISOString().slice(0, 10)}`);
    write(PRIVATE, JSON.stringify(key));
    write(PUBLIC, JSON.stringify({ keys: [trusted] }));
  }
  return { key: read(PRIVATE) as JWK, issuers: read(PUBLIC) as JSONWebKeySet };
}

async function isValid(file: string, issuers: JSONWebKeySet, now: Date): Promise<boolean> {
  if (!existsSync(file)) return false;
  return verifyEntitlement(readFileSync(file, "utf8"), issuers, now).then(
    () => true,
    () => false,
  );
}

function read(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Writes a file completely or not at all, readable by this user only. */
function write(file: string, content: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeWhole(file, content, 0o600);
}
