import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EntitlementError } from "./entitlement";
import { loadIssuers, resolveEntitlement } from "./issuers";

let folder: string;
let file: string;
const before = process.env["DHISTANCE_ISSUERS"];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "issuers-"));
  file = path.join(folder, "issuers.json");
  process.env["DHISTANCE_ISSUERS"] = file;
});
afterEach(() => {
  if (before === undefined) delete process.env["DHISTANCE_ISSUERS"];
  else process.env["DHISTANCE_ISSUERS"] = before;
  rmSync(folder, { recursive: true });
});

async function jwk(which: "publicKey" | "privateKey") {
  const pair = await generateKeyPair("EdDSA", { extractable: true });
  return { ...(await exportJWK(pair[which])), kid: "k1" };
}

describe("loadIssuers", () => {
  it("reads public keys", async () => {
    const key = await jwk("publicKey");
    writeFileSync(file, JSON.stringify({ keys: [key] }));
    expect(loadIssuers()).toEqual({ keys: [key] });
  });

  it.each<[string, () => Promise<string | undefined>, RegExp]>([
    ["no file", () => Promise.resolve(undefined), /cannot be read from .*there is none.*DHISTANCE_ISSUERS/],
    ["a file that is not JSON", () => Promise.resolve("x"), /is not a JWKS of Ed25519 public keys/],
    ["no key in it", () => Promise.resolve('{"keys":[]}'), /is not a JWKS of Ed25519 public keys \(keys/],
    [
      "a private key",
      async () => JSON.stringify({ keys: [await jwk("privateKey")] }),
      /is a private key; a file of issuers holds public keys only/,
    ],
  ])("refuses %s", async (_, content, message) => {
    const text = await content();
    if (text !== undefined) writeFileSync(file, text);
    expect(() => loadIssuers()).toThrow(message);
    expect(() => loadIssuers()).toThrow(EntitlementError);
  });
});

it("trusts nobody where nobody is named: a pull request could bring keys of its own into the checkout", () => {
  delete process.env["DHISTANCE_ISSUERS"];
  expect(() => loadIssuers()).toThrow(/^DHISTANCE_ISSUERS is not set\. Set it to the path of the JWKS file /);
});

describe("resolveEntitlement", () => {
  const never = () => expect.fail("no file is named");
  it("takes the token itself, and one from a file", () => {
    expect(resolveEntitlement("a.b.c", never)).toBe("a.b.c");
    expect(resolveEntitlement({ file: "moh.jws" }, (named) => `${named}: a.b.c\n`)).toBe("moh.jws: a.b.c");
  });

  it.each<[unknown, RegExp]>([
    [undefined, /is missing; allowed: the entitlement, or \{ file: … \}/],
    [{ fle: "x" }, /allowed: the entitlement, or \{ file: … \}/],
    [17, /allowed: the entitlement/],
  ])("refuses %j", (config, message) => {
    expect(() => resolveEntitlement(config, never)).toThrow(message);
    expect(() => resolveEntitlement(config, never)).toThrow(EntitlementError);
  });
});
