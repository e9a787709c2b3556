/**
 * What an export says of itself, signed (compact JWS, Ed25519). The manifest stands inside the snapshot. The receipt is
 * written after the complete snapshot, and binds both together by the hash over all that is in the snapshot: a snapshot
 * without a receipt was never claimed good.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { CompactSign, compactVerify } from "jose";
import { z } from "zod";
import { UsageError } from "../import/cli/options";
import { accessSchema } from "./access";
import { BackupError } from "./errors";
import { leftOutList, sizes } from "./fileStore";
import type { Snapshot } from "./restic";
import { inShort } from "./shrink";

/** In the snapshot, seen from its root. */
export const LAYOUT = { database: "/database", settings: "/settings", manifest: "/manifest.jws" } as const;

const manifestSchema = z.object({
  dhistance: z.literal(1),
  server: z.string(),
  /** The moment the database is of: ISO 8601, UTC. */
  at: z.string(),
  database: z.string(),
  /** Full version of the PostgreSQL server. */
  postgresql: z.string(),
  /** As `2.42`; absent when no migration tells. */
  dhis2: z.string().optional(),
  /** In the order in which they have to be made. */
  extensions: z.array(z.string()),
  /** Schemas of the extensions that are not in `public`, by extension. */
  schemas: z.record(z.string(), z.string()).optional(),
  access: accessSchema.optional(),
  /** SHA-256 over all that a rehearsal of the restore depends on. */
  rehearsed: z.string().optional(),
  /** What a restore leaves out, because an ordinary role cannot make it: the entry in the dump, in words, and why. */
  unrestorable: z.array(z.object({ entry: z.number(), what: z.string() })).optional(),
  /** Rows of every table that is in it with its data, counted in the snapshot that was dumped. `schema.table`. */
  tables: z.record(z.string(), z.number()),
  /** Tables whose data is not in it, because DHIS2 generates it. `schema.table`. */
  leftOut: z.array(z.string()).optional(),
  /** What it lacks that earlier backups had. Absent when it lacks nothing. */
  shrunk: z.array(z.string()).optional(),
  /** The same, when a person said that it is meant to lack that. Later backups are compared with this one. */
  accepted: z.array(z.string()).optional(),
  dump: sizes,
  /** Of the file store, before it was read, without what is left out. */
  files: sizes.optional(),
  /** Where the file store stands in the snapshot. */
  filesPath: z.string().optional(),
  /** What of the file store is not in it. Absent when all of it is. */
  filesLeftOut: leftOutList.optional(),
  /** SHA-256 of each file of settings. */
  settings: z.record(z.string(), z.string()),
});

export type Manifest = z.infer<typeof manifestSchema>;

const receiptSchema = z.object({
  dhistance: z.literal(1),
  server: z.string(),
  at: z.string(),
  tree: z.string(),
  rows: z.number(),
  bytes: z.number(),
  postgresql: z.string(),
  dhis2: z.string().optional(),
  /** The first of what it lacks that earlier backups had. */
  shrunk: z.array(z.string()).optional(),
  /** A person said that it is meant to hold less than earlier ones. */
  accepted: z.boolean().optional(),
});

export type Receipt = z.infer<typeof receiptSchema>;

export function rowsOf({ tables }: Pick<Manifest, "tables">): number {
  return Object.values(tables).reduce((sum, rows) => sum + rows, 0);
}

/** Entries of its dump that a restore leaves out. */
export function leftOutOfRestore({ unrestorable = [] }: Manifest): number[] {
  return unrestorable.map(({ entry }) => entry);
}

export function receiptOf(manifest: Manifest, tree: string): Receipt {
  const { dhistance, server, at, postgresql, dhis2, shrunk, accepted } = manifest;
  const bytes = manifest.dump.bytes + (manifest.files?.bytes ?? 0);
  const version = dhis2 === undefined ? {} : { dhis2 };
  return {
    ...{ dhistance, server, at, tree, rows: rowsOf(manifest), bytes, postgresql, ...version },
    ...(shrunk && { shrunk: inShort(shrunk) }),
    ...(accepted && { accepted: true }),
  };
}

export const EXPORT_TAG = "export";
const RECEIPT_TAG = "receipt:";

export function receiptTag(jws: string): string {
  return `${RECEIPT_TAG}${jws}`;
}

/** Signed and claimed good, in one repository. */
export interface Claimed {
  snapshot: Snapshot;
  receipt: Receipt;
}

/**
 * The snapshots that have a receipt, the newest first. With a key, receipts of other keys do not count.
 */
export async function claimed(snapshots: Snapshot[], key: KeyObject | undefined): Promise<Claimed[]> {
  const receipts = new Map<string, Receipt>();
  for (const tag of snapshots.flatMap(({ tags }) => tags ?? [])) {
    if (!tag.startsWith(RECEIPT_TAG)) continue;
    const parsed = await open(tag.slice(RECEIPT_TAG.length), key, receiptSchema).catch(() => undefined);
    if (parsed) receipts.set(parsed.tree, parsed);
  }
  return snapshots
    .filter(({ tags }) => tags?.includes(EXPORT_TAG))
    .flatMap((snapshot) => {
      const receipt = receipts.get(snapshot.tree);
      return receipt ? [{ snapshot, receipt }] : [];
    })
    .sort((a, b) => b.receipt.at.localeCompare(a.receipt.at));
}

/** How many backups a repository has whose receipt is signed with another key. */
export async function signedByOthers(snapshots: Snapshot[], key: KeyObject | undefined): Promise<number> {
  const [all, ours] = await Promise.all([claimed(snapshots, undefined), claimed(snapshots, key)]);
  return all.length - ours.length;
}

export function sign(payload: Manifest | Receipt, key: KeyObject): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({ alg: "EdDSA" }).sign(key);
}

/** @throws BackupError when it is none, or `key` did not sign it */
export function openManifest(jws: string, key: KeyObject | undefined): Promise<Manifest> {
  return open(jws, key, manifestSchema);
}

async function open<T>(jws: string, key: KeyObject | undefined, schema: z.ZodType<T>): Promise<T> {
  let payload: Uint8Array;
  try {
    payload = key
      ? (await compactVerify(jws, key, { algorithms: ["EdDSA"] })).payload
      : Buffer.from(jws.split(".")[1] ?? "", "base64url");
  } catch {
    throw new BackupError(
      "signature",
      "The manifest is not signed by this key: it is another's backup, or was changed.",
    );
  }
  try {
    return schema.parse(JSON.parse(Buffer.from(payload).toString()));
  } catch {
    throw new BackupError(
      "signature",
      "The manifest is none of this program's, or of a later version of it.",
    );
  }
}

/** @throws UsageError when the text is not a private Ed25519 key in PEM */
export function signingKey(pem: string, option: string): KeyObject {
  return ed25519(() => createPrivateKey(pem), option, "openssl genpkey -algorithm ed25519");
}

/** @throws UsageError when the text is not a public Ed25519 key in PEM */
export function publicKey(pem: string, option: string): KeyObject {
  return ed25519(() => createPublicKey(pem), option, "openssl pkey -in signing.key -pubout");
}

function ed25519(read: () => KeyObject, option: string, how: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // Said below, without the parser's words, which quote the key.
  }
  if (key?.asymmetricKeyType !== "ed25519")
    throw new UsageError(`${option} is not an Ed25519 key in PEM; make one with: ${how}`);
  return key;
}

export function sha256(data: Buffer | string): string {
  return createHash("sha256").update(data).digest("hex");
}
