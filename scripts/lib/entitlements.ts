import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { issueEntitlement, verifyEntitlement } from "../../plans/entitlement";
import { loadIssuers } from "../../plans/issuers";
import { PLAN_TERMS, type Plan } from "../../plans/plans";
import { UsageError } from "./errors";
import { table, type Output } from "./output";

/** What an issuer does. Only `makeKey` and `issue` use a private key. */

export interface KeyOptions {
  kid: string;
}

/** Makes a key: the private half goes into a new file, the public half into a JWKS file. */
export async function makeKey(
  privateFile: string,
  issuersFile: string,
  { kid }: KeyOptions,
  output: Output,
): Promise<void> {
  if (existsSync(privateFile)) {
    throw new UsageError(`${privateFile} exists, and a key is never overwritten. Name a new file.`);
  }
  const issuers = existsSync(issuersFile)
    ? (JSON.parse(readFileSync(issuersFile, "utf8")) as { keys: JWK[] })
    : { keys: [] };
  if (issuers.keys.some((key) => key.kid === kid)) {
    throw new UsageError(`${issuersFile} already has a key "${kid}". Use another --kid.`);
  }
  const { key, trusted } = await newIssuer(kid);
  writeFileSync(privateFile, JSON.stringify(key), { mode: 0o600, flag: "wx" });
  writeFileSync(issuersFile, `${JSON.stringify({ keys: [...issuers.keys, trusted] }, null, 2)}\n`);
  if (output.json) output.result({ kid, privateFile, issuersFile }, "");
  output.note(
    `Keep ${privateFile} secret. Its entitlements are valid where DHISTANCE_ISSUERS=${issuersFile} is set.`,
  );
}

/** A new issuer: its private key, and the public half for a JWKS file. */
export async function newIssuer(kid: string): Promise<{ key: JWK; trusted: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return {
    key: { ...(await exportJWK(privateKey)), kid },
    trusted: { ...(await exportJWK(publicKey)), kid },
  };
}

export interface IssueOptions {
  key: string;
  tenant: string;
  plan: Plan;
  servers?: number;
  days: number;
  issuer: string;
}

/** Prints a signed entitlement that is valid from now. */
export async function issue(options: IssueOptions, output: Output): Promise<void> {
  const { key, tenant, plan, servers, days, issuer } = options;
  const { max } = PLAN_TERMS[plan].servers;
  const maxServers = servers ?? (max === Infinity ? undefined : max);
  if (maxServers === undefined) {
    throw new UsageError(`--servers is missing; the plan ${plan} has no maximum of its own.`);
  }
  const now = new Date();
  const expires = new Date(now.getTime() + days * 86_400_000);
  const claims = {
    tenant,
    plan,
    maxServers,
    activatedAt: now.toISOString(),
    expiresAt: expires.toISOString(),
  };
  const token = await issueEntitlement({ ...claims, issuer }, JSON.parse(readFileSync(key, "utf8")) as JWK);
  output.result({ ...claims, issuer, entitlement: token }, token);
}

/** Prints what an entitlement grants. @param file @default standard input */
export async function verify(file: string | undefined, output: Output): Promise<void> {
  const claims = await verifyEntitlement(readFileSync(file ?? 0, "utf8"), loadIssuers());
  const rows = Object.entries(claims).map(([name, value]) => [name, String(value)]);
  output.result(claims, table(rows, { indent: "" }).join("\n"));
}
