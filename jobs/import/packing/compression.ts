/** gzip and zstd, unpacked as a stream, with an eye on how much comes out. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { createGunzip, createInflateRaw } from "node:zlib";
import { DumpError } from "../errors";
import { bytesText } from "../spool";

export type Compression = "gzip" | "zstd";

export interface ExpansionLimits {
  /** Most bytes that may come out. Default 1 TiB. */
  maxBytes: number;
  /** How many times its size it may expand to, once it has passed 1 GiB. Default 200; SQL compresses 5 to 30 times. */
  maxRatio: number;
}

export const defaultLimits: ExpansionLimits = { maxBytes: 2 ** 40, maxRatio: 200 };

const ratioFrom = 2 ** 30;
const chunkSize = 1 << 20;

/** Throws a DumpError when the data are cut short, damaged, or expand beyond the limits. */
export async function* decompress(
  kind: Compression | "deflate",
  input: AsyncIterable<Buffer>,
  limits: ExpansionLimits,
): AsyncGenerator<Buffer> {
  let [read, written] = [0, 0];
  async function* counted() {
    for await (const chunk of input) {
      read += chunk.length;
      yield chunk;
    }
  }
  const output = kind === "zstd" ? zstd(counted()) : inflate(kind, counted());
  for await (const chunk of output) {
    written += chunk.length;
    if (written > limits.maxBytes) {
      throw new DumpError(
        "too-big",
        `the dump expands to more than ${bytesText(limits.maxBytes)}; allow more with --max-decompressed-size`,
      );
    }
    if (written > ratioFrom && written > read * limits.maxRatio) {
      throw new DumpError(
        "too-big",
        `the dump expands to more than ${limits.maxRatio} times its size, which no honest one does; ` +
          "if this one is, allow it with --max-ratio",
      );
    }
    yield chunk;
  }
}

async function* inflate(kind: "gzip" | "deflate", input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const unpacker = kind === "gzip" ? createGunzip({ chunkSize }) : createInflateRaw({ chunkSize });
  const source = Readable.from(input, { objectMode: false, highWaterMark: chunkSize });
  source.on("error", (error) => unpacker.destroy(error));
  source.pipe(unpacker);
  try {
    for await (const chunk of unpacker) yield chunk as Buffer;
  } catch (error) {
    throw unpackError(kind === "gzip" ? "gzip" : "zip", error as NodeJS.ErrnoException);
  } finally {
    source.destroy();
    unpacker.destroy();
  }
}

function unpackError(kind: string, error: NodeJS.ErrnoException): Error {
  if (error.code === "Z_BUF_ERROR") return new DumpError("truncated", `the ${kind} data end too early`);
  if (error.code?.startsWith("Z_")) {
    return new DumpError("corrupt", `the ${kind} data are damaged: ${error.message}`);
  }
  return error;
}

/**
 * The zstd program does it, in a process of its own: Node.js has zstd only from 22.15 on, and the libraries are either
 * several times slower or cannot stream.
 */
async function* zstd(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const child = spawn("zstd", ["--decompress", "--stdout", "--quiet", "--memory=128MiB", "-"], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint += text.toString().slice(0, 1000)));
  const source = Readable.from(input, { objectMode: false, highWaterMark: chunkSize });
  let failure: Error | undefined;
  source.on("error", (error) => {
    failure = error;
    child.kill();
  });
  // Broken when zstd stops reading, which it gives its own reason for.
  child.stdin.on("error", () => undefined);
  source.pipe(child.stdin);
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const [code] = await ended;
    if (failure) throw failure;
    if (code !== 0) throw zstdError(complaint);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new DumpError("unsupported", "zstd data need the program zstd: apt-get install zstd");
  } finally {
    source.destroy();
    child.kill();
  }
}

function zstdError(complaint: string): DumpError {
  if (/premature|unexpected end|incomplete/i.test(complaint)) {
    return new DumpError("truncated", "the zstd data end too early");
  }
  if (/memory|window/i.test(complaint)) {
    return new DumpError(
      "unsupported",
      "the zstd data need more than 128 MiB to unpack (--ultra or --long); compress again without",
    );
  }
  const why = complaint
    .trim()
    .split("\n")
    .at(-1)
    ?.replace(/^.*?: /, "");
  return new DumpError("corrupt", `the zstd data are damaged: ${why}`);
}
