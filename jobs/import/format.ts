/** What kind of dump it is, by its contents and never by its name, with whatever it is packed in taken off. */
import { createReadStream } from "node:fs";
import { DumpError } from "./errors";
import { Spool } from "./spool";
import { decompress, defaultLimits, type Compression, type ExpansionLimits } from "./packing/compression";
import { extractDirectory, listTar, singleFile } from "./packing/tar";
import { openZip } from "./packing/zip";

export interface FormatOptions extends Partial<ExpansionLimits> {
  /** Directory for archives that have to be unpacked first. Default: the system's, which `TMPDIR` moves. */
  spoolDirectory?: string;
}

export type Packing = Compression | "zip" | "tar";

interface Opened {
  /** From the outside in; empty when it is not packed. */
  packing: Packing[];
  /** Removes what had to be unpacked. */
  remove(): Promise<void>;
}

/** A plain SQL dump, to be streamed. */
export interface SqlDump extends Opened {
  kind: "sql";
  /** The SQL from its beginning, unpacked as it goes. */
  read(): AsyncGenerator<Buffer>;
  /** Bytes of the file, as it is stored, that `read` has come through so far. */
  bytesRead(): number;
}

/** An archive for pg_restore. */
export interface ArchiveDump extends Opened {
  kind: "archive";
  format: "custom" | "tar" | "directory";
  /** A file, or the directory of a directory archive. */
  path: string;
}

export type OpenedDump = SqlDump | ArchiveDump;

/** One layer of a packed dump: bytes that can be read from their beginning as often as needed. */
interface Layer {
  read(): AsyncGenerator<Buffer>;
  /** Set when the bytes are a file as they are. */
  path?: string;
}

const chunkSize = 1 << 20;
/** Enough to recognise a format, and what has happened to it. */
const headSize = 1 << 16;
const maxLayers = 4;

/** Recognises the dump in the file `path`. Throws a DumpError that names what it is, if it is not a dump of PostgreSQL. */
export async function openDump(path: string, options: FormatOptions = {}): Promise<OpenedDump> {
  const opener = new Opener(path, { ...defaultLimits, ...options }, options.spoolDirectory);
  try {
    return await opener.open();
  } catch (error) {
    await opener.remove();
    throw error;
  }
}

class Opener {
  private readonly packing: Packing[] = [];
  private spool: Spool | undefined;
  private read = 0;

  constructor(
    private readonly path: string,
    private readonly limits: ExpansionLimits,
    private readonly spoolDirectory: string | undefined,
  ) {}

  async open(): Promise<OpenedDump> {
    const opened = { packing: this.packing, remove: () => this.remove() };
    let layer: Layer = { read: () => this.file(), path: this.path };
    for (;;) {
      const head = await firstBytes(layer);
      const kind = recognise(head.subarray(0, 4096));
      if (isBinary(kind, head) && cameThroughTerminal(head)) {
        throw new DumpError(
          "corrupt",
          `the ${kind} data were damaged by a terminal, which turned every line feed (LF) into CR LF. ` +
            "`docker exec -t` does so: make the dump again without -t, or with pg_dump --file and docker cp",
        );
      }
      switch (kind) {
        case "sql":
          return { ...opened, kind: "sql", read: layer.read, bytesRead: () => this.read };
        case "custom":
          return { ...opened, kind: "archive", format: "custom", path: await this.atRest(layer) };
        case "gzip":
        case "zstd": {
          const { read } = layer;
          this.unpack(kind);
          layer = { read: () => decompress(kind, read(), this.limits) };
          break;
        }
        case "zip": {
          this.unpack(kind);
          const zip = await openZip(await this.atRest(layer), this.limits, (bytes) => (this.read += bytes));
          if (!zip.directory) {
            layer = { read: () => ((this.read = 0), zip.read()) };
            break;
          }
          const path = await zip.directory(await this.directory(), this.limits);
          return { ...opened, kind: "archive", format: "directory", path };
        }
        case "tar": {
          const { read } = layer;
          const list = await listTar(read());
          if (list.kind === "tar") {
            return { ...opened, kind: "archive", format: "tar", path: await this.atRest(layer) };
          }
          this.unpack(kind);
          if (list.kind === "directory") {
            const path = await extractDirectory(read(), list.folder, await this.directory(), this.limits);
            return { ...opened, kind: "archive", format: "directory", path };
          }
          layer = { read: () => singleFile(read(), list.file) };
        }
      }
    }
  }

  async remove(): Promise<void> {
    await this.spool?.remove();
  }

  private unpack(packing: Packing): void {
    if (this.packing.push(packing) > maxLayers) {
      throw new DumpError("unsupported", `packed more than ${maxLayers} times (${this.packing.join(", ")})`);
    }
  }

