import {
  CompactSign,
  compactVerify,
  createLocalJWKSet,
  errors,
  importJWK,
  type JSONWebKeySet,
  type JWK,
} from "jose";
import { z } from "zod";
import { PLANS, PLAN_TERMS } from "./plans";

/**
 * An entitlement is what a customer has bought: a compact JWS signed by an issuer's Ed25519 key. The plan of a
 * tenant is only ever read from here, never from configuration. It is not a secret: whoever reads it can use it
 * for the tenant it names and for no other.
 */

/** The header's `typ`: a token signed by the same key for another purpose does not count as an entitlement. */
const TYPE = "dhistance-entitlement";

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

/** Why an entitlement was not accepted, in words for the person who runs `pulumi`. */
export class EntitlementError extends Error {
  override name = "EntitlementError";
}

/**
 * Signs an entitlement.
 * @param privateKey an Ed25519 private key as a JWK with a `kid` that the issuers' JWKS holds
 * @throws EntitlementError if the claims contradict the plan
 */
export async function issueEntitlement(claims: Entitlement, privateKey: JWK): Promise<string> {
  const parsed = entitlementSchema.safeParse(claims);
  if (!parsed.success) throw new EntitlementError(`entitlement not issued: ${problems(parsed.error)}`);
  if (!privateKey.kid) throw new EntitlementError("entitlement not issued: the issuer's key has no kid");
  return new CompactSign(new TextEncoder().encode(JSON.stringify(parsed.data)))
    .setProtectedHeader({ alg: "EdDSA", typ: TYPE, kid: privateKey.kid })
    .sign(await importJWK(privateKey, "EdDSA"));
}

/**
 * Checks an entitlement and returns its claims.
 * @param issuers the public keys of those whose entitlements count
 * @param now the moment to judge expiry by
 * @throws EntitlementError saying what is wrong with it and what to do
 */
export async function verifyEntitlement(
  token: string,
  issuers: JSONWebKeySet,
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
  issuers: JSONWebKeySet,
  now = new Date(),
): Promise<Entitlement> {
  let payload: Uint8Array;
  try {
    const verified = await compactVerify(token.trim(), createLocalJWKSet(issuers), { algorithms: ["EdDSA"] });
    if (verified.protectedHeader.typ !== TYPE) {
      throw new EntitlementError(
        `the token is not an entitlement: its header has typ ${JSON.stringify(verified.protectedHeader.typ) ?? "unset"}; ` +
          `allowed: "${TYPE}". ${ASK}`,
      );
    }
    payload = verified.payload;
  } catch (error) {
    throw error instanceof EntitlementError ? error : new EntitlementError(explain(error));
  }
  const json = parseJson(payload);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new EntitlementError(`the entitlement's claims are not a JSON object. ${ASK}`);
  const parsed = entitlementSchema.safeParse(json);
  if (!parsed.success)
    throw new EntitlementError(`the entitlement's claims are wrong: ${problems(parsed.error)}. ${ASK}`);
  const claims = parsed.data;
  if (now.getTime() + SKEW < Date.parse(claims.activatedAt)) {
    throw new EntitlementError(
      `the entitlement of tenant "${claims.tenant}" begins only at ${claims.activatedAt}; this machine's clock says ${now.toISOString()}. ${ASK}`,
    );
  }
  return claims;
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

const ASK = "Ask the issuer for a new entitlement and put it into dhistance:entitlement.";

function explain(error: unknown): string {
  if (error instanceof errors.JWKSNoMatchingKey) {
    return `the entitlement was signed by a key that is not among the trusted issuers. ${ASK}`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return `the entitlement was changed after it was signed, or another key signed it: its signature does not fit. ${ASK}`;
  }
  if (error instanceof errors.JOSENotSupported && /crit/i.test(error.message)) {
    return `the entitlement's header has an extension ("crit") that is not supported. ${ASK}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return `the entitlement is not signed with EdDSA, the only algorithm accepted. ${ASK}`;
  }
  return `the entitlement is not a compact JWS (three parts with dots between). ${ASK}`;
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}

function problems(error: z.ZodError): string {
  return error.issues
    .map((issue) => [issue.path.join("."), issue.message].filter(Boolean).join(": "))
    .join("; ");
}
