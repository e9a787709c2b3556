/** Dumps as the reader takes and gives them, for tests. */
import { splitDump, type SplitOptions } from "../import/sql/split";
import type { DumpItem, Verdict } from "../import/sql/dump";
import { Judge, type JudgeOptions } from "../import/sql/judge";

/** A stream of `bytes`, cut into pieces of `size`. */
export async function* inPieces(bytes: Buffer | string, size = 1 << 20): AsyncGenerator<Buffer> {
  const all = Buffer.from(bytes);
  // A buffer each, as a reader may not count on its chunks' neighbours.
  for (let at = 0; at < all.length; at += size) yield Buffer.from(all.subarray(at, at + size));
}

/** An item with its rows read. */
export type ReadItem = Exclude<DumpItem, { kind: "copy" }> | ReadCopy;

export interface ReadCopy {
  kind: "copy";
  sql: string;
  line: number;
  encoding: string;
  rows: string;
  rowCount: number;
}

/** Splits it all; rows are given as text of one character a byte. */
export async function split(
  dump: AsyncIterable<Buffer> | string | Buffer,
  options?: SplitOptions,
): Promise<ReadItem[]> {
  const input = typeof dump === "string" || Buffer.isBuffer(dump) ? inPieces(dump) : dump;
  const items: ReadItem[] = [];
  for await (const item of splitDump(input, options)) {
    if (item.kind !== "copy") {
      items.push(item);
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of item.rows) chunks.push(Buffer.from(chunk));
    const { kind, sql, line, encoding } = item;
    items.push({
      kind,
      sql,
      line,
      encoding,
      rows: Buffer.concat(chunks).toString("latin1"),
      rowCount: item.rowCount(),
    });
  }
  return items;
}

/** Judges it all. */
export async function judgeAll(
  dump: AsyncIterable<Buffer> | string | Buffer,
  options?: JudgeOptions,
): Promise<{ item: DumpItem; verdict: Verdict }[]> {
  const judge = await Judge.create(options);
  const input = typeof dump === "string" || Buffer.isBuffer(dump) ? inPieces(dump) : dump;
  const judged: { item: DumpItem; verdict: Verdict }[] = [];
  for await (const item of splitDump(input)) judged.push({ item, verdict: judge.judge(item) });
  return judged;
}
