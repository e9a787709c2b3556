/** zip: a single dump, or a directory archive that was packed. */
import { crc32 } from "node:zlib";
import { openPromise, type Entry, type ZipFile } from "yauzl";
import { DumpError } from "../errors";
import type { Spool } from "../spool";
import { decompress, type ExpansionLimits } from "./compression";
import { archiveFolder, DirectoryWriter } from "./directory";
import { summary } from "./tar";

export interface Zip {
  /** The one dump that it holds. */
  read(): AsyncGenerator<Buffer>;
  /** Instead of that: unpacks a directory archive, and returns the directory. */
  directory?: (spool: Spool, limits: ExpansionLimits) => Promise<string>;
}

/** `progress` gets each piece of the file that was read. */
export async function openZip(
  path: string,
  limits: ExpansionLimits,
  progress: (bytes: number) => void,
): Promise<Zip> {
  const entries: Entry[] = [];
  await withZip(path, async (zip) => {
    for await (const entry of zip.eachEntry()) {
      // Folders, and what macOS adds.
      if (!/\/$|^__MACOSX\/|(^|\/)\.DS_Store$/.test(entry.fileName)) entries.push(entry);
    }
  });
  const names = entries.map((entry) => entry.fileName);
  const [entry] = entries;
  const folder = archiveFolder(names);
  if (folder === undefined && (entry === undefined || entries.length > 1)) {
    throw new DumpError(
      "unknown-format",
      entry === undefined
        ? "the zip file is empty"
        : `the zip file holds ${entries.length} files (${summary(names)}); pack the dump alone`,
    );
  }
  const read = (of: Entry) => contents(path, of, limits, progress);
  return {
    read: () => read(entry as Entry),
    ...(folder !== undefined && {
      directory: async (spool: Spool, limits: ExpansionLimits) => {
        const writer = await DirectoryWriter.create(spool, folder, limits);
        for (const file of entries) await writer.add(file.fileName, read(file));
        return writer.path;
      },
    }),
  };
}

async function withZip<T>(path: string, use: (zip: ZipFile) => Promise<T>): Promise<T> {
  let zip: ZipFile | undefined;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    return await use(zip);
  } catch (error) {
    if (error instanceof DumpError) throw error;
    const { message } = error as Error;
    throw /end of central directory/i.test(message)
      ? new DumpError("truncated", "the zip file ends too early: its directory, which comes last, is missing")
      : new DumpError("corrupt", `the zip file is damaged: ${message}`);
  } finally {
    zip?.close();
  }
}

async function* contents(
  path: string,
  entry: Entry,
  limits: ExpansionLimits,
  progress: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const [stored, deflated] = [0, 8];
  if (entry.isEncrypted()) throw new DumpError("unsupported", "the zip file is encrypted; unpack it first");
  if (entry.compressionMethod !== stored && entry.compressionMethod !== deflated) {
    throw new DumpError(
      "unsupported",
      `the zip file is compressed by method ${entry.compressionMethod}; use the usual one (deflate)`,
    );
  }
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  let [sum, size] = [0, 0];
  try {
    const stream = await zip.openReadStreamPromise(entry, { decodeFileData: false });
    const packed = (async function* () {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        progress(chunk.length);
        yield chunk;
      }
    })();
    const chunks = entry.compressionMethod === stored ? packed : decompress("deflate", packed, limits);
    for await (const chunk of chunks) {
      sum = crc32(chunk, sum);
      size += chunk.length;
      yield chunk;
    }
  } finally {
    zip.close();
  }
  if (size !== entry.uncompressedSize || sum !== entry.crc32) {
    throw new DumpError(
      "corrupt",
      `the zip file is damaged: the checksum of ${entry.fileName} is another one`,
    );
  }
}
