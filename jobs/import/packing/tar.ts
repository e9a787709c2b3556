/** tar: an archive of pg_dump's own, a directory archive that was packed, or a single dump. */
import { Readable } from "node:stream";
import { extract, type Extract } from "tar-stream";
import { DumpError } from "../errors";
import type { Spool } from "../spool";
import type { ExpansionLimits } from "./compression";
import { archiveFolder, DirectoryWriter } from "./directory";

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

export type TarContents =
  /** Made by pg_dump --format=tar. */
  | { kind: "tar" }
  /** A directory archive, in this folder of it (`""` or ending in `/`). */
  | { kind: "directory"; folder: string }
  /** One file. */
  | { kind: "file"; file: string };

/** Reads it through once. */
export async function listTar(input: AsyncIterable<Buffer>): Promise<TarContents> {
  const files: string[] = [];
  for await (const entry of entries(input)) {
    if (entry.header.type === "file" && !/(^|\/)(\._|\.DS_Store)/.test(entry.header.name)) {
      files.push(entry.header.name);
    }
    entry.resume();
  }
  // Only pg_dump --format=tar adds a script to it.
  if (files.includes("toc.dat") && files.includes("restore.sql")) return { kind: "tar" };
  const folder = archiveFolder(files);
  if (folder !== undefined) return { kind: "directory", folder };
  const [file, ...others] = files;
  if (file !== undefined && others.length === 0) return { kind: "file", file };
  throw new DumpError(
    "unknown-format",
    file === undefined
      ? "the tar file is empty"
      : `a tar file that holds neither an archive of pg_dump nor a single dump, but ${summary(files)}`,
  );
}

export function summary(files: string[]): string {
  const shown = files.slice(0, 4).join(", ");
  return files.length > 4 ? `${shown} and ${files.length - 4} more` : shown;
}

/** Unpacks a directory archive; returns the directory. */
export async function extractDirectory(
  input: AsyncIterable<Buffer>,
  folder: string,
  spool: Spool,
  limits: ExpansionLimits,
): Promise<string> {
  const writer = await DirectoryWriter.create(spool, folder, limits);
  for await (const entry of entries(input)) {
    const { name, type } = entry.header;
    if (type !== "file" || !(await writer.add(name, entry as AsyncIterable<Buffer>))) entry.resume();
  }
  return writer.path;
}

/** The contents of one file of a tar. */
export async function* singleFile(input: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  for await (const entry of entries(input)) {
    if (entry.header.name === name) yield* entry as AsyncIterable<Buffer>;
    else entry.resume();
  }
}

async function* entries(input: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  const tar = extract();
  const source = Readable.from(input, { objectMode: false, highWaterMark: 1 << 20 });
  let failure: Error | undefined;
  source.on("error", (error) => {
    failure = error;
    tar.destroy(error);
  });
  source.pipe(tar as unknown as NodeJS.WritableStream);
  try {
    yield* tar;
  } catch (error) {
    if (failure) throw failure;
    if (error instanceof DumpError) throw error;
    const { message } = error as Error;
    throw /unexpected end/i.test(message)
      ? new DumpError("truncated", "the tar file ends too early")
      : new DumpError("corrupt", `the tar file is damaged: ${message}`);
  } finally {
    source.destroy();
  }
}
