import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { parsePrivateKey } from "sshpk";
import type { Properties } from "../values";

/** What OpenSSL calls the curves. */
const CURVES: Record<string, string> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ privateKey: KeyObject; publicKey: KeyObject }>;

/** A new key in every form that `tls.PrivateKey` gives out. */
export async function newKey(inputs: Properties): Promise<Properties> {
  const algorithm = String(inputs["algorithm"]);
  const { privateKey, publicKey } =
    algorithm === "RSA"
      ? await generate("rsa", { modulusLength: Number(inputs["rsaBits"]) })
      : algorithm === "ECDSA"
        ? await generate("ec", { namedCurve: CURVES[String(inputs["ecdsaCurve"])] })
        : await generate("ed25519", {});
  const traditional = { RSA: "pkcs1", ECDSA: "sec1" } as const;
  const form = traditional[algorithm as keyof typeof traditional] ?? "pkcs8";
  const spki = publicKey.export({ type: "spki", format: "der" });
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return {
    id: createHash("sha1").update(spki).digest("hex"),
    privateKeyPem: String(privateKey.export({ type: form as "pkcs8", format: "pem" })),
    privateKeyPemPkcs8: pkcs8,
    publicKeyPem: String(publicKey.export({ type: "spki", format: "pem" })),
    // OpenSSH knows no P-224; the real provider leaves these empty then.
    ...(inputs["ecdsaCurve"] === "P224" && algorithm === "ECDSA" ? NO_SSH : sshForms(pkcs8)),
  };
}

const NO_SSH = {
  privateKeyOpenssh: "",
  publicKeyOpenssh: "",
  publicKeyFingerprintMd5: "",
  publicKeyFingerprintSha256: "",
};

function sshForms(pkcs8: string): Properties {
  const key = parsePrivateKey(pkcs8, "pem");
  key.comment = "";
  const shared = key.toPublic();
  return {
    privateKeyOpenssh: key.toString("openssh"),
    publicKeyOpenssh: `${shared.toString("ssh").trim()}\n`,
    publicKeyFingerprintMd5: shared.fingerprint("md5").toString("hex").replace(/^MD5:/, ""),
    publicKeyFingerprintSha256: shared.fingerprint("sha256").toString(),
  };
}

export type Algorithm = "RSA" | "ECDSA" | "ED25519";

/** @throws Error naming the input if it holds no private key */
export function readKey(pem: string, input: string): { key: KeyObject; algorithm: Algorithm } {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new Error(`${input} is not a private key in PEM format`);
  }
  const algorithms: Record<string, Algorithm> = { rsa: "RSA", ec: "ECDSA", ed25519: "ED25519" };
  const algorithm = algorithms[key.asymmetricKeyType ?? ""];
  if (!algorithm) throw new Error(`${input} is a ${key.asymmetricKeyType} key; allowed: RSA, ECDSA, ED25519`);
  return { key, algorithm };
}

export function samePublicKey(key: KeyObject, certificatePem: string): boolean {
  const der = (object: KeyObject) => object.export({ type: "spki", format: "der" });
  return der(createPublicKey(key)).equals(der(createPublicKey(certificatePem)));
}
