import type { JWK } from "jose";
import { z } from "zod";
import { listOf, type Issuers } from "./entitlementList";
import { PLANS, PLAN_TERMS } from "./plans";
import { EntitlementError, sign, signedAt, verify, type Kind } from "./signed";

export { EntitlementError };

/**
 * An entitlement is what a customer has bought: a compact JWS signed by an issuer's Ed25519 key. The plan of a
 * tenant is only ever read from here, never from configuration. It is not a secret: whoever reads it can use it
 * for the tenant it names and for no other.
 */

/** Stack names that Pulumi takes, DNS labels and AWS name prefixes at once. */
export const TENANT_ID = /^[a-z][a-z0-9-]{1,22}[a-z0-9]$/;

export const entitlementSchema = z
  .strictObject({
    /** The tenant's id, which is also the name of its stack. */
    tenant: z.string().regex(TENANT_ID, "allowed: 3 to 24 of a-z, 0-9 and -, a letter first"),
    plan: z.enum(PLANS),
    /** How many servers the tenant may have. */
    maxServers: z.int().min(1),
    /** UTC; the refund period counts from here. */
    activatedAt: z.iso.datetime(),
    /** UTC; from this moment on nothing may be added under the entitlement, and what there is goes on. */
    expiresAt: z.iso.datetime(),
    /** Who signed it, for people; that it is so is proven by the signature's key alone. */
    issuer: z.string().min(1),
  })
  .superRefine((claims, context) => {
    const { min, max } = PLAN_TERMS[claims.plan].servers;
    if (claims.maxServers < min || claims.maxServers > max) {
      const allowed = max === Infinity ? `${min} or more` : min === max ? `${min}` : `${min} to ${max}`;
      context.addIssue({
        code: "custom",
        path: ["maxServers"],
        message: `the ${claims.plan} plan allows ${allowed}`,
      });
    }
    if (Date.parse(claims.expiresAt) <= Date.parse(claims.activatedAt)) {
      context.addIssue({ code: "custom", path: ["expiresAt"], message: "has to be after activatedAt" });
    }
  });
export type Entitlement = z.output<typeof entitlementSchema>;

const ASK = "Ask the issuer for a new entitlement and put it into dhistance:entitlement.";

const ENTITLEMENT: Kind<Entitlement> = {
  type: "dhistance-entitlement",
  name: "the entitlement",
  schema: entitlementSchema,
  remedy: ASK,
};

/**
 * Signs an entitlement.
 * @param privateKey an Ed25519 private key as a JWK with a `kid` that the issuers' JWKS holds
 * @throws EntitlementError if the claims contradict the plan
 */
export function issueEntitlement(claims: Entitlement, privateKey: JWK): Promise<string> {
  return sign(ENTITLEMENT, claims, privateKey);
}

/** When an entitlement was issued, UTC: of two of a tenant the later one counts. One without that time is of its beginning. */
export function issuedAt(token: string, { activatedAt }: Entitlement): string {
  return signedAt(token)?.toISOString() ?? activatedAt;
}

/**
 * Checks an entitlement and returns its claims.
 * @param issuers the public keys of those whose entitlements count
 * @param now the moment to judge expiry by
 * @throws EntitlementError saying what is wrong with it and what to do
 */
export async function verifyEntitlement(
  token: string,
  issuers: Issuers,
  now = new Date(),
): Promise<Entitlement> {
  const claims = await verifyEvenExpired(token, issuers, now);
  if (hasExpired(claims, now)) throw expiredError(claims);
  return claims;
}

/**
 * As `verifyEntitlement`, but of one that has expired, too: whoever asks has to see to it that nothing is added under
 * it (`hasExpired`).
 */
export async function verifyEvenExpired(
  token: string,
  issuers: Issuers,
  now = new Date(),
): Promise<Entitlement> {
  const claims = await verify(ENTITLEMENT, token, issuers);
  refuseBefore(now, `the entitlement of tenant "${claims.tenant}" begins only at`, claims.activatedAt);
  const list = await listOf(issuers);
  if (!list) return claims;
  refuseBefore(now, "the entitlement list was signed at", list.issuedAt);
  const issued = issuedAt(token, claims);
  const newest = own(list.newest, claims.tenant);
  if (newest) refuseOlder(claims.tenant, issued, newest);
  const revoked = own(list.revoked, claims.tenant);
  return revoked && Date.parse(issued) <= Date.parse(revoked) ? endedAt(revoked, claims) : claims;
}

/** A tenant may be called "constructor". */
function own(times: Record<string, string>, tenant: string): string | undefined {
  return Object.hasOwn(times, tenant) ? times[tenant] : undefined;
}

/** @throws EntitlementError if the clock is before a time that has been: it could make an expired entitlement hold */
function refuseBefore(now: Date, what: string, time: string): void {
  if (now.getTime() + SKEW >= Date.parse(time)) return;
  throw new EntitlementError(
    `${what} ${time}; this machine's clock says ${now.toISOString()}. Set the clock if it is wrong. ${ASK}`,
  );
}

/**
 * Refuses an older entitlement that was put back, such as one of a larger plan.
 * @param issued when it was issued
 * @param newest when the newest one known of the tenant was
 * @throws EntitlementError
 */
export function refuseOlder(tenant: string, issued: string, newest: string): void {
  if (Date.parse(issued) >= Date.parse(newest)) return;
  throw new EntitlementError(
    `the entitlement of tenant "${tenant}" was issued at ${issued}, and a newer one, issued at ${newest}, has replaced it. ` +
      "Put the newest into dhistance:entitlement, or ask the issuer for it.",
  );
}

/** A revoked entitlement is as one that ended then: what there is goes on, and nothing may be added. */
function endedAt(time: string, claims: Entitlement): Entitlement {
  return Date.parse(time) < Date.parse(claims.expiresAt) ? { ...claims, expiresAt: time } : claims;
}

/** What is wrong with an entitlement that has expired, where it may not be used. */
export function expiredError(claims: Entitlement): EntitlementError {
  return new EntitlementError(`${expired(claims)}. ${ASK}`);
}

export function hasExpired({ expiresAt }: Entitlement, now = new Date()): boolean {
  return now.getTime() - SKEW >= Date.parse(expiresAt);
}

/** In days: so long before its end there is a notice of it. */
const NOTICE_DAYS = 30;

/** A notice of an entitlement's end, for people: from 30 days before it on; nothing before. */
export function expiryNotice(claims: Entitlement, now = new Date()): string | undefined {
  if (hasExpired(claims, now))
    return `${expired(claims)}: what there is goes on, but nothing can be added. ${ASK}`;
  const days = Math.ceil((Date.parse(claims.expiresAt) - now.getTime()) / 86_400_000);
  if (days > NOTICE_DAYS) return undefined;
  const left = days <= 0 ? "now" : days === 1 ? "in 1 day" : `in ${days} days`;
  return `the entitlement of tenant "${claims.tenant}" expires ${left}, at ${claims.expiresAt}. ${ASK}`;
}

function expired({ tenant, expiresAt }: Entitlement): string {
  return `the entitlement of tenant "${tenant}" expired at ${expiresAt}`;
}

/** In ms: so much may an issuer's clock and this machine's differ. */
const SKEW = 5 * 60_000;
