/** A directory archive of pg_dump, unpacked from whatever it came in, and safe to give to pg_restore. */
import { mkdir } from "node:fs/promises";
import { DumpError } from "../errors";
import type { Spool } from "../spool";
import type { ExpansionLimits } from "./compression";

/** The files that pg_dump makes in a directory. */
const ofPgDump = /^(toc\.dat|blobs(_\d+)?\.toc|(blob_)?\d+\.dat(\.(gz|lz4|zst))?)$/;

/** The folder (`""`, `./`, `dump/`) of a directory archive among these names, if there is one. */
export function archiveFolder(names: string[]): string | undefined {
  const toc = names.find((name) => /^([^/]+\/){0,2}toc\.dat$/.test(name));
  return toc?.slice(0, -"toc.dat".length);
}

/** Takes files of a directory archive, one after the other, to a new directory. */
export class DirectoryWriter {
  private written = 0;

  private constructor(
    private readonly spool: Spool,
    private readonly folder: string,
    private readonly limits: ExpansionLimits,
  ) {}

  static async create(spool: Spool, folder: string, limits: ExpansionLimits): Promise<DirectoryWriter> {
    await mkdir(spool.path("archive"), { mode: 0o700 });
    return new DirectoryWriter(spool, folder, limits);
  }

  get path(): string {
    return this.spool.path("archive");
  }

  /** False when the file is none of pg_dump's, and was not touched. */
  async add(name: string, contents: AsyncIterable<Buffer>): Promise<boolean> {
    if (!name.startsWith(this.folder)) return false;
    const file = name.slice(this.folder.length);
    if (!ofPgDump.test(file)) return false;
    const isList = file.endsWith("toc.dat") || file.endsWith(".toc");
    const kept: Buffer[] = [];
    const counted = async function* (this: DirectoryWriter) {
      for await (const chunk of contents) {
        this.written += chunk.length;
        if (isList) kept.push(chunk);
        yield chunk;
      }
    }.bind(this);
    await this.spool.write(`archive/${file}`, counted(), {
      bytes: this.limits.maxBytes - this.written,
      raise: "allow more with --max-decompressed-size",
    });
    if (isList) checkFileNames(file, Buffer.concat(kept));
    return true;
  }
}

/**
 * A directory archive's lists say which of its files hold what, and pg_restore opens whatever they say: with `../` in
 * front, any file of this machine; its contents would become rows.
 */
export function checkFileNames(list: string, contents: Buffer): void {
  const text = contents.toString("latin1");
  const strange =
    list === "toc.dat"
      ? // A string in an archive: a sign, its length in four bytes, its characters.
        /\0[^]{3}\0((?:\.?\/)*\.\.\/[^\0]{0,100})/.exec(text)?.[1]
      : text.split("\n").find((line) => line !== "" && !/^\d+ blob_\d+\.dat(\.(gz|lz4|zst))?$/.test(line));
  if (strange === undefined) return;
  throw new DumpError(
    "refused",
    `the archive's ${list} refers to a file outside of it: ${JSON.stringify(strange.slice(0, 100))}`,
  );
}
