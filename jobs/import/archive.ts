/**
 * Archives (custom, tar, directory) are turned into the SQL they stand for, by pg_restore without a server, and go
 * the way of a plain SQL dump: split, judged, loaded over several connections. So nothing of an archive reaches the
 * server that was not judged, the COPY statements of its table of contents included; and the rows of one large table
 * are not bound to one connection, as they are with pg_restore's own.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readFile, rm, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { DumpError } from "./errors";
import type { ArchiveDump } from "./format";
import { defaultLimits } from "./packing/compression";
import { pgRestore, restoreError } from "./packing/script";
import { bytesText } from "./spool";

export interface ArchiveEntry {
  /** The line of `pg_restore --list`, as `--use-list` takes it. */
  line: string;
  /** `TABLE DATA`, `FK CONSTRAINT` … */
  kind: string;
  /** `-` when it has none. */
  schema: string;
  name: string;
}

export interface ArchiveContents {
  /** `16.4`, of the server it was dumped from. */
  serverVersion?: string;
  entries: ArchiveEntry[];
}

export interface ArchiveOptions {
  /** Tables whose rows are not wanted, by `schema.table`. Default: none. */
  excludeData?: (table: string) => boolean;
  /** Most bytes of SQL that may come out. Default 1 TiB. */
  maxBytes?: number;
  signal?: AbortSignal;
}

/** What an archive may hold. The SQL of each is judged on top of that. */
const wanted = new Set([
  ...["SCHEMA", "EXTENSION", "COMMENT", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "AGGREGATE", "COLLATION"],
  ...["TABLE", "TABLE ATTACH", "DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET", "VIEW"],
  ...["MATERIALIZED VIEW", "MATERIALIZED VIEW DATA", "TABLE DATA", "BLOB", "BLOBS", "BLOB METADATA"],
  ...["CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "STATISTICS", "TRIGGER"],
  // A view that needs a primary key is called a rule.
  ...["POLICY", "ROW SECURITY", "RULE", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION"],
]);

/** Of an honest dump too, but ours to decide. */
const leftOut: Record<string, string> = {
  ACL: "grants: rights are the server's",
  "DEFAULT ACL": "grants: rights are the server's",
  DATABASE: "the database itself and its settings: they are the server's",
  "DATABASE PROPERTIES": "the database itself and its settings: they are the server's",
  PUBLICATION: "publications: replication is not taken over",
  "PUBLICATION TABLE": "publications: replication is not taken over",
  "PUBLICATION TABLES IN SCHEMA": "publications: replication is not taken over",
  "SECURITY LABEL": "security labels",
  "STATISTICS DATA": "planner statistics: the import gathers them anew",
};

/** Splits a kind, which may be several words, from the schema and name after it. */
const kinds = [
  ...[...wanted, ...Object.keys(leftOut), "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "FOREIGN TABLE"],
  ...["USER MAPPING", "FOREIGN SERVER", "ACCESS METHOD", "OPERATOR CLASS", "OPERATOR FAMILY", "SHELL TYPE"],
  ...["PROCEDURAL LANGUAGE", "TEXT SEARCH PARSER", "TEXT SEARCH TEMPLATE", "SUBSCRIPTION TABLE"],
].sort((a, b) => b.length - a.length);

/** Reads the table of contents. Throws a DumpError for an archive pg_restore cannot read. */
export async function listArchive(dump: ArchiveDump, signal?: AbortSignal): Promise<ArchiveContents> {
  const process = start(["--list", "--", dump.path], signal);
  let text = "";
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) text += chunk.toString("utf8");
  await process.ended;
  const serverVersion = /^;\s+Dumped from database version: (\S+)/m.exec(text)?.[1];
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  return { ...(serverVersion && { serverVersion }), entries: lines.map(entryOf) };
}

function entryOf(line: string): ArchiveEntry {
  const text = /^\d+; \d+ \d+ (.*)$/.exec(line)?.[1];
  if (text === undefined) throw new DumpError("corrupt", `unreadable table of contents: ${line}`);
  const kind = kinds.find((k) => text.startsWith(`${k} `)) ?? text.split(" ")[0] ?? "";
  const [schema = "", name = ""] = text.slice(kind.length + 1).split(" ");
  return { line, kind, schema, name };
}

/** The entries to bring in, and how many stay out for each reason. Throws for a kind that is never imported. */
export function chooseEntries(
  entries: ArchiveEntry[],
  excludeData: (table: string) => boolean,
): { chosen: ArchiveEntry[]; skipped: Map<string, number> } {
  const skipped = new Map<string, number>();
  const chosen = entries.filter(({ kind, schema, name }) => {
    const rows = kind === "TABLE DATA" && excludeData(`${schema}.${name}`);
    const reason = rows
      ? "data of analytics and resource tables: DHIS2 makes them anew"
      : Object.hasOwn(leftOut, kind)
        ? leftOut[kind]
        : undefined;
    if (reason === undefined && !wanted.has(kind)) {
      throw new DumpError(
        "refused",
        `refused: the archive holds ${kind} ${name}, a kind that is never imported`,
      );
    }
    if (reason !== undefined) skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
    return reason === undefined;
  });
  return { chosen, skipped };
}

export interface OpenedArchive extends ArchiveContents {
  /** What is left out before anything is read, and how many entries each. */
  skipped: Map<string, number>;
  /** The SQL of the chosen entries, for the splitter. */
  read(): AsyncGenerator<Buffer>;
  /** Bytes of the archive, as it is stored, read so far. */
  bytesRead(): number;
}

/** What its list of contents does not show. */
const flags = [
  ...["--no-owner", "--no-acl", "--no-tablespaces"],
  ...["--no-publications", "--no-subscriptions", "--no-security-labels"],
];

/** Opens an archive to be read as plain SQL. */
export async function openArchive(dump: ArchiveDump, options: ArchiveOptions = {}): Promise<OpenedArchive> {
  const contents = await listArchive(dump, options.signal);
  const { chosen, skipped } = chooseEntries(contents.entries, options.excludeData ?? (() => false));
  const limit = options.maxBytes ?? defaultLimits.maxBytes;
  let bytes = 0;
  return {
    ...contents,
    skipped,
    bytesRead: () => bytes,
    async *read() {
      const directory = await mkdtemp(join(tmpdir(), "dhistance-import-"));
      const list = join(directory, "list");
      let timer: NodeJS.Timeout | undefined;
      let written = 0;
      try {
        await writeFile(list, chosen.map(({ line }) => `${line}\n`).join(""));
        const process = start(["--use-list", list, ...flags, "--file=-", "--", dump.path], options.signal);
        timer = setInterval(() => {
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
          process.stop();
        }
        await process.ended;
      } finally {
        clearInterval(timer);
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
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
