/**
 * `npx tsx bench/memory.ts [gigabytes to inspect] [gigabytes to import]`: the most memory the import job takes for a
 * dump of that size. The dump is DHIS2's table of data values, with its key and an index, compressed, so that it need not
 * be stored as large as it is. The database does: of 20 GB of SQL it comes to 35 GB, and some more while it is made.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { bundle } from "../jobs/bundle";
import { createApplicationRole, workDirectory } from "../jobs/testing/importing";
import { startPostgres } from "../jobs/testing/postgres";

async function main([inspected = 20, imported = 2]: number[]): Promise<void> {
  const work = await workDirectory();
  const postgres = await startPostgres({ shared_buffers: "1GB", max_wal_size: "4GB" });
  try {
    await createApplicationRole(postgres);
    await bundle(work.path("."));
    await writeFile(work.path("password"), postgres.password);
    const { user, host, port } = postgres;
    const server = ["--server", `postgres://${user}@${host}:${port}/postgres`, "--database", "live"];
    const password = ["--password-file", work.path("password")];
    for (const [command, gigabytes, options] of [
      ["inspect", inspected, []],
      ["run", imported, [...server, ...password]],
    ] as const) {
      const file = work.path("dump.sql.gz");
      await pipeline(Readable.from(dump(gigabytes * 1e9)), createGzip({ level: 1 }), createWriteStream(file));
      const limit = ["--max-ratio", "1000"];
      const began = Date.now();
      const peak = await peakMemory([work.path("import.cjs"), command, file, ...limit, ...options]);
      const seconds = (Date.now() - began) / 1000;
      process.stdout.write(
        `${command}: ${gigabytes} GB of SQL, ${seconds.toFixed(0)} s, ${peak} MiB at most\n`,
      );
    }
  } finally {
    await postgres.stop();
    await work.remove();
  }
}

/** DHIS2's table of data values, of that many bytes: each row another, so that its key can be made. */
function* dump(bytes: number): Generator<string> {
  yield `--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.datavalue (
  dataelementid bigint NOT NULL, periodid bigint NOT NULL, sourceid bigint NOT NULL,
  categoryoptioncomboid bigint NOT NULL, attributeoptioncomboid bigint NOT NULL, value varchar(50000),
  storedby varchar(255), created timestamp NOT NULL, lastupdated timestamp NOT NULL, comment varchar(50000),
  followup boolean, deleted boolean NOT NULL);\n`;
  yield "COPY public.datavalue (sourceid, periodid, dataelementid, categoryoptioncomboid, attributeoptioncomboid, value, storedby, created, lastupdated, comment, followup, deleted) FROM stdin;\n";
  const row = (i: number) =>
    `§\t${1029384 + (i % 500)}\t${16 + Math.floor(i / 500)}\t15\t${i % 97}\tuser${i % 50}\t2024-03-01 10:11:12.345` +
    `\t2024-04-02 11:${10 + (i % 50)}:13.456\tchecked by the district office, form ${i} of this month\t\\N\tf\n`;
  const report = Array.from({ length: 3500 }, (_, i) => row(i)).join("");
  let sent = 0;
  for (let source = 1; sent < bytes; source++) {
    for (let period = 1; period <= 120 && sent < bytes; period++) {
      const piece = report.replaceAll("§", `${260000 + source}\t${5000 + period}`);
      sent += piece.length;
      yield piece;
    }
  }
  yield "\\.\n\nALTER TABLE ONLY public.datavalue ADD CONSTRAINT datavalue_pkey PRIMARY KEY (dataelementid, periodid, sourceid, categoryoptioncomboid, attributeoptioncomboid);\n";
  yield "CREATE INDEX in_datavalue_lastupdated ON public.datavalue USING btree (lastupdated);\n";
  yield "\n--\n-- PostgreSQL database dump complete\n--\n";
}

/** Runs a command; returns the most memory it took, in MiB. Throws, with what it wrote, when it fails. */
export async function peakMemory(
  [program = "", ...parameters]: string[],
  env: Record<string, string> = {},
): Promise<number> {
  const child = spawn(program, parameters, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2000)));
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, memory(child))), 50);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint}`);
  return Math.round(peak / 1024);
}

/** Resident memory, at its highest so far, of a process and its children, in KiB. */
function memory({ pid }: ChildProcess): number {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean);
  const highest = (process: string) =>
    Number(/^VmHWM:\s+(\d+)/m.exec(read(`/proc/${process}/status`))?.[1] ?? 0);
  return [String(pid), ...children].map(highest).reduce((sum, each) => sum + each, 0);
}

if (require.main === module) void main(process.argv.slice(2).map(Number));
