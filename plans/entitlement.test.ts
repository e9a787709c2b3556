import { CompactSign, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  expiryNotice,
  hasExpired,
  issuedAt,
  issueEntitlement,
  verifyEntitlement,
  verifyEvenExpired,
  type Entitlement,
} from "./entitlement";
import { listOf, withList } from "./entitlementList";

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

describe("the issuers' list", () => {
  const first = "2026-02-01T00:00:00.000Z";
  const signed = new Date(first);
  const later = new Date("2026-03-01T00:00:00Z");
  const listed = async (change: Parameters<typeof withList>[1], at = later) =>
    withList(issuers, change, key.private, at);
  /** Issued at `first`. */
  const issued = async (of: Partial<Entitlement> = {}) => {
    vi.useFakeTimers({ now: signed, toFake: ["Date"] });
    try {
      return await issueEntitlement({ ...claims, ...of }, key.private);
    } finally {
      vi.useRealTimers();
    }
  };

  it("lets the newest of a tenant count, and refuses one issued before it", async () => {
    const old = await issued({ plan: "enterprise", maxServers: 9 });
    expect(issuedAt(old, claims)).toBe(first);
    const same = await listed({ newest: { "moh-example": first } });
    expect(await verifyEntitlement(old, same, now)).toMatchObject({ maxServers: 9 });
    const newer = await listed({ newest: { "moh-example": "2026-02-01T00:00:00.001Z" } });
    await expect(verifyEvenExpired(old, newer, now)).rejects.toThrow(
      'the entitlement of tenant "moh-example" was issued at 2026-02-01T00:00:00.000Z, and a newer one, issued at ' +
        "2026-02-01T00:00:00.001Z, has replaced it. Put the newest into dhistance:entitlement, or ask the issuer for it.",
    );
    const others = await listed({ newest: { other: "2026-05-01T00:00:00Z" } });
    expect(await verifyEntitlement(old, others, now)).toMatchObject({ maxServers: 9 });
  });

  it("makes a revoked one as one that has expired, and one issued after that is good", async () => {
    const list = await listed({ revoked: { "moh-example": first } });
    const revoked = await verifyEvenExpired(await issued(), list, now);
    expect(revoked.expiresAt).toBe(first);
    expect(hasExpired(revoked, now)).toBe(true);
    expect(await verifyEntitlement(token, list, now)).toEqual(claims);
  });

  it("keeps what it has when something is added", async () => {
    const once = await listed({ newest: { a: first }, revoked: { b: first } });
    const twice = await withList(once, { newest: { c: first } }, key.private, later);
    expect(await listOf(twice)).toEqual({
      issuedAt: later.toISOString(),
      newest: { a: first, c: first },
      revoked: { b: first },
    });
  });

  it("says nothing of a tenant that is called as what every object has", async () => {
    const named = await issued({ tenant: "constructor" });
    expect(await verifyEntitlement(named, await listed({}), now)).toMatchObject({ tenant: "constructor" });
  });

  it("is refused when changed, when signed by another key, when it is an entitlement, and when the clock is before it", async () => {
    const good = await listed({});
    const theirs = await withList(issuers, {}, (await newKey("theirs")).private);
    for (const [entitlements, message] of [
      [`${good.entitlements}x`, /^the entitlement list .* Get the issuers' file again/],
      [
        theirs.entitlements ?? "",
        /^the entitlement list was signed by a key that is not among the trusted issuers/,
      ],
      [token, /its header has typ "dhistance-entitlement"; allowed: "dhistance-entitlement-list"/],
      ["", /^the entitlement list is not a compact JWS/],
    ] as const)
      await expect(verifyEntitlement(token, { ...issuers, entitlements }, now)).rejects.toThrow(message);
    await expect(
      verifyEvenExpired(token, await listed({}, new Date("2026-07-01T00:00:00Z")), now),
    ).rejects.toThrow(/^the entitlement list was signed at 2026-07-01.*clock says 2026-06-01.*Set the clock/);
  });
});

it("of a token of a former version the beginning counts as the time of issue", async () => {
  expect(issuedAt(await sign(claims), claims)).toBe(claims.activatedAt);
});
