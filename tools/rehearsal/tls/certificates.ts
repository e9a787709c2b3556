import "reflect-metadata";
import { createHash, createPublicKey, randomBytes, webcrypto, type KeyObject } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { isObject, type Properties, type Value } from "../values";
import { readKey, samePublicKey } from "./keys";
import { EXTENDED_USAGES, KEY_USAGES } from "./usages";

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

/** A subject's parts in the order the real provider writes them, each with its short name or object identifier. */
const SUBJECT: [input: string, type: string][] = [
  ["country", "C"],
  ["organization", "O"],
  ["organizationalUnit", "OU"],
  ["locality", "L"],
  ["province", "ST"],
  ["streetAddresses", "2.5.4.9"],
  ["postalCode", "2.5.4.17"],
  ["commonName", "CN"],
  ["serialNumber", "2.5.4.5"],
  ["emailAddress", "E"],
];

/** `tls.SelfSignedCert`. */
export async function selfSigned(inputs: Properties): Promise<Properties> {
  const { key, algorithm } = readKey(String(inputs["privateKeyPem"]), "privateKeyPem");
  const subject = subjectName(inputs["subject"]);
  const signer = await signingKey(key);
  const publicKey = x509PublicKey(key);
  const certificate = await issue(inputs, {
    subject,
    issuer: subject,
    names: alternativeNames(inputs),
    publicKey,
    signer,
    ...(inputs["setAuthorityKeyId"] ? { authority: publicKey } : {}),
  });
  return { ...certificate, keyAlgorithm: algorithm };
}

/** `tls.LocallySignedCert`: a request, signed by an authority. */
export async function locallySigned(inputs: Properties): Promise<Properties> {
  const { key, algorithm } = readKey(String(inputs["caPrivateKeyPem"]), "caPrivateKeyPem");
  const request = parsed(
    () => new x509.Pkcs10CertificateRequest(String(inputs["certRequestPem"])),
    "certRequestPem",
  );
  const authority = parsed(() => new x509.X509Certificate(String(inputs["caCertPem"])), "caCertPem");
  if (!(await request.verify())) throw new Error("certRequestPem is not signed by the key it asks for");
  if (!samePublicKey(key, authority.toString("pem"))) {
    throw new Error("caPrivateKeyPem is not the key of the certificate in caCertPem");
  }
  const identifier = authority.getExtension(x509.SubjectKeyIdentifierExtension);
  const certificate = await issue(inputs, {
    subject: request.subjectName,
    issuer: authority.subjectName,
    names: alternativeNamesOf(request),
    publicKey: request.publicKey,
    signer: await signingKey(key),
    ...(identifier ? { authority: identifier.keyId } : {}),
  });
  return { ...certificate, caKeyAlgorithm: algorithm };
}

/** `tls.CertRequest`. */
export async function certificateRequest(inputs: Properties): Promise<Properties> {
  const { key, algorithm } = readKey(String(inputs["privateKeyPem"]), "privateKeyPem");
  const signer = await signingKey(key);
  const names = alternativeNames(inputs);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectName(inputs["subject"]).toJSON(),
    extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [],
    signingAlgorithm: signer.algorithm,
    keys: { privateKey: signer.key, publicKey: await x509PublicKey(key).export() },
  });
  return {
    id: createHash("sha1").update(Buffer.from(request.rawData)).digest("hex"),
    certRequestPem: `${request.toString("pem")}\n`,
    keyAlgorithm: algorithm,
  };
}

interface Content {
  subject: x509.Name;
  issuer: x509.Name;
  names: x509.JsonGeneralNames;
  publicKey: x509.PublicKey;
  signer: Signer;
  /** The issuer's key, or its identifier. */
  authority?: x509.PublicKey | string;
}

