/**
 * A backup location: a folder, on a disk or in S3, with a repository for each month. A month's end is where the lock on
 * a deduplicated object can come to an end, too. `2026-11` is followed by `2026-11.2` only when the first can no longer
 * be written to.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { LocationError } from "./errors";
import { Repository, type Access } from "./restic";

/** Name of the seal in a kept object. */
const SEAL = "seal";

/** Most folders that a message names. */
const SHOWN = 5;

const MONTH = /^\d{4}-\d{2}(\.[2-9])?$/;

export function monthOf(time: Date): string {
  return time.toISOString().slice(0, 7);
}

/** The name after `name` in the same month. @throws LocationError after the ninth: something is wrong with the location */
export function nextRepositoryName(name: string): string {
  const [month = "", generation = "1"] = name.split(".");
  if (generation === "9")
    throw new LocationError(`The repositories of ${month} are damaged, all nine of them.`);
  return `${month}.${Number(generation) + 1}`;
}

export class BackupLocation {
  constructor(
    /** A directory, or `s3:https://host/bucket/folder`. */
    readonly url: string,
    readonly access: Access,
    readonly signal: AbortSignal,
  ) {}

  get local(): boolean {
    return !this.url.startsWith("s3:");
  }

  repository(name: string): Repository {
    return new Repository(`${this.url.replace(/\/$/, "")}/${name}`, this.access, this.signal);
  }

  /**
   * Names of its repositories, the oldest first; none when nothing has been written there yet.
   * @throws LocationError when it cannot be reached
   */
  async months(): Promise<string[]> {
    const names = this.local ? await folders(this.url) : await this.prefixes();
    return names.filter((name) => MONTH.test(name)).sort();
  }

  /** Whether a repository has a key. Without any, restic says that the password is another. */
  async hasKeys(name: string): Promise<boolean> {
    if (this.local) {
      const keys = await readdir(join(this.repository(name).url, "keys")).catch((): string[] => []);
      return keys.length > 0;
    }
    return this.inBucket(async ({ client, bucket, prefix }) => {
      const keys = { Bucket: bucket, Prefix: `${prefix}${name}/keys/`, MaxKeys: 1 };
      const { Contents } = await client.send(new ListObjectsV2Command(keys), { abortSignal: this.signal });
      return (Contents?.length ?? 0) > 0;
    });
  }

  /**
   * Keeps a JSON object beside its repositories, sealed with the repositories' password: whoever can only write there
   * cannot say what was not found.
   * @throws LocationError when it cannot be written
   */
  async keep(name: string, content: object): Promise<void> {
    const seal = this.sealOf(name, content);
    const text = `${JSON.stringify({ ...content, [SEAL]: seal }, undefined, 2)}\n`;
    if (this.local) {
      const file = join(this.url, name);
      try {
        await mkdir(this.url, { recursive: true });
        await writeFile(`${file}.new`, text);
        await rename(`${file}.new`, file);
      } catch (error) {
        throw new LocationError(`${file} cannot be written: ${(error as Error).message}`);
      }
    } else {
      await this.inBucket(({ client, bucket, prefix }) =>
        client.send(
          new PutObjectCommand({
            // A bucket that locks asks for a checksum.
            ...{ Bucket: bucket, Key: prefix + name, Body: text, ChecksumAlgorithm: "SHA256" },
          }),
          { abortSignal: this.signal },
        ),
      );
    }
  }

  /** What was kept; undefined when there is nothing, when it cannot be read, or when its seal is another's. */
  async kept(name: string): Promise<unknown> {
    try {
      const { [SEAL]: seal, ...content } = JSON.parse(await this.textOf(name)) as Record<string, unknown>;
      return seal === this.sealOf(name, content) ? content : undefined;
    } catch {
      return undefined;
    }
  }

  private sealOf(name: string, content: object): string {
    // As restic reads it.
    const password = readFileSync(this.access.passwordFile, "utf8").trim();
    return createHmac("sha256", password)
      .update(`${name}\n${JSON.stringify(content)}`)
      .digest("hex");
  }

  private async textOf(name: string): Promise<string> {
    if (this.local) return readFile(join(this.url, name), "utf8");
    return this.inBucket(async ({ client, bucket, prefix }) => {
      const key = { Bucket: bucket, Key: prefix + name };
      const { Body } = await client.send(new GetObjectCommand(key), { abortSignal: this.signal });
      return (await Body?.transformToString()) ?? "";
    });
  }

