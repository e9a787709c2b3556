import type { JSONWebKeySet, JWK } from "jose";
import { z } from "zod";
import { sign, verify, type Kind } from "./signed";

/**
 * The list of an issuer's newest entitlements. A signature holds for ever, so a customer who has gone back to a smaller
 * plan still has the entitlement of the larger one. The list says which one counts; it is shipped with the issuers'
 * keys, in the same file (`entitlements` beside `keys`), so that a machine without a network can judge by it too.
 */
const listSchema = z.strictObject({
  /** UTC; when the list was signed. */
  issuedAt: z.iso.datetime(),
  /** By tenant: when its newest entitlement was issued, UTC. Earlier ones are refused. */
  newest: z.record(z.string(), z.iso.datetime()),
  /** By tenant: a time, UTC. What was issued until then counts as expired since. */
  revoked: z.record(z.string(), z.iso.datetime()),
});
export type EntitlementList = z.output<typeof listSchema>;

const LIST: Kind<EntitlementList> = {
  type: "dhistance-entitlement-list",
  name: "the entitlement list",
  schema: listSchema,
  remedy: `Get the issuers' file again ("entitlements" in the file that DHISTANCE_ISSUERS names).`,
};

/** Whose entitlements count: their public keys, and their list where they have one. */
export type Issuers = JSONWebKeySet & { entitlements?: string };

/** @throws EntitlementError if the list is not one that a key of the same file has signed */
export async function listOf(issuers: Issuers): Promise<EntitlementList | undefined> {
  return issuers.entitlements === undefined ? undefined : verify(LIST, issuers.entitlements, issuers);
}

/**
 * The issuers' file with a changed list.
 * @throws EntitlementError if the present list is not one that a key of the file has signed
 */
export async function withList(
  issuers: Issuers,
  change: { [Part in "newest" | "revoked"]?: EntitlementList["newest"] },
  key: JWK,
  now = new Date(),
): Promise<Issuers> {
  const { newest = {}, revoked = {} } = (await listOf(issuers)) ?? {};
  const list = {
    issuedAt: now.toISOString(),
    newest: { ...newest, ...change.newest },
    revoked: { ...revoked, ...change.revoked },
  };
  return { ...issuers, entitlements: await sign(LIST, list, key) };
}
