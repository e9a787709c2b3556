import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { issuedAt, issueEntitlement, verifyEntitlement } from "../../plans/entitlement";
import { withList, type Issuers } from "../../plans/entitlementList";
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
  const issuers = existsSync(issuersFile) ? readIssuers(issuersFile) : { keys: [] };
  if (issuers.keys.some((key) => key.kid === kid)) {
    throw new UsageError(`${issuersFile} already has a key "${kid}". Use another --kid.`);
  }
  const { key, trusted } = await newIssuer(kid);
  writeFileSync(privateFile, JSON.stringify(key), { mode: 0o600, flag: "wx" });
  writeIssuers(issuersFile, { ...issuers, keys: [...issuers.keys, trusted] });
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
  /** When the subscription began. @default now */
  activated?: Date;
  /** The issuers' file in which the entitlement becomes the tenant's newest. */
  issuers?: string;
}

/** Prints a signed entitlement that is valid from now. */
export async function issue(options: IssueOptions, output: Output): Promise<void> {
  const { key: keyFile, tenant, plan, servers, days, issuer, activated } = options;
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
    activatedAt: (activated ?? now).toISOString(),
    expiresAt: expires.toISOString(),
  };
  const key = readKey(keyFile);
  const token = await issueEntitlement({ ...claims, issuer }, key);
  if (options.issuers !== undefined)
    await updateList(options.issuers, { newest: { [tenant]: issuedAt(token, { ...claims, issuer }) } }, key);
  output.result({ ...claims, issuer, entitlement: token }, token);
}

/** Prints what an entitlement grants. @param file @default standard input */
export async function verify(file: string | undefined, output: Output): Promise<void> {
  const token = readFileSync(file ?? 0, "utf8");
  const entitlement = await verifyEntitlement(token, loadIssuers());
  const claims = { ...entitlement, issuedAt: issuedAt(token, entitlement) };
  const rows = Object.entries(claims).map(([name, value]) => [name, String(value)]);
  output.result(claims, table(rows, { indent: "" }).join("\n"));
}

export interface RevokeOptions {
  key: string;
  tenant: string;
}

/** Revokes the entitlements that a tenant has now, in the list that is shipped with the issuers' keys. */
export async function revoke(
  issuersFile: string,
  { key, tenant }: RevokeOptions,
  output: Output,
): Promise<void> {
  const revokedAt = new Date().toISOString();
  await updateList(issuersFile, { revoked: { [tenant]: revokedAt } }, readKey(key));
  output.result(
    { tenant, revokedAt, issuersFile },
    `Entitlements of "${tenant}" that were issued until ${revokedAt} count as expired five minutes from now, wherever ` +
      `${issuersFile} is used.`,
  );
}

/** @throws UsageError if the key is not one of the file: nobody could verify the list */
async function updateList(
  issuersFile: string,
  change: Parameters<typeof withList>[1],
  key: JWK,
): Promise<void> {
  const issuers = readIssuers(issuersFile);
  if (!issuers.keys.some(({ kid, x }) => kid === key.kid && x === key.x)) {
    throw new UsageError(
      `${issuersFile} does not have the public half of the key "${key.kid}". Name the file that has it.`,
    );
  }
  writeIssuers(issuersFile, await withList(issuers, change, key));
}

function readKey(file: string): JWK {
  return JSON.parse(readFileSync(file, "utf8")) as JWK;
}

function readIssuers(file: string): Issuers {
  return JSON.parse(readFileSync(file, "utf8")) as Issuers;
}

function writeIssuers(file: string, issuers: Issuers): void {
  writeWhole(file, `${JSON.stringify(issuers, null, 2)}\n`);
}

/**
 * Writes a file completely or not at all: without the issuers' no tenant can be previewed.
 * @param mode of a file that others may not read @default what the system gives a new file
 */
export function writeWhole(file: string, content: string, mode = 0o666): void {
  writeFileSync(`${file}.new`, content, { mode });
  renameSync(`${file}.new`, file);
}
