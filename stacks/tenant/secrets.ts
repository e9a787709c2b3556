import { ENCRYPTED, pathText, secretsIn, valueAt } from "../config";
import { tenantSchema } from "./spec";

/** What a stack file says under `dhistance:tenant`, where a secret may stand encrypted: `{ secure: … }`. */
export interface InFile {
  value: unknown;
  /** Whether something in it is encrypted, as the engine says. */
  holdsSecret: boolean;
  /** The command that sets a secret so that it is encrypted. */
  setSecret: (path: string) => string;
}

/** The command of whoever has a stack of their own. */
export function setWithPulumi(path: string): string {
  return `pulumi config set --secret --path 'dhistance:tenant.${path}'`;
}

/**
 * The secrets that stand in a stack's file as plain text, each with the command that mends it.
 * @param tenant the configuration as it is used, nothing in it encrypted
 */
export function plainSecrets(tenant: unknown, { value, holdsSecret, setSecret }: InFile): string[] {
  return secretsIn(tenantSchema, tenant)
    .filter((path) => !holdsSecret || String(valueAt(value, path)) === String(valueAt(tenant, path)))
    .map(pathText)
    .map(
      (path) =>
        `${path}: [secret]; stands in the stack's file as plain text; allowed: an encrypted value. Set it with: ` +
        `${setSecret(path)} (and have a new one made if others could read the file)`,
    );
}

/** A stack file's value, with something in the place of whatever is encrypted: for what judges a spec without its keys. */
export function undecrypted(value: unknown): unknown {
  if (isEncrypted(value)) return ENCRYPTED;
  if (Array.isArray(value)) return value.map(undecrypted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, undecrypted(inner)]));
}

/** Where a stack file's value is encrypted. */
export function encryptedIn(value: unknown, path: PropertyKey[] = []): PropertyKey[][] {
  if (isEncrypted(value)) return [path];
  if (typeof value !== "object" || value === null) return [];
  const entries = Array.isArray(value) ? [...(value as unknown[]).entries()] : Object.entries(value);
  return entries.flatMap(([key, inner]) => encryptedIn(inner, [...path, key]));
}

/** As Pulumi tells it apart. */
export function isEncrypted(value: unknown): value is { secure: string } {
  if (typeof value !== "object" || value === null) return false;
  return Object.keys(value).length === 1 && typeof (value as { secure?: unknown }).secure === "string";
}
