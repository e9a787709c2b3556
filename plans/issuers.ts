import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { Issuers } from "./entitlementList";
import { EntitlementError } from "./signed";

const ROOT = path.resolve(__dirname, "..");

/** Public Ed25519 keys and nothing else: a file that holds a private key is in the wrong place. */
const issuersSchema = z.object({
  keys: z
    .array(
      z.looseObject({
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        x: z.string().min(1),
        kid: z.string().min(1),
        d: z
          .string()
          .optional()
          .refine((d) => d === undefined, "is a private key; a file of issuers holds public keys only"),
      }),
    )
    .min(1),
  entitlements: z.string().optional(),
});

/**
 * The public keys of those whose entitlements count: the JWKS file that `DHISTANCE_ISSUERS` names. Whoever can change
 * that file decides what is trusted, so it belongs to the machine: a pull request could bring one of its own into the
 * checkout. Only a rehearsal, and `npm start` on this machine's Docker, name the checkout's own (`tools/toolchain/env.ts`).
 * @throws EntitlementError if none is named, there is no such file, or it is not a set of Ed25519 public keys
 */
export function loadIssuers(): Issuers {
  const file = process.env["DHISTANCE_ISSUERS"];
  if (!file) throw new EntitlementError(`DHISTANCE_ISSUERS is not set. ${NAME_THEM}`);
  const jwks = parseJson(read(file));
  const parsed = issuersSchema.safeParse(jwks);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") ?? "";
    throw new EntitlementError(
      `${shown(file)} is not a JWKS of Ed25519 public keys (${[where, issue?.message].filter(Boolean).join(": ")}). ${ISSUERS}`,
    );
  }
  return jwks as Issuers;
}

const entitlementSchema = z.union([
  z.string().trim().min(1),
  z.strictObject({ file: z.string().trim().min(1) }),
]);

/**
 * The token that a stack's `dhistance:entitlement` stands for.
 * @param config the token itself, or `{ file }`: the path of a file that holds it
 * @param readFile reads such a file, if it is one that the stack may name
 * @throws EntitlementError if it is neither; whatever `readFile` throws
 */
export function resolveEntitlement(config: unknown, readFile: (file: string) => string): string {
  if (config === undefined) {
    throw new EntitlementError(`is missing; allowed: the entitlement, or { file: … }. ${ASK}`);
  }
  const parsed = entitlementSchema.safeParse(config);
  if (!parsed.success) throw new EntitlementError(`allowed: the entitlement, or { file: … }. ${ASK}`);
  if (typeof parsed.data === "string") return parsed.data;
  return readFile(parsed.data.file).trim();
}

const NAME_THEM =
  "Set it to the path of the JWKS file with the public keys of the issuers that you trust (docs/operating/aws.md). " +
  "npm start and npm run preview use a local issuer of their own.";
const ISSUERS = "Name the right file in DHISTANCE_ISSUERS, or run npm start once: it makes a local issuer.";
const ASK = "Put the entitlement that the issuer sent into dhistance:entitlement.";

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is none" : (error as Error).message;
    throw new EntitlementError(
      `the trusted issuers' keys cannot be read from ${shown(file)}: ${why}. ${ISSUERS}`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A path as a person in the checkout would type it. */
function shown(file: string): string {
  const relative = path.relative(ROOT, file);
  return relative.startsWith("..") ? file : relative;
}
