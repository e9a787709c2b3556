import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parsePrivateKey } from "sshpk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check, create, diff } from "../resource";
import { UNKNOWN, type Properties } from "../values";
import { readyForRenewal, tls } from "./";

const identity = { name: "t", urn: "urn:t", config: {} };

function typeOf(name: string) {
  const type = tls.resources[`tls:index/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`];
  if (!type) throw new Error(`no row ${name}`);
  return type;
}
const checked = (name: string, inputs: Properties) =>
  check(typeOf(name), "t", inputs, undefined, new Uint8Array());
async function made(name: string, inputs: Properties) {
  const { inputs: complete, failures } = checked(name, inputs);
  expect(failures).toEqual([]);
  return create(typeOf(name), identity, complete, false);
}
const text = (value: unknown) => String(value);

const folder = mkdtempSync(path.join(tmpdir(), "tls-"));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, content: unknown): string {
  const place = path.join(folder, name);
  writeFileSync(place, text(content), { mode: 0o600 });
  return place;
}

describe("PrivateKey", () => {
  it.each([
    [{ algorithm: "RSA" }, "BEGIN RSA PRIVATE KEY", "rsa", "ssh-rsa"],
    [{ algorithm: "ECDSA", ecdsaCurve: "P256" }, "BEGIN EC PRIVATE KEY", "ec", "ecdsa-sha2-nistp256"],
    [{ algorithm: "ECDSA", ecdsaCurve: "P384" }, "BEGIN EC PRIVATE KEY", "ec", "ecdsa-sha2-nistp384"],
    [{ algorithm: "ECDSA", ecdsaCurve: "P521" }, "BEGIN EC PRIVATE KEY", "ec", "ecdsa-sha2-nistp521"],
    [{ algorithm: "ED25519" }, "BEGIN PRIVATE KEY", "ed25519", "ssh-ed25519"],
  ])("of %j has forms that belong together", async (inputs, heading, kind, sshKind) => {
    const { id, outputs } = await made("PrivateKey", inputs);
    expect(id).toMatch(/^[0-9a-f]{40}$/);
    expect(outputs["privateKeyPem"]).toContain(heading);
    const key = createPrivateKey(text(outputs["privateKeyPem"]));
    expect(key.asymmetricKeyType).toBe(kind);
    expect(createPrivateKey(text(outputs["privateKeyPemPkcs8"])).equals(key)).toBe(true);
    expect(createPublicKey(text(outputs["publicKeyPem"])).equals(createPublicKey(key))).toBe(true);
    const ssh = text(outputs["publicKeyOpenssh"]);
    expect(ssh).toMatch(new RegExp(`^${sshKind} \\S+\\n$`));
    expect(outputs["privateKeyOpenssh"]).toContain("BEGIN OPENSSH PRIVATE KEY");
    const fromSsh = parsePrivateKey(text(outputs["privateKeyOpenssh"]), "openssh").toPublic();
    expect(fromSsh.toString("ssh").split(" ").slice(0, 2).join(" ")).toBe(ssh.trim());
    expect(outputs["publicKeyFingerprintMd5"]).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    expect(outputs["publicKeyFingerprintSha256"]).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  it("on P224, which OpenSSH does not know, leaves its forms empty", async () => {
    const { outputs } = await made("PrivateKey", { algorithm: "ECDSA" });
    expect(outputs).toMatchObject({ ecdsaCurve: "P224", privateKeyOpenssh: "", publicKeyOpenssh: "" });
  });

  it("refuses an algorithm that it does not know", () => {
    expect(checked("PrivateKey", { algorithm: "DSA" }).failures).toMatchObject([{ property: "algorithm" }]);
  });
});

describe("certificates", () => {
  let authorityKey: string;
  let authority: string;
  let serverKey: string;
  let request: string;

  beforeAll(async () => {
    authorityKey = text(
      (await made("PrivateKey", { algorithm: "ECDSA", ecdsaCurve: "P384" })).outputs["privateKeyPem"],
    );
    serverKey = text((await made("PrivateKey", { algorithm: "RSA" })).outputs["privateKeyPem"]);
    authority = text(
      (
        await made("SelfSignedCert", {
          privateKeyPem: authorityKey,
          subject: { commonName: "Tenant CA", organization: "Ministry of Health", country: "XX" },
          isCaCertificate: true,
          maxPathLength: 0,
          validityPeriodHours: 1000,
          allowedUses: ["cert_signing", "crl_signing"],
        })
      ).outputs["certPem"],
    );
    request = text(
      (
        await made("CertRequest", {
          privateKeyPem: serverKey,
          subject: { commonName: "hmis.example.org" },
          dnsNames: ["hmis.example.org", "www.hmis.example.org"],
          ipAddresses: ["192.0.2.1"],
          uris: ["https://hmis.example.org/"],
        })
      ).outputs["certRequestPem"],
    );
  });

  const leaf = (more: Properties = {}) => ({
    certRequestPem: request,
    caCertPem: authority,
    caPrivateKeyPem: authorityKey,
    validityPeriodHours: 24,
    allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
    ...more,
  });

  it("signs what openssl verifies against the authority", async () => {
    const { id, outputs } = await made("LocallySignedCert", leaf());
    const verified = execFileSync(
      "openssl",
      ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "www.hmis.example.org"].concat([
        "-CAfile",
        file("ca.pem", authority),
        file("leaf.pem", outputs["certPem"]),
      ]),
      { encoding: "utf8" },
    );
    expect(verified).toContain("leaf.pem: OK");
    expect(outputs["caKeyAlgorithm"]).toBe("ECDSA");

    const certificate = new X509Certificate(text(outputs["certPem"]));
    expect(BigInt(`0x${certificate.serialNumber}`).toString()).toBe(id);
    expect(certificate.checkIssued(new X509Certificate(authority))).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(serverKey))).toBe(true);
    expect(certificate.subjectAltName).toBe(
      "DNS:hmis.example.org, DNS:www.hmis.example.org, IP Address:192.0.2.1, URI:https://hmis.example.org/",
    );
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    const seconds = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 1000;
    expect(seconds).toBe(24 * 3600);
  });

  it("makes a CA that openssl accepts, with its limits", () => {
    const shown = execFileSync("openssl", ["x509", "-noout", "-text", "-in", file("ca.pem", authority)], {
      encoding: "utf8",
    });
    expect(shown).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(shown).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(shown).toMatch(/Subject Key Identifier/);
    expect(shown).toMatch(/ecdsa-with-SHA384/);
    expect(shown).toMatch(/Issuer: C ?= ?XX, O ?= ?Ministry of Health, CN ?= ?Tenant CA/);
  });

  it.each([
    { algorithm: "RSA", rsaBits: 2048 },
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { algorithm: "ECDSA", ecdsaCurve: "P521" },
    { algorithm: "ED25519" },
  ])("self-signs with %j", async (key) => {
    const { outputs: forms } = await made("PrivateKey", key);
    const { outputs } = await made("SelfSignedCert", {
      privateKeyPem: forms["privateKeyPem"] ?? "",
      dnsNames: ["localhost"],
      validityPeriodHours: 1,
      allowedUses: ["server_auth"],
    });
    const certificate = new X509Certificate(text(outputs["certPem"]));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(outputs["keyAlgorithm"]).toBe(key.algorithm);
  });

  it("refuses what does not belong together or is not what it should be", async () => {
    await expect(made("LocallySignedCert", leaf({ caPrivateKeyPem: serverKey }))).rejects.toThrow(
      "caPrivateKeyPem is not the key of the certificate in caCertPem",
    );
    await expect(made("LocallySignedCert", leaf({ certRequestPem: authority }))).rejects.toThrow(
      /^certRequestPem is not/,
    );
    await expect(made("CertRequest", { privateKeyPem: "nonsense" })).rejects.toThrow(
      "privateKeyPem is not a private key in PEM format",
    );
    await expect(
      made("SelfSignedCert", {
        ...{ privateKeyPem: serverKey, isCaCertificate: true, validityPeriodHours: 1, allowedUses: [] },
      }),
    ).rejects.toThrow("a certificate authority's certificate needs a subject");
    expect(checked("LocallySignedCert", leaf({ allowedUses: ["server_oath"] })).failures).toMatchObject([
      { property: "allowedUses" },
    ]);
    expect(checked("SelfSignedCert", { allowedUses: [], validityPeriodHours: 1 }).failures).toMatchObject([
      { property: "privateKeyPem" },
    ]);
  });

  it("waits for a key that is not known yet", async () => {
    const { inputs, failures } = checked("CertRequest", { privateKeyPem: UNKNOWN });
    expect(failures).toEqual([]);
    const { outputs } = await create(typeOf("CertRequest"), identity, inputs, true);
    expect(outputs).toMatchObject({ certRequestPem: UNKNOWN });
  });
});

