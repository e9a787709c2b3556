import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { isMap, isSeq, parseDocument, type Document } from "yaml";
import { TENANT_ID } from "../../../plans/entitlement";
import { pathText } from "../../../stacks/config";
import { isEncrypted } from "../../../stacks/tenant/secrets";
import { stackFileOf } from "../checkout";
import { UsageError } from "../errors";

/**
 * Stack files of a git checkout, as they are and as they were at a commit. They may come from strangers: only regular
 * files are read, none through a link, and nothing of the checkout is run.
 */

/** A stack file has some kilobytes. */
const LARGEST = 1024 * 1024;
const FOLDER = "tenants";

/** Why a stack file is refused before the engine is asked. */
export class StackFileError extends UsageError {
  override name = "StackFileError";
}

export interface Base {
  /** As it was asked for, such as `origin/main`. */
  ref: string;
  /** The commit at which the checkout left it. */
  commit: string;
}

/** @throws UsageError if the folder is not a checkout, or knows no such commit */
export function baseOf(checkout: string, ref: string): Base {
  const fail = (why: string): never => {
    throw new UsageError(`--changed-since ${ref}: ${why}`);
  };
  const answer = (args: string[], why: string): string => {
    try {
      return git(checkout, args).toString().trim();
    } catch {
      return fail(why);
    }
  };
  answer(["rev-parse", "--git-dir"], `${checkout} is not a git checkout; name one with --from.`);
  const wanted = answer(
    ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`],
    "there is no such commit here; name a branch, tag or commit, and fetch it first.",
  );
  const commit = answer(
    ["merge-base", wanted, "HEAD"],
    "it has no commit in common with HEAD here; fetch the history (git fetch --unshallow).",
  );
  return { ref, commit };
}

/** The tenants whose stack file, or a file in whose folder, differs from the commit; sorted. */
export function changedSince(checkout: string, { commit }: Base): string[] {
  const names = (args: string[]) => git(checkout, args).toString().split("\0").filter(Boolean);
  const files = [
    ...names([
      "diff",
      "--name-only",
      "--no-renames",
      "--no-ext-diff",
      "-z",
      "--relative",
      commit,
      "--",
      FOLDER,
    ]),
    ...names(["ls-files", "--others", "--exclude-standard", "-z", "--", FOLDER]),
  ];
  const tenants = files.flatMap((file) => {
    const [, first = "", inside] = file.split("/");
    return inside === undefined ? (/^Pulumi\.(.+)\.yaml$/.exec(first)?.[1] ?? []) : [first];
  });
  const known = (tenant: string) =>
    lstatSync(path.join(checkout, stackFileOf(tenant)), { throwIfNoEntry: false }) !== undefined ||
    fileAt(checkout, commit, stackFileOf(tenant)) !== undefined;
  return [...new Set(tenants)].filter(known).sort();
}

/** Why no tenant can have that name, which the engine could take for something else. */
export function badName(tenant: string): string | undefined {
  if (TENANT_ID.test(tenant)) return undefined;
  return `${JSON.stringify(tenant)} is not a tenant's id; allowed: 3 to 24 of a-z, 0-9 and -, a letter first.`;
}

/** A file's content at a commit; undefined if there was none. */
export function fileAt(checkout: string, commit: string, file: string): Buffer | undefined {
  return filesAt(checkout, commit, file).get(file);
}

/** The regular files at or below a path at a commit, by their paths. */
export function filesAt(checkout: string, commit: string, below: string): Map<string, Buffer> {
  // -z: names as they are. A link has the mode 120000.
  const entries = git(checkout, ["ls-tree", "-r", "-z", commit, "--", below]).toString().split("\0");
  const files = entries.flatMap((entry) => /^100\d{3} blob (\w+)\t([\s\S]+)$/.exec(entry)?.slice(1) ?? []);
  const found = new Map<string, Buffer>();
  for (let at = 0; at < files.length; at += 2)
    found.set(files[at + 1] ?? "", git(checkout, ["cat-file", "blob", files[at] ?? ""]));
  return found;
}

/**
 * A small file as it is now; undefined if there is none.
 * @throws StackFileError if it is a link, no regular file, or too large
 */
export function fileNow(checkout: string, file: string): Buffer | undefined {
  const full = path.join(checkout, file);
  if (!lstatSync(full, { throwIfNoEntry: false })) return undefined;
  const fail = (): never => {
    throw new StackFileError(`${file} is not read; allowed: a regular file of at most 1 MiB, and no link.`);
  };
  if (realpathSync(path.dirname(full)) !== path.join(realpathSync(checkout), path.dirname(file)))
    return fail();
  let descriptor: number;
  try {
    descriptor = openSync(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return fail();
  }
  try {
    const { size } = fstatSync(descriptor);
    return fstatSync(descriptor).isFile() && size <= LARGEST ? readFileSync(descriptor) : fail();
  } finally {
    closeSync(descriptor);
  }
}

export interface Rehearsed {
  /** The stack file for a rehearsal: its configuration without anything encrypted. */
  text: string;
  config: Record<string, unknown>;
  /** What stands for the encrypted values, by their paths for `pulumi config set --path`. */
  placeholders: Map<string, string>;
}

/**
 * A stack file that an engine without its keys can use. What is encrypted becomes a value of its own ciphertext's, so
 * that a change of it shows. What says how to decrypt, and environments to import, are left out.
 * @throws StackFileError if it is not a stack file
 */
export function forRehearsal(file: string, text: string): Rehearsed {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new StackFileError(`${file} is not YAML: ${error.message.split("\n")[0] ?? ""}`);
  const { config = {} } = (asJson(file, document) ?? {}) as { config?: unknown };
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new StackFileError(`${file} is not a stack file: its key config has to be a mapping.`);
  const placeholders = new Map<string, string>();
  const clean = withoutEncrypted(config, [], placeholders) as Record<string, unknown>;
  return { text: JSON.stringify({ config: clean }), config: clean, placeholders };
}

function asJson(file: string, document: Document): unknown {
  if (document.contents !== null && !isMap(document.contents) && !isSeq(document.contents)) return undefined;
  try {
    return document.toJS() as unknown;
  } catch (error) {
    throw new StackFileError(`${file} is not read: ${(error as Error).message}`);
  }
}

function withoutEncrypted(value: unknown, at: PropertyKey[], found: Map<string, string>): unknown {
  if (isEncrypted(value)) {
    const placeholder = createHash("sha256").update(value.secure).digest("hex");
    found.set(configPath(at), placeholder);
    return placeholder;
  }
  if (Array.isArray(value)) return value.map((each, index) => withoutEncrypted(each, [...at, index], found));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withoutEncrypted(each, [...at, key], found)]),
  );
}

/** As `pulumi config set --path` has it: the key itself stands without quotes. */
function configPath([key, ...inside]: PropertyKey[]): string {
  const path = pathText(inside);
  return `${String(key)}${path && !path.startsWith("[") ? "." : ""}${path}`;
}

/** Nothing that the checkout configures is run: neither hooks nor a file system monitor. */
function git(checkout: string, args: string[]): Buffer {
  return execFileSync("git", ["-c", "core.fsmonitor=false", "-C", checkout, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 256 * LARGEST,
  });
}