  private async *file(): AsyncGenerator<Buffer> {
    this.read = 0;
    try {
      for await (const chunk of createReadStream(this.path, { highWaterMark: chunkSize })) {
        this.read += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    } catch (error) {
      throw new DumpError("unreadable", `cannot read the dump: ${(error as Error).message}`);
    }
  }

  private async directory(): Promise<Spool> {
    return (this.spool ??= await Spool.create(this.spoolDirectory));
  }

  /** pg_restore and zip need to go back and forth in a file. */
  private async atRest(layer: Layer): Promise<string> {
    if (layer.path !== undefined) return layer.path;
    const spool = await this.directory();
    return spool.write(`layer-${this.packing.length}`, layer.read(), {
      bytes: this.limits.maxBytes,
      raise: "allow more with --max-decompressed-size",
    });
  }
}

async function firstBytes(layer: Layer): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const chunk of layer.read()) {
    head = Buffer.concat([head, chunk.subarray(0, headSize)]);
    if (head.length >= headSize) break;
  }
  return head;
}

/** A tar or zip file may hold a text file of Windows as it is, with such line ends. */
function isBinary(kind: Recognised, head: Buffer): boolean {
  if (kind === "tar") return head.includes("PGDMP");
  if (kind === "zip") return head[8] === zipDeflated;
  return kind !== "sql";
}

const zipDeflated = 8;

/** In binary data a line feed without a carriage return before it is at most a few hundred bytes away. */
function cameThroughTerminal(head: Buffer): boolean {
  let lineFeeds = 0;
  for (let at = head.indexOf("\n"); at >= 0; at = head.indexOf("\n", at + 1)) {
    if (head[at - 1] !== 0x0d) return false;
    lineFeeds++;
  }
  return lineFeeds >= 3;
}

type Recognised = "sql" | "custom" | "tar" | "zip" | Compression;

/** What is recognised only to say what to do about it. */
const foreign: [magic: RegExp, what: string][] = [
  [
    /^\xff\xfe|^\xfe\xff|^(?:[\n\r -~]\0){8}|^(?:\0[\n\r -~]){8}/,
    "UTF-16 text, as `>` of Windows PowerShell writes it; dump with pg_dump --file instead",
  ],
  [/^BZh/, "compressed with bzip2; unpack it, or compress it with gzip or zstd"],
  [/^\xfd7zXZ\0/, "compressed with xz; unpack it, or compress it with gzip or zstd"],
  [/^\x04\x22\x4d\x18/, "compressed with lz4; unpack it, or compress it with gzip or zstd"],
  [/^7z\xbc\xaf/, "a 7z archive; unpack it, or compress it with gzip or zstd"],
  [/^Rar!/, "a RAR archive; unpack it, or compress it with gzip or zstd"],
  [/^SQLite format 3/, "an SQLite database"],
  [
    /^-- MySQL dump|^-- MariaDB dump|^\/\*M?!\d+|^\/\*!\d+/,
    "a dump of MySQL or MariaDB; DHIS2 needs one of PostgreSQL",
  ],
  [/^\s*<(!doctype|html|\?xml|error)/i, "HTML or XML, perhaps an error message in place of the dump"],
  [/^\s*[[{]/, "JSON; a database is imported from a PostgreSQL dump"],
  [/^(Salted__|age-encryption|-----BEGIN PGP)/, "encrypted; decrypt it first"],
];

/** Throws when nobody knows. */
export function recognise(head: Buffer): Recognised {
  if (head.length === 0) throw new DumpError("unknown-format", "the dump is empty");
  const text = head.toString("latin1");
  if (text.startsWith("PGDMP")) return "custom";
  if (text.startsWith("\x1f\x8b")) return "gzip";
  // A frame, or one of those that may be skipped, in front of it.
  if (/^(\x28|[\x50-\x5f]\x2a\x4d\x18)/.test(text) && /^(\x28\xb5\x2f\xfd|.\x2a\x4d\x18)/s.test(text))
    return "zstd";
  if (/^PK\x03\x04|^PK\x05\x06/.test(text)) return "zip";
  if (text.slice(257, 262) === "ustar") return "tar";
  const known = foreign.find(([magic]) => magic.test(text));
  if (known) throw new DumpError("unknown-format", `this is ${known[1]}`);
  if (text.includes("\0")) {
    throw new DumpError(
      "unknown-format",
      "no PostgreSQL dump: neither SQL text, nor gzip, zstd, zip, nor an archive of pg_dump (custom, tar, directory)",
    );
  }
  if (!/^(\xef\xbb\xbf)?\s*(--|\/\*|\\|[A-Za-z])/.test(text)) {
    throw new DumpError(
      "unknown-format",
      `no PostgreSQL dump: it begins with ${JSON.stringify(text.slice(0, 20))}`,
    );
  }
  return "sql";
}
