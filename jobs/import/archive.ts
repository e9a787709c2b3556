/**
 * Archives (custom, tar, directory) are turned into the SQL they stand for, by pg_restore without a server, and go
 * the way of a plain SQL dump: split, judged, loaded over several connections. So nothing of an archive reaches the
 * server that was not judged, the COPY statements of its table of contents included; and the rows of one large table
 * are not bound to one connection, as they are with pg_restore's own.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import type { Readable } from "node:stream";
import { DumpError } from "./errors";
import type { ArchiveDump } from "./format";
import { defaultLimits } from "./packing/compression";
import { pgRestore, restoreError } from "./packing/pgRestore";
import { bytesText } from "./spool";

export interface ArchiveOptions {
  /** Most bytes of SQL that may come out. Default 1 TiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface OpenedArchive {
  /** All of its SQL, for the splitter. Nothing is chosen by the table of contents, which says what its maker wanted. */
  read(): AsyncGenerator<Buffer>;
  /** Bytes of the archive, as it is stored, read so far. */
  bytesRead(): number;
}

/** Opens an archive to be read as plain SQL. Throws a DumpError for one that pg_restore cannot read. */
export async function openArchive(dump: ArchiveDump, options: ArchiveOptions = {}): Promise<OpenedArchive> {
  await checkContents(dump, options.signal);
  const limit = options.maxBytes ?? defaultLimits.maxBytes;
  let bytes = 0;
  return {
    bytesRead: () => bytes,
    async *read() {
      let written = 0;
      const process = start(["--file=-", "--", dump.path], options.signal);
      const timer = setInterval(() => {
        void bytesReadBy(process.pid).then((read) => (bytes = Math.max(bytes, read)));
      }, 200);
      try {
        for await (const chunk of inLargePieces(process.stdout)) {
          written += chunk.length;
          if (written > limit) {
            throw new DumpError(
              "too-big",
              `the archive expands to more than ${bytesText(limit)}; allow more with --max-decompressed-size`,
            );
          }
          yield chunk;
        }
      } finally {
        clearInterval(timer);
        process.stop();
      }
      await process.ended;
    },
  };
}

/** pg_restore restores nothing of a damaged table of contents, and reports success. */
async function checkContents(dump: ArchiveDump, signal?: AbortSignal): Promise<void> {
  const process = start(["--list", "--", dump.path], signal);
  let text = "";
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) text += chunk.toString("utf8");
  await process.ended;
  const entries = Number(/^;\s+TOC Entries: (-?\d+)$/m.exec(text)?.[1]);
  if (!(entries > 0)) {
    throw new DumpError(
      "corrupt",
      `the archive is damaged: its table of contents has ${Number.isNaN(entries) ? "no number of" : entries} entries; ` +
        "make the dump again, and copy it unchanged",
    );
  }
}

/** A pipe gives a few KiB at a time, and everything behind it costs by the piece. */
async function* inLargePieces(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    length += piece.length;
    if (length < PIECE) continue;
    yield Buffer.concat(pieces, length);
    pieces = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(pieces, length);
}

const PIECE = 1 << 18;

interface PgRestore {
  pid: number | undefined;
  stdout: Readable;
  /** Rejects with a DumpError when pg_restore fails. */
  ended: Promise<void>;
  stop(): void;
}

function start(parameters: string[], signal?: AbortSignal): PgRestore {
  // It needs nothing of our environment, and must not find a server in it.
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", TMPDIR: tmpdir() };
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(pgRestore(), parameters, {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal && { signal }),
  });
  let messages = "";
  child.stderr.on("data", (chunk: Buffer) => {
    if (messages.length < 4000) messages += chunk.toString("utf8");
  });
  let stopped = false;
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.name === "AbortError") reject(error);
      else if (error.code !== "ENOENT") reject(new DumpError("unreadable", `pg_restore: ${error.message}`));
      else
        reject(
          new DumpError(
            "unsupported",
            "archives need pg_restore, which is not on this machine: apt-get install postgresql-client",
          ),
        );
    });
    child.once("close", (code) => {
      if (code === 0 || stopped) resolve();
      else reject(restoreError(messages || `exit code ${code}`));
    });
  });
  // Whoever reads the output asks afterwards.
  ended.catch(() => undefined);
  return {
    pid: child.pid,
    stdout: child.stdout,
    ended,
    stop: () => {
      if (child.exitCode !== null || child.stdout.readableEnded) return;
      stopped = true;
      child.kill("SIGKILL");
    },
  };
}

async function bytesReadBy(pid: number | undefined): Promise<number> {
  const io = await readFile(`/proc/${pid}/io`, "utf8").catch(() => "");
  return Number(/^rchar: (\d+)/m.exec(io)?.[1] ?? 0);
}
