/** Where a dump comes from: a file, standard input, or S3; its checksum compared before anything else happens. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { DumpError } from "./errors";
import { Spool } from "./spool";

export interface SourceOptions {
  /** The dump's SHA-256, in hexadecimal. Without it nothing is compared. */
  sha256?: string;
  /** Directory for what comes from standard input or S3. Default: the system's, which `TMPDIR` moves. */
  spoolDirectory?: string;
  /** Most bytes taken from standard input or S3. Default 256 GiB. */
  maxSpoolBytes?: number;
  /** Told of bytes fetched or checked so far, and of how many there are if that is known. */
  progress?: (bytes: number, total: number | undefined) => void;
  signal?: AbortSignal;
  /** For tests. Default: standard input, and a client that the AWS environment variables set up. */
  stdin?: AsyncIterable<Buffer>;
  s3?: S3Client;
}

/** A dump at rest on this machine. */
export interface DumpSource {
  /** As it was named: a path, `-`, or an S3 address. */
  name: string;
  path: string;
  /** In bytes, as it is stored (compressed, perhaps). */
  size: number;
  /** In hexadecimal. Of a file it is computed when first asked for, which reads it through once. */
  sha256(): Promise<string>;
  /** Removes what was fetched, and reads no more; a file that was there before stays. */
  remove(): Promise<void>;
}

const chunkSize = 1 << 20;
const defaultSpool = 256 * 2 ** 30;

/**
 * Opens `-` (standard input), `s3://bucket/key`, or a path. Of an S3 server other than AWS's, AWS_ENDPOINT_URL is the
 * address. Throws a DumpError when the dump cannot be read, is too large, or has another SHA-256 than expected.
 */
export async function openSource(name: string, options: SourceOptions = {}): Promise<DumpSource> {
  const expected = options.sha256?.toLowerCase();
  if (expected !== undefined && !/^[0-9a-f]{64}$/.test(expected)) {
    throw new DumpError("checksum", `"${options.sha256}" is not a SHA-256: that has 64 hexadecimal digits`);
  }
  const source = await locate(name, options);
  try {
    if (expected !== undefined && (await source.sha256()) !== expected) {
      throw new DumpError(
        "checksum",
        `${name} has the SHA-256 ${await source.sha256()}, not ${expected}: it is another dump, or was damaged on its way`,
      );
    }
    return source;
  } catch (error) {
    await source.remove();
    throw error;
  }
}

async function locate(name: string, options: SourceOptions): Promise<DumpSource> {
  if (name === "-") return spool(name, options.stdin ?? process.stdin, undefined, options);
  if (name.startsWith("s3://")) return fromS3(name, options);
  const file = await stat(name).catch((error: NodeJS.ErrnoException) => {
    throw new DumpError("unreadable", `cannot read ${name}: ${reason(error)}`);
  });
  if (file.isDirectory()) {
    throw new DumpError(
      "unsupported",
      `${name} is a directory; pack a directory dump with: tar -cf dump.tar -C ${name} .`,
    );
  }
  // A pipe can be read only once, and what follows has to go back and forth.
  if (!file.isFile()) return spool(name, createReadStream(name), undefined, options);
  let digest: Promise<string> | undefined;
  const removed = new AbortController();
  const signal = AbortSignal.any([removed.signal, ...(options.signal ? [options.signal] : [])]);
  return {
    name,
    path: name,
    size: file.size,
    sha256: () => (digest ??= hashFile(name, file.size, { ...options, signal })),
    remove: () => Promise.resolve(removed.abort()),
  };
}

function reason(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "there is no such file";
  if (error.code === "EACCES") return "permission denied";
  return error.message;
}

async function hashFile(path: string, size: number, options: SourceOptions): Promise<string> {
  const hash = createHash("sha256");
  // One for all of the file: a stream would make one for each piece.
  const buffer = Buffer.allocUnsafe(chunkSize);
  let bytes = 0;
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    for (;;) {
      options.signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
      options.progress?.(bytes, size);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new DumpError("unreadable", `cannot read ${path}: ${reason(error as NodeJS.ErrnoException)}`);
  } finally {
    await file?.close();
  }
  return hash.digest("hex");
}

