import { CompactSign, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import {
  expiryNotice,
  hasExpired,
  issueEntitlement,
  verifyEntitlement,
  verifyEvenExpired,
  type Entitlement,
} from "./entitlement";

const claims: Entitlement = {
  tenant: "moh-example",
  plan: "premium",
  maxServers: 2,
  activatedAt: "2026-01-01T00:00:00Z",
  expiresAt: "2027-01-01T00:00:00Z",
  issuer: "DHIStance tests",
};
const now = new Date("2026-06-01T00:00:00Z");

async function newKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  return {
    private: { ...(await exportJWK(privateKey)), kid },
    public: { ...(await exportJWK(publicKey)), kid },
  };
}

let key: { private: JWK; public: JWK };
let issuers: JSONWebKeySet;
let token: string;
beforeAll(async () => {
  key = await newKey("ours");
  issuers = { keys: [key.public] };
  token = await issueEntitlement(claims, key.private);
});

/** Signs what issueEntitlement would refuse to. */
async function sign(payload: unknown, header: Record<string, string> = {}, by = key.private) {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "EdDSA", typ: "dhistance-entitlement", kid: by.kid ?? "", ...header })
    .sign(await importJWK(by, "EdDSA"));
}

describe("verifyEntitlement", () => {
  it("returns the claims of a good one, white space around it or not", async () => {
    expect(await verifyEntitlement(token, issuers, now)).toEqual(claims);
    expect(await verifyEntitlement(`\n${token}\n`, issuers, now)).toEqual(claims);
  });

  it("refuses one whose claims were edited", async () => {
    const [header, , signature] = token.split(".");
    const edited = Buffer.from(JSON.stringify({ ...claims, plan: "enterprise", maxServers: 9 })).toString(
      "base64url",
    );
    await expect(verifyEntitlement(`${header}.${edited}.${signature}`, issuers, now)).rejects.toThrow(
      /changed after it was signed/,
    );
  });

  it("refuses one signed by a foreign key, also under our key's id", async () => {
    const foreign = await newKey("theirs");
    await expect(
      verifyEntitlement(await issueEntitlement(claims, foreign.private), issuers, now),
    ).rejects.toThrow(/not among the trusted issuers/);
    const posing = { ...foreign.private, kid: "ours" };
    await expect(verifyEntitlement(await issueEntitlement(claims, posing), issuers, now)).rejects.toThrow(
      /signature does not fit/,
    );
  });

  it("refuses an unsigned one and one signed with a shared secret", async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const unsigned = `${part({ alg: "none", typ: "dhistance-entitlement", kid: "ours" })}.${part(claims)}.`;
    await expect(verifyEntitlement(unsigned, issuers, now)).rejects.toThrow(
      /not signed with EdDSA|not a compact JWS/,
    );
    const shared = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "HS256", typ: "dhistance-entitlement", kid: "ours" })
      .sign(new TextEncoder().encode(key.public.x ?? ""));
    await expect(verifyEntitlement(shared, issuers, now)).rejects.toThrow(/not signed with EdDSA/);
  });

  it("refuses what the same key signed for another purpose", async () => {
    await expect(verifyEntitlement(await sign(claims, { typ: "invoice" }), issuers, now)).rejects.toThrow(
      /not an entitlement: its header has typ "invoice"; allowed: "dhistance-entitlement"/,
    );
  });

  it("says what the matter is with a header and with claims that are none", async () => {
    const untyped = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "EdDSA", kid: "ours" })
      .sign(await importJWK(key.private, "EdDSA"));
    await expect(verifyEntitlement(untyped, issuers, now)).rejects.toThrow(/typ unset; allowed/);
    for (const nothing of [null, [], 7, "text"])
      await expect(verifyEntitlement(await sign(nothing), issuers, now)).rejects.toThrow(
        /^the entitlement's claims are not a JSON object\. Ask/,
      );
  });

  it("is void before its first moment and from its last on, by clocks that differ by at most five minutes", async () => {
    const at = (moment: string, seconds: number) => new Date(Date.parse(moment) + seconds * 1000);
    for (const moment of [at(claims.expiresAt, 299), at(claims.activatedAt, -300)])
      expect(await verifyEntitlement(token, issuers, moment)).toEqual(claims);
    await expect(verifyEntitlement(token, issuers, at(claims.expiresAt, 300))).rejects.toThrow(
      /"moh-example" expired at 2027-01-01/,
    );
    await expect(verifyEntitlement(token, issuers, at(claims.activatedAt, -301))).rejects.toThrow(
      /begins only at .*; this machine's clock says 2025-12-31T23:54:59/,
    );
  });

  it("is known for what it was after its end, with a notice from 30 days before on", async () => {
    const before = (days: number) => new Date(Date.parse(claims.expiresAt) - days * 86_400_000);
    expect(await verifyEvenExpired(token, issuers, before(-400))).toEqual(claims);
    expect(expiryNotice(claims, before(30.01))).toBeUndefined();
    expect(expiryNotice(claims, before(30))).toMatch(
      /^the entitlement of tenant "moh-example" expires in 30 days, at 2027-01-01T00:00:00Z\. Ask the issuer/,
    );
    expect(expiryNotice(claims, before(0.5))).toMatch(/ expires in 1 day, /);
    expect(expiryNotice(claims, before(-0.001))).toMatch(/ expires now, /);
    expect(expiryNotice(claims, before(-1))).toMatch(
      /expired at 2027-01-01T00:00:00Z: what there is goes on, but nothing can be added\. Ask/,
    );
    expect([before(0.1), before(-1)].map((moment) => hasExpired(claims, moment))).toEqual([false, true]);
  });

  it.each([
    [
      "more servers than the plan has",
      { ...claims, maxServers: 3 },
      /maxServers: the premium plan allows 1 to 2/,
    ],
    [
      "an enterprise contract without a number",
      { ...claims, plan: "enterprise", maxServers: 2 },
      /allows 3 or more/,
    ],
    ["a plan that is none", { ...claims, plan: "platinum" }, /plan: /],
    ["a claim too many", { ...claims, admin: true }, /admin/],
    ["no tenant", { ...claims, tenant: undefined }, /tenant: /],
    [
      "an end before its beginning",
      { ...claims, expiresAt: claims.activatedAt },
      /has to be after activatedAt/,
    ],
  ])("refuses %s even when well signed, and does not issue it", async (_, wrong, message) => {
    await expect(verifyEntitlement(await sign(wrong), issuers, now)).rejects.toThrow(message);
    await expect(issueEntitlement(wrong as Entitlement, key.private)).rejects.toThrow(message);
  });

  it.each(["", "not a token", "a.b", "a.b.c", "eyJhbGciOiJFZERTQSJ9..", "{}"])(
    "refuses %j with one sentence",
    async (text) => {
      await expect(verifyEntitlement(text, issuers, now)).rejects.toThrow(
        /^the (entitlement|token) .*Ask the issuer/,
      );
    },
  );
});
