import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import { EntitlementError } from "./entitlement";

/** The checkout. */
const ROOT = path.resolve(__dirname, "..");

/**
 * Whose entitlements count is said by the environment and never by a stack's configuration: whoever may edit a
 * stack must not be able to name the issuer that allows it more.
 */
export function issuersFile(): string {
  return path.resolve(ROOT, process.env["DHISTANCE_ISSUERS"] || ".dhistance/issuers.json");
}

const jwks = z.object({
  keys: z.array(z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), kid: z.string() })),
});

/**
 * The public keys of the trusted issuers: the JWKS file that `DHISTANCE_ISSUERS` names, relative to the checkout;
 * by default `.dhistance/issuers.json`, which `npm start` makes.
 * @throws EntitlementError if there is no such file, or it is no JWKS of Ed25519 keys
 */
export function loadIssuers(): JSONWebKeySet {
  const file = issuersFile();
  const shown = path.relative(ROOT, file);
  if (!existsSync(file)) {
    throw new EntitlementError(
      `no trusted issuers: there is no file ${shown}. Set DHISTANCE_ISSUERS to the issuers' JWKS, ` +
        "or run npm start once to make a local issuer.",
    );
  }
  try {
    const parsed = jwks.parse(JSON.parse(readFileSync(file, "utf8")));
    if (parsed.keys.some((key) => "d" in key)) throw new Error("it holds a private key");
    return parsed as JSONWebKeySet;
  } catch (error) {
    throw new EntitlementError(
      `the trusted issuers cannot be read from ${shown}: ` +
        `${error instanceof z.ZodError ? "it is not a JWKS of Ed25519 keys, each with a kid" : (error as Error).message}.`,
    );
  }
}

/**
 * The entitlement that `dhistance:entitlement` gives: the token itself, or `{ file }`, a path relative to the
 * checkout.
 * @throws EntitlementError if it gives neither, or the file is not there
 */
export function readEntitlement(config: unknown): string {
  if (config === undefined) {
    throw new EntitlementError(
      "dhistance:entitlement is missing. Put the entitlement that the issuer sent there.",
    );
  }
  if (typeof config === "string") return config;
  const parsed = z.strictObject({ file: z.string().min(1) }).safeParse(config);
  if (!parsed.success) {
    throw new EntitlementError(
      "dhistance:entitlement is neither an entitlement nor { file: … }, the path of one.",
    );
  }
  const file = path.resolve(ROOT, parsed.data.file);
  if (!existsSync(file)) {
    throw new EntitlementError(
      `dhistance:entitlement names the file ${parsed.data.file}, which is not there. ` +
        "For an example tenant, run npm start once; else put there what the issuer sent.",
    );
  }
  return readFileSync(file, "utf8").trim();
}