/** Takes a stream to disk, hashing it as it goes by. */
async function spool(
  name: string,
  stream: AsyncIterable<Buffer>,
  total: number | undefined,
  options: SourceOptions,
): Promise<DumpSource> {
  const directory = await Spool.create(options.spoolDirectory);
  const hash = createHash("sha256");
  let size = 0;
  async function* counted() {
    for await (const chunk of stream) {
      options.signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      options.progress?.(size, total);
      yield chunk;
    }
  }
  try {
    if (total !== undefined) await directory.reserve(total);
    const bytes = options.maxSpoolBytes ?? defaultSpool;
    const path = await directory.write("dump", counted(), {
      bytes,
      raise: "allow more with --max-spool, or give the dump as a file",
    });
    const digest = hash.digest("hex");
    return { name, path, size, sha256: () => Promise.resolve(digest), remove: () => directory.remove() };
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

async function fromS3(name: string, options: SourceOptions): Promise<DumpSource> {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (!bucket || !key) {
    throw new DumpError("unreadable", `"${name}" is not an S3 address; such as s3://bucket/key`);
  }
  // Loaded here, for it takes as long to load as all the rest.
  const sdk = await import("@aws-sdk/client-s3");
  const client = options.s3 ?? defaultClient(sdk);
  const object = new S3Object(sdk, client, bucket, key, name, options.signal);
  try {
    const total = await object.open();
    return await spool(name, object.bytes(), total, options);
  } finally {
    if (!options.s3) client.destroy();
  }
}

type Sdk = typeof import("@aws-sdk/client-s3");

function defaultClient({ S3Client }: Sdk): S3Client {
  const endpoint = process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  return new S3Client({
    // Buckets tell their own region when another was asked.
    followRegionRedirects: true,
    ...(process.env["AWS_REGION"] ? {} : { region: "us-east-1" }),
    // Servers other than AWS's rarely have a host name for each bucket.
    forcePathStyle: endpoint !== undefined,
    // Over TLS, and compared with the SHA-256; many servers cannot give a checksum of a part.
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

/** An object that goes on where it was when its connection breaks. */
class S3Object {
  private response: GetObjectCommandOutput | undefined;
  private etag: string | undefined;

  constructor(
    private readonly sdk: Sdk,
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly key: string,
    private readonly name: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Returns its size in bytes. */
  async open(): Promise<number | undefined> {
    this.response = await this.get(0);
    this.etag = this.response.ETag;
    return this.response.ContentLength;
  }

  async *bytes(): AsyncGenerator<Buffer> {
    const size = this.response?.ContentLength;
    let at = 0;
    let failures = 0;
    for (;;) {
      try {
        const { Body: body } = this.response ?? (await this.get(at));
        this.response = undefined;
        for await (const chunk of body as unknown as AsyncIterable<Buffer>) {
          at += chunk.length;
          failures = 0;
          yield chunk;
        }
        if (size === undefined || at >= size) return;
        throw new Error(`it ended after ${at} of ${size} bytes`);
      } catch (error) {
        this.signal?.throwIfAborted();
        if (error instanceof DumpError) throw error;
        if (++failures > 5) {
          throw new DumpError("unreadable", `cannot read ${this.name}: ${(error as Error).message}`);
        }
        await sleep(200 * 2 ** failures, undefined, { signal: this.signal });
      }
    }
  }

  private async get(from: number): Promise<GetObjectCommandOutput> {
    try {
      return await this.client.send(
        new this.sdk.GetObjectCommand({
          Bucket: this.bucket,
          Key: this.key,
          ...(from > 0 && { Range: `bytes=${from}-` }),
          ...(this.etag !== undefined && { IfMatch: this.etag }),
        }),
        this.signal ? { abortSignal: this.signal } : {},
      );
    } catch (error) {
      this.signal?.throwIfAborted();
      const { name, $metadata: metadata } = error as {
        name: string;
        $metadata?: { httpStatusCode?: number };
      };
      const status = metadata?.httpStatusCode ?? 0;
      // Anything else may pass: the caller tries again.
      if (from > 0 && (status === 0 || status >= 500 || status === 429)) throw error;
      const why = explanations[name] ?? explanations[status] ?? (error as Error).message;
      throw new DumpError("unreadable", `cannot read ${this.name}: ${why}`);
    }
  }
}

const explanations: Record<string | number, string> = {
  NoSuchBucket: "there is no such bucket",
  NoSuchKey: "there is no such object in the bucket",
  404: "there is no such object",
  403: "access denied; the job's role needs s3:GetObject on it (and kms:Decrypt on its key)",
  412: "it was replaced while it was being read",
  CredentialsProviderError: "there are no AWS credentials in the environment",
};
