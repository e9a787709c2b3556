import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueEntitlement, type Entitlement } from "../../plans/entitlement";
import { SpecError } from "../config";
import { readRequest, type Given } from "./request";

const root = mkdtempSync(path.join(tmpdir(), "request-"));
const before = process.env["DHISTANCE_ISSUERS"];
let key: JWK;
beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  key = { ...(await exportJWK(privateKey)), kid: "tests" };
  process.env["DHISTANCE_ISSUERS"] = path.join(root, "issuers.json");
  writeFileSync(
    process.env["DHISTANCE_ISSUERS"],
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "tests" }] }),
  );
  writeFileSync(path.join(root, "hmis.sql"), "");
});
afterAll(() => {
  if (before === undefined) delete process.env["DHISTANCE_ISSUERS"];
  else process.env["DHISTANCE_ISSUERS"] = before;
  rmSync(root, { recursive: true });
});

const YEAR = 365 * 86_400_000;
const entitle = (claims: Partial<Entitlement> = {}) =>
  issueEntitlement(
    {
      tenant: "moh",
      plan: "premium",
      maxServers: 2,
      activatedAt: new Date(Date.now() - YEAR).toISOString(),
      expiresAt: new Date(Date.now() + YEAR).toISOString(),
      issuer: "tests",
      ...claims,
    },
    key,
  );

const server = (name: string, rest: object = {}) => ({
  name,
  dhis2: "42.5.2",
  size: "small",
  hostname: `${name}.moh.example.org`,
  ...rest,
});
const spec = (...servers: object[]) => ({
  displayName: "Ministry of Health",
  contacts: { operations: "ops@moh.example.org", billing: "finance@moh.example.org" },
  target: { aws: { region: "eu-west-1" } },
  servers,
  backups: {
    copies: [{ region: "eu-central-1" }, { onPremises: { host: "ssh://backup@office", path: "/srv/dhis2" } }],
  },
});

async function problemsOf(given: Partial<Given>): Promise<string[]> {
  try {
    await readRequest({
      stack: "moh",
      entitlement: await entitle(),
      tenant: spec(server("hmis")),
      holdsSecret: false,
      root,
      ...given,
    });
  } catch (error) {
    expect(error).toBeInstanceOf(SpecError);
    return (error as SpecError).problems;
  }
  return [];
}

it("takes what is in order", async () => {
  const token = await entitle();
  const request = await readRequest({
    stack: "moh",
    entitlement: token,
    tenant: spec(
      server("hmis"),
      server("training", { import: { dump: "hmis.sql", sha256: "a".repeat(64) } }),
    ),
    holdsSecret: false,
    root,
  });
  expect(request.token).toBe(token);
  expect(request.entitlement).toMatchObject({ tenant: "moh", plan: "premium" });
  expect(request.spec.servers).toHaveLength(2);
});

describe("refuses", () => {
  it("one server too many, one too large, and another tenant's stack, all at once", async () => {
    const servers = [server("aa", { size: "large" }), server("bb"), server("cc")];
    expect(await problemsOf({ stack: "other", tenant: spec(...servers) })).toEqual([
      expect.stringMatching(/^dhistance:entitlement: stack "other" carries the entitlement of tenant "moh"/),
      expect.stringMatching(/^servers: tenant "moh" has 3 servers \(aa, bb, cc\); its premium plan allows 2/),
      expect.stringMatching(
        /^servers\[0\]\.size: server "aa" has size "large"; the premium plan allows small/,
      ),
    ]);
  });

  it("servers over the plan even when the spec has faults of its own", async () => {
    const tenant = { ...spec(server("a"), { name: 7 }, server("c")), displayName: "" };
    const problems = await problemsOf({ tenant });
    expect(problems).toContainEqual(expect.stringMatching(/^displayName: /));
    expect(problems).toContainEqual(expect.stringMatching(/^servers\[1\]\.name: 7; /));
    expect(problems).toContainEqual(expect.stringMatching(/^servers: .*3 servers \(a, servers\[1\], c\)/));
  });

  it("a missing entitlement together with a wrong spec, and no spec at all", async () => {
    expect(
      await problemsOf({ entitlement: undefined, tenant: { ...spec(server("hmis")), plan: "enterprise" } }),
    ).toEqual([
      expect.stringMatching(/^plan: is not a key here/),
      expect.stringMatching(/^dhistance:entitlement: is missing; allowed: the entitlement, or \{ file: … \}/),
    ]);
    expect(await problemsOf({ tenant: undefined })).toContainEqual("servers: is missing; allowed: a list");
  });

  it("an expired entitlement, and one that was changed", async () => {
    const expired = await entitle({ activatedAt: "2020-01-01T00:00:00Z", expiresAt: "2021-01-01T00:00:00Z" });
    expect(await problemsOf({ entitlement: expired })).toEqual([
      expect.stringMatching(/^dhistance:entitlement: .*expired at 2021-01-01/),
    ]);
    const [header, , signature] = (await entitle()).split(".");
    const claims = Buffer.from(JSON.stringify({ tenant: "moh", plan: "enterprise" })).toString("base64url");
    expect(await problemsOf({ entitlement: [header, claims, signature].join(".") })).toEqual([
      expect.stringMatching(/^dhistance:entitlement: .*changed after it was signed/),
    ]);
  });

  it("a dump that is not there", async () => {
    const tenant = spec(server("hmis", { import: { dump: "none.sql", sha256: "a".repeat(64) } }));
    expect(await problemsOf({ tenant })).toEqual([
      'servers[0].import.dump: "none.sql"; there is no such file; allowed: a file, or s3://bucket/key',
    ]);
  });

  it("an encryption password in plain text, without repeating it", async () => {
    const encryptionPassword = "correct horse battery staple";
    const tenant = spec(
      server("hmis", { import: { dump: "hmis.sql", sha256: "a".repeat(64), encryptionPassword } }),
    );
    const problems = await problemsOf({ tenant });
    expect(problems).toEqual([
      expect.stringMatching(
        /^servers\[0\]\.import\.encryptionPassword: \[secret\]; stands in .* as plain text/,
      ),
    ]);
    expect(problems.join()).not.toContain(encryptionPassword);
    expect(await problemsOf({ tenant, holdsSecret: true })).toEqual([]);
  });
});
