import { execFileSync } from "node:child_process";
import { Judge } from "../jobs/import/sql/judge";
import { splitDump } from "../jobs/import/sql/split";

/**
 * `npx tsx bench/split.ts [gigabytes]`: how fast the importer's reader goes through a dump, and how much memory it
 * takes, each kind of dump in a process of its own, against passing the same bytes through with one copy. The dump is
 * made on the way, a mebibyte at a time; splitting and judging are measured, no disk and no server.
 */
const gigabytes = Number(process.argv[2] ?? 4);
const [kind] = process.argv.slice(3);

const row = "231456\t1029384\t44\t15\t12.5\tadmin\t2024-03-01 10:11:12.345\t\\N\tf\t\\N\tf\n";
const values =
  "231456, 1029384, 44, 15, '12.5', 'admin', '2024-03-01 10:11:12.345', NULL, false, NULL, false";
const table = "CREATE TABLE public.datavalue (dataelementid bigint);\n";
const kinds: Record<string, { text: string; before: string; after: string; share: number }> = {
  "bytes copied": { text: row, before: "", after: "", share: 1 },
  "COPY rows": { text: row, before: `${table}COPY public.datavalue FROM stdin;\n`, after: "\\.\n", share: 1 },
  "COPY rows of 200 kB": {
    text: `1\t${"x".repeat(200_000)}\n`,
    before: `${table}COPY public.datavalue FROM stdin;\n`,
    after: "\\.\n",
    share: 1,
  },
  "INSERT of a row each": {
    text: `INSERT INTO public.datavalue VALUES (${values});\n`,
    before: table,
    after: "",
    share: 0.1,
  },
  "INSERT of 100 rows each": {
    text: `INSERT INTO public.datavalue VALUES\n\t${Array(100).fill(`(${values})`).join(",\n\t")};\n`,
    before: table,
    after: "",
    share: 0.1,
  },
  "large objects": {
    text: `SELECT pg_catalog.lowrite(0, '\\x${"5c".repeat(16_384)}');\n`,
    before: "",
    after: "",
    share: 0.1,
  },
  structure: {
    text: "ALTER TABLE ONLY public.datavalue ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES public.b(c);\n",
    before: table,
    after: "",
    share: 0.002,
  },
};

async function* dump(text: string, before: string, after: string, bytes: number): AsyncGenerator<Buffer> {
  yield Buffer.from(before);
  const piece = Buffer.from(text.repeat(Math.ceil((1 << 20) / text.length)));
  for (let sent = 0; sent < bytes; sent += piece.length) {
    // Fresh memory each time, and cut somewhere inside a row, as when a file is read.
    const chunk = Buffer.from(piece);
    yield chunk.subarray(0, 777_777);
    yield chunk.subarray(777_777);
  }
  yield Buffer.from(after);
}

async function measure(name: string): Promise<void> {
  const { text, before, after, share } = kinds[name] as (typeof kinds)[string];
  const bytes = gigabytes * share * 1e9;
  const input = dump(text, before, after, bytes);
  const started = process.hrtime.bigint();
  let items = 0;
  if (name === "bytes copied") {
    for await (const chunk of input) items += Buffer.from(chunk).length > 0 ? 1 : 0;
  } else {
    const judge = await Judge.create();
    for await (const item of splitDump(input)) {
      const verdict = judge.judge(item);
      if (verdict.verdict === "refuse") throw new Error(verdict.reason);
      if (item.kind === "copy") for await (const chunk of item.rows) items += chunk.length > 0 ? 1 : 0;
      items++;
    }
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  const peak = process.resourceUsage().maxRSS / 1024;
  process.stdout.write(JSON.stringify({ rate: bytes / 1e6 / seconds, peak, items }));
}

function main(): void {
  let base = 0;
  for (const name of Object.keys(kinds)) {
    const output = execFileSync(
      process.execPath,
      [...process.execArgv, __filename, String(gigabytes), name],
      {
        encoding: "utf8",
      },
    );
    const { rate, peak } = JSON.parse(output) as { rate: number; peak: number };
    if (base === 0) base = rate;
    const share = (kinds[name]?.share ?? 1) * gigabytes;
    console.log(
      `${name.padEnd(24)} ${share.toFixed(2).padStart(6)} GB ${rate.toFixed(0).padStart(6)} MB/s` +
        ` ${(rate / base).toFixed(3).padStart(7)} of copying ${peak.toFixed(0).padStart(5)} MiB at most`,
    );
  }
}

if (kind === undefined) main();
else void measure(kind);
