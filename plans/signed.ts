import {
  CompactSign,
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  importJWK,
  type JSONWebKeySet,
  type JWK,
} from "jose";
import type { z } from "zod";

/** What an issuer signs: compact JWSs with an Ed25519 key. */

/** Why something signed was not accepted, in words for the person who runs `pulumi`. */
export class EntitlementError extends Error {
  override name = "EntitlementError";
}

/** One kind of signed thing. */
export interface Kind<Claims> {
  /** The header's `typ`: what the same key signed for another purpose does not count. */
  type: string;
  /** How messages name it, such as "the entitlement". */
  name: string;
  schema: z.ZodType<Claims>;
  /** What a person can do about a bad one. */
  remedy: string;
}

/**
 * Signs claims. The time of it goes into the header, as `iat` (seconds since 1970): a former version refuses claims that
 * it does not know.
 * @param privateKey an Ed25519 private key as a JWK with a `kid` that the issuers' JWKS holds
 * @throws EntitlementError if the claims are wrong
 */
export async function sign<Claims>(kind: Kind<Claims>, claims: Claims, privateKey: JWK): Promise<string> {
  const noun = kind.name.replace(/^the /, "");
  const parsed = kind.schema.safeParse(claims);
  if (!parsed.success) throw new EntitlementError(`${noun} not issued: ${problems(parsed.error)}`);
  if (!privateKey.kid) throw new EntitlementError(`${noun} not issued: the issuer's key has no kid`);
  return new CompactSign(new TextEncoder().encode(JSON.stringify(parsed.data)))
    .setProtectedHeader({ alg: "EdDSA", typ: kind.type, kid: privateKey.kid, iat: Date.now() / 1000 })
    .sign(await importJWK(privateKey, "EdDSA"));
}

/**
 * Checks what was signed, and returns its claims.
 * @throws EntitlementError saying what is wrong with it and what to do
 */
export async function verify<Claims>(
  kind: Kind<Claims>,
  token: string,
  issuers: JSONWebKeySet,
): Promise<Claims> {
  let payload: Uint8Array;
  try {
    const verified = await compactVerify(token.trim(), createLocalJWKSet(issuers), { algorithms: ["EdDSA"] });
    const { typ } = verified.protectedHeader;
    if (typ !== kind.type) {
      throw new EntitlementError(
        `the token is not ${kind.name.replace(/^the /, "an ")}: its header has typ ${JSON.stringify(typ) ?? "unset"}; ` +
          `allowed: "${kind.type}". ${kind.remedy}`,
      );
    }
    payload = verified.payload;
  } catch (error) {
    if (error instanceof EntitlementError) throw error;
    throw new EntitlementError(`${kind.name} ${explain(error)}. ${kind.remedy}`);
  }
  const json = parseJson(payload);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new EntitlementError(`${kind.name}'s claims are not a JSON object. ${kind.remedy}`);
  const parsed = kind.schema.safeParse(json);
  if (!parsed.success)
    throw new EntitlementError(`${kind.name}'s claims are wrong: ${problems(parsed.error)}. ${kind.remedy}`);
  return parsed.data;
}

/** When it was signed, by its header; of something that was verified. Former versions did not say. */
export function signedAt(token: string): Date | undefined {
  const { iat } = decodeProtectedHeader(token.trim());
  return typeof iat === "number" && Number.isFinite(iat) ? new Date(iat * 1000) : undefined;
}

function explain(error: unknown): string {
  if (error instanceof errors.JWKSNoMatchingKey)
    return "was signed by a key that is not among the trusted issuers";
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return "was changed after it was signed, or another key signed it: its signature does not fit";
  if (error instanceof errors.JOSENotSupported && /crit/i.test(error.message))
    return `has a header with an extension ("crit") that is not supported`;
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return "is not signed with EdDSA, the only algorithm accepted";
  return "is not a compact JWS (three parts with dots between)";
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
