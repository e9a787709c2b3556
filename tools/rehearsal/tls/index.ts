import { all, between, oneOf, rule, type Rule } from "../checks";
import type { Computed, Provider, ResourceType } from "../resource";
import type { Properties } from "../values";
import { ALLOWED_USES } from "./usages";

const made =
  (output: string): Computed =>
  ({ made: values }) =>
    values[output] ?? null;

/** The certificate library is loaded only once a certificate is made. */
const certificates = () => import("./certificates");

const usages = rule(
  "allowedUses",
  ALLOWED_USES.join(", "),
  (uses) => Array.isArray(uses) && uses.every((use) => ALLOWED_USES.includes(String(use))),
);

const FIXED = ["allowedUses", "isCaCertificate", "maxPathLength", "setSubjectKeyId", "validityPeriodHours"];

/** The SDK lets a write-only input take the key's place; that one leaves no trace to compare, and is not rehearsed. */
const needs = (input: string): Rule => {
  return (inputs) =>
    inputs[input] === undefined ? { property: input, reason: `"${input}" is required` } : undefined;
};

const certificate: ResourceType = {
  replaceOn: [
    ...["allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "dnsNames", "ipAddresses"],
    ...[
      "isCaCertificate",
      "maxPathLength",
      "privateKeyPem",
      "setAuthorityKeyId",
      "setSubjectKeyId",
      "subject",
    ],
    ...["uris", "validityPeriodHours"],
  ],
  defaults: { earlyRenewalHours: 0, isCaCertificate: false, setSubjectKeyId: false },
  check: all(usages, between("validityPeriodHours", 0, 876_000), between("earlyRenewalHours", 0, 876_000)),
  id: (r) => String(r.made["id"]),
  computed: {
    certPem: made("certPem"),
    readyForRenewal: false,
    validityEndTime: made("validityEndTime"),
    validityStartTime: made("validityStartTime"),
  },
  read: (state) => ({ ...state, readyForRenewal: readyForRenewal(state) }),
  expired: (state, { earlyRenewalHours }) =>
    readyForRenewal({ ...state, earlyRenewalHours: earlyRenewalHours ?? 0 }) ? ["readyForRenewal"] : [],
};

/** `@pulumi/tls`, the real thing: real keys and certificates, kept in the state. */
export const tls: Provider = {
  name: "tls",
  version: "5.6.1+rehearsal",
  functions: {},
  resources: {
    "tls:index/privateKey:PrivateKey": {
      required: ["algorithm"],
      replaceOn: "everything",
      defaults: { ecdsaCurve: "P224", rsaBits: 2048 },
      check: all(
        oneOf("algorithm", "RSA", "ECDSA", "ED25519"),
        oneOf("ecdsaCurve", "P224", "P256", "P384", "P521"),
        between("rsaBits", 1024, 16_384),
      ),
      make: async (inputs) => (await import("./keys")).newKey(inputs),
      id: (r) => String(r.made["id"]),
      computed: Object.fromEntries(
        [
          ...["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8", "publicKeyFingerprintMd5"],
          ...["publicKeyFingerprintSha256", "publicKeyOpenssh", "publicKeyPem"],
        ].map((output) => [output, made(output)]),
      ),
    },
    "tls:index/selfSignedCert:SelfSignedCert": {
      ...certificate,
      required: ["allowedUses", "validityPeriodHours"],
      replaceOn: [
        ...FIXED,
        "dnsNames",
        "ipAddresses",
        "privateKeyPem",
        "setAuthorityKeyId",
        "subject",
        "uris",
      ],
      check: (inputs) => [needs("privateKeyPem")(inputs), ...(certificate.check?.(inputs) ?? [])],
      defaults: { ...certificate.defaults, setAuthorityKeyId: false },
      make: async (inputs) => (await certificates()).selfSigned(inputs),
      computed: { ...certificate.computed, keyAlgorithm: made("keyAlgorithm") },
    },
    "tls:index/locallySignedCert:LocallySignedCert": {
      ...certificate,
      required: ["allowedUses", "caCertPem", "certRequestPem", "validityPeriodHours"],
      replaceOn: [...FIXED, "caCertPem", "caPrivateKeyPem", "certRequestPem"],
      check: (inputs) => [needs("caPrivateKeyPem")(inputs), ...(certificate.check?.(inputs) ?? [])],
      make: async (inputs) => (await certificates()).locallySigned(inputs),
      computed: { ...certificate.computed, caKeyAlgorithm: made("caKeyAlgorithm") },
    },
    "tls:index/certRequest:CertRequest": {
      replaceOn: "everything",
      check: all(needs("privateKeyPem")),
      make: async (inputs) => (await certificates()).certificateRequest(inputs),
      id: (r) => String(r.made["id"]),
      computed: { certRequestPem: made("certRequestPem"), keyAlgorithm: made("keyAlgorithm") },
    },
  },
};

/** Whether a certificate's end, or the time before it that was asked for, has come. */
export function readyForRenewal(state: Properties, now = Date.now()): boolean {
  const end = Date.parse(String(state["validityEndTime"]));
  return now >= end - Number(state["earlyRenewalHours"] ?? 0) * 3_600_000;
}