describe("renewal", () => {
  const end = Date.parse("2030-01-02T00:00:00Z");
  const state = { validityEndTime: "2030-01-02T00:00:00Z", earlyRenewalHours: 24 };
  const hour = 3_600_000;

  it("is due from the early hours on", () => {
    expect(readyForRenewal(state, end - 25 * hour)).toBe(false);
    expect(readyForRenewal(state, end - 24 * hour)).toBe(true);
    expect(readyForRenewal({ validityEndTime: state.validityEndTime }, end - 1)).toBe(false);
    expect(readyForRenewal({ validityEndTime: state.validityEndTime }, end)).toBe(true);
  });

  it("makes a certificate again, and a refresh say so", () => {
    const type = typeOf("SelfSignedCert");
    const inputs = { validityPeriodHours: 24, earlyRenewalHours: 1 };
    const valid = { ...inputs, validityEndTime: new Date(Date.now() + 2 * hour).toISOString() };
    expect(diff(type, inputs, valid, inputs).changes).toEqual([]);
    expect(type.read?.(valid)).toMatchObject({ readyForRenewal: false });
    const due = { ...valid, validityEndTime: new Date(Date.now() + hour / 2).toISOString() };
    expect(diff(type, inputs, due, inputs)).toMatchObject({
      replace: true,
      changes: [{ path: "readyForRenewal" }],
    });
    expect(type.read?.(due)).toMatchObject({ readyForRenewal: true });
    // To ask for an earlier renewal changes nothing by itself.
    expect(diff(type, inputs, valid, { ...inputs, earlyRenewalHours: 0 })).toMatchObject({
      replace: false,
      changes: [{ path: "earlyRenewalHours" }],
    });
  });
});