  /**
   * Removes a month's repository. A bucket that keeps versions, or locks them, keeps what it has to keep.
   * @throws LocationError when it cannot be removed
   */
  async remove(name: string): Promise<void> {
    if (this.local) return rm(this.repository(name).url, { recursive: true, force: true });
    await this.inBucket(async ({ client, bucket, prefix }) => {
      for (;;) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}${name}/` }),
          { abortSignal: this.signal },
        );
        const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
        if (Objects.length === 0) return;
        const { Errors } = await client.send(
          new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
          { abortSignal: this.signal },
        );
        if (Errors?.[0]) throw new Error(`${Errors[0].Key ?? ""} is not deleted: ${Errors[0].Message ?? ""}`);
      }
    });
  }

  /**
   * Why there is no backup here, for a person who may have named another place than they meant.
   * @throws LocationError when it cannot be reached
   */
  async whyEmpty(): Promise<string> {
    const url = this.url.replace(/\/+$/, "");
    const [, parent = "", name = ""] = /^(.*)\/([^/]*)$/.exec(url) ?? [];
    if (MONTH.test(name)) return `${url} is one month's repository. Name the folder that it is in: ${parent}`;
    const within = await this.foldersWithBackups("");
    if (within.length > 0)
      return `There is no backup in ${url} itself, but in its folders ${within.join(", ")}. Name one of them.`;
    const beside = parent === "" ? [] : await this.foldersWithBackups("..");
    const hint =
      beside.length > 0 ? ` Backups are in ${beside.map((each) => `${parent}/${each}`).join(", ")}.` : "";
    const there = !this.local || (await stat(url).catch(() => undefined));
    return `${there ? `There is no backup in ${url}.` : `${url} does not exist.`}${hint}`;
  }

  /** Folders here, or beside this one, that have a month's repository. */
  private async foldersWithBackups(where: "" | ".."): Promise<string[]> {
    const found: string[] = [];
    if (this.local) {
      const base = join(this.url, where);
      for (const name of await folders(base).catch((): string[] => [])) {
        const inside = await folders(join(base, name)).catch((): string[] => []);
        if (inside.some((each) => MONTH.test(each))) found.push(name);
      }
    } else {
      const { prefix } = s3Address(this.url);
      const base = where === "" ? prefix : prefix.replace(/[^/]*\/$/, "");
      for (const name of await this.prefixes(base).catch((): string[] => [])) {
        const inside = await this.prefixes(`${base}${name}/`).catch((): string[] => []);
        if (inside.some((each) => MONTH.test(each))) found.push(name);
      }
    }
    return found.slice(0, SHOWN);
  }

  /**
   * Months whose repository somebody has deleted from a bucket that keeps versions: they can be brought back. Who may not
   * look finds none.
   */
  async hiddenMonths(): Promise<string[]> {
    if (this.local) return [];
    return this.inBucket(async ({ client, bucket, prefix }) => {
      const versions = (under: string, Delimiter?: string) =>
        client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix + under, Delimiter }), {
          abortSignal: this.signal,
        });
      const { CommonPrefixes = [] } = await versions("", "/");
      const names = CommonPrefixes.map(({ Prefix = "" }) => Prefix.slice(prefix.length, -1));
      const hidden: string[] = [];
      for (const name of names.filter((each) => MONTH.test(each))) {
        // Restic deletes its own locks, and nothing else.
        const found = await Promise.all([versions(`${name}/config`), versions(`${name}/snapshots/`)]);
        if (found.some(({ DeleteMarkers = [] }) => DeleteMarkers.some(({ IsLatest }) => IsLatest)))
          hidden.push(name);
      }
      return hidden;
    }).catch(() => []);
  }

  /** @param at where in the bucket @default here */
  private prefixes(at?: string): Promise<string[]> {
    return this.inBucket(async ({ client, bucket, prefix: here }) => {
      const prefix = at ?? here;
      const names: string[] = [];
      let next: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({
            ...{ Bucket: bucket, Prefix: prefix, Delimiter: "/" },
            ...(next !== undefined && { ContinuationToken: next }),
          }),
          { abortSignal: this.signal },
        );
        for (const { Prefix } of page.CommonPrefixes ?? [])
          names.push((Prefix ?? "").slice(prefix.length, -1));
        next = page.NextContinuationToken;
      } while (next !== undefined);
      return names;
    });
  }

  private async inBucket<T>(
    work: (bucket: { client: S3Client; bucket: string; prefix: string }) => Promise<T>,
  ): Promise<T> {
    const { endpoint, ...address } = s3Address(this.url);
    // It speaks of a later Node.js in the middle of what the person on call reads.
    process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
    const client = new S3Client({
      ...{ endpoint, forcePathStyle: true, region: process.env["AWS_REGION"] ?? "us-east-1", maxAttempts: 3 },
    });
    try {
      return await work({ client, ...address });
    } catch (error) {
      this.signal.throwIfAborted();
      const { name, message, code } = error as Error & { code?: string };
      if (name === "NoSuchBucket")
        throw new LocationError(
          `There is no bucket ${address.bucket} at ${endpoint} that these credentials may see. Check the name in ${this.url}.`,
        );
      throw new LocationError(`${this.url} cannot be reached: ${message || code || name}`);
    } finally {
      client.destroy();
    }
  }
}

async function folders(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw new LocationError(`${directory} cannot be read: ${message}`);
  }
}

/** `s3:https://host:port/bucket/folder`, in parts. @throws LocationError when it is none */
export function s3Address(url: string): { endpoint: string; bucket: string; prefix: string } {
  const address = url.slice("s3:".length);
  const { origin, pathname } = URL.canParse(address) ? new URL(address) : { origin: "null", pathname: "" };
  const [bucket = "", ...rest] = pathname.split("/").filter((part) => part !== "");
  if (origin === "null" || bucket === "")
    throw new LocationError(
      `"${url}" is not a location in S3; such as s3:https://s3.eu-west-1.amazonaws.com/bucket/hmis`,
    );
  return { endpoint: origin, bucket, prefix: [...rest, ""].join("/") };
}