async function issue(inputs: Properties, content: Content): Promise<Properties> {
  const { subject, issuer, names, publicKey, signer, authority } = content;
  const isAuthority = inputs["isCaCertificate"] === true;
  if (isAuthority && subject.toString() === "") {
    throw new Error("a certificate authority's certificate needs a subject");
  }
  const uses = list(inputs["allowedUses"]).map(String);
  const keyUsage = Object.entries(KEY_USAGES)
    .filter(([use]) => uses.includes(use))
    .reduce((flags, [, flag]) => flags | x509.KeyUsageFlags[flag], 0);
  const extended = uses.flatMap((use) => EXTENDED_USAGES[use] ?? []);
  const extensions: x509.Extension[] = [];
  if (keyUsage) extensions.push(new x509.KeyUsagesExtension(keyUsage, true));
  if (extended.length > 0) extensions.push(new x509.ExtendedKeyUsageExtension(extended));
  const length = inputs["maxPathLength"];
  extensions.push(
    new x509.BasicConstraintsExtension(
      isAuthority,
      isAuthority && typeof length === "number" && length >= 0 ? length : undefined,
      true,
    ),
  );
  if (isAuthority || inputs["setSubjectKeyId"]) {
    extensions.push(await x509.SubjectKeyIdentifierExtension.create(publicKey));
  }
  if (typeof authority === "string") extensions.push(new x509.AuthorityKeyIdentifierExtension(authority));
  else if (authority) extensions.push(await x509.AuthorityKeyIdentifierExtension.create(authority));
  if (names.length > 0) {
    extensions.push(new x509.SubjectAlternativeNameExtension(names, subject.toString() === ""));
  }
  const notBefore = new Date();
  const notAfter = new Date(notBefore.getTime() + Number(inputs["validityPeriodHours"]) * 3_600_000);
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f; // A serial number is positive.
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString("hex"),
    subject: subject.toJSON(),
    issuer: issuer.toJSON(),
    notBefore,
    notAfter,
    extensions,
    publicKey,
    signingKey: signer.key,
    signingAlgorithm: signer.algorithm,
  });
  return {
    id: BigInt(`0x${serial.toString("hex")}`).toString(),
    certPem: `${certificate.toString("pem")}\n`,
    validityStartTime: notBefore.toISOString(),
    validityEndTime: notAfter.toISOString(),
  };
}

interface Signer {
  key: webcrypto.CryptoKey;
  algorithm: { name: string; hash?: string };
}

/** The key and the digest that suits it. */
async function signingKey(key: KeyObject): Promise<Signer> {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  const curves: Record<string, [string, string]> = {
    prime256v1: ["P-256", "SHA-256"],
    secp384r1: ["P-384", "SHA-384"],
    secp521r1: ["P-521", "SHA-512"],
  };
  if (key.asymmetricKeyType === "ec" && !curves[curve]) {
    throw new Error(`a key on the curve ${curve} signs no certificates here; allowed: P256, P384, P521`);
  }
  const [namedCurve = "", hash = "SHA-256"] = curves[curve] ?? [];
  const [imported, algorithm] =
    key.asymmetricKeyType === "rsa"
      ? [
          { name: "RSASSA-PKCS1-v1_5", hash },
          { name: "RSASSA-PKCS1-v1_5", hash },
        ]
      : key.asymmetricKeyType === "ec"
        ? [
            { name: "ECDSA", namedCurve },
            { name: "ECDSA", hash },
          ]
        : [{ name: "Ed25519" }, { name: "Ed25519" }];
  const der = key.export({ type: "pkcs8", format: "der" });
  return {
    key: await webcrypto.subtle.importKey("pkcs8", der, imported, false, ["sign"]),
    algorithm,
  };
}

function x509PublicKey(key: KeyObject): x509.PublicKey {
  return new x509.PublicKey(createPublicKey(key).export({ type: "spki", format: "der" }));
}

function subjectName(subject: Value | undefined): x509.Name {
  const parts = isObject(subject) ? subject : {};
  return new x509.Name(
    SUBJECT.flatMap(([input, type]) => {
      const value = parts[input];
      return value === undefined || value === null
        ? []
        : list(value).map((one) => ({ [type]: [String(one)] }));
    }),
  );
}

function alternativeNames(inputs: Properties): x509.JsonGeneralNames {
  const of = (input: string, type: "dns" | "ip" | "url") =>
    list(inputs[input]).map((value) => ({ type, value: String(value) }));
  return [...of("dnsNames", "dns"), ...of("ipAddresses", "ip"), ...of("uris", "url")];
}

function alternativeNamesOf(request: x509.Pkcs10CertificateRequest): x509.JsonGeneralNames {
  const extension = request.getExtension("2.5.29.17");
  return extension instanceof x509.SubjectAlternativeNameExtension ? extension.names.toJSON() : [];
}

function parsed<Result>(read: () => Result, input: string): Result {
  try {
    return read();
  } catch {
    throw new Error(`${input} is not what it should be, in PEM format`);
  }
}

function list(value: Value | undefined): Value[] {
  return value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
}
