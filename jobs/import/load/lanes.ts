/** Several connections that take rows: independent tables at once, and one large table over all of them. */
import type { CopyStreamQuery } from "pg-copy-streams";
import type { CopyBlock } from "../sql/dump";
import { LoadError, loadError, type Session } from "./session";

/** A table has to be at least this large, in bytes of its rows, before a second connection is opened for it. */
const SPLIT_FROM = 1 << 20;
/** Statements are sent together until they are this many characters long. */
const BATCH = 1 << 18;

/** What came of one table. */
export interface TableCount {
  /** Rows in the dump. */
  rows: number;
  /** Rows the server said it stored. */
  stored: number;
  /** Rows found in it afterwards; undefined as long as nobody has counted. */
  there?: number;
  bytes: number;
}

export interface BatchedStatement {
  sql: string;
  line: number;
  searchPath: string;
  /** Of a statement that stores rows: how many it holds, and where they are counted. */
  stores?: { rows: number; count: TableCount };
}

interface OpenCopy {
  stream: CopyStreamQuery;
  full: boolean;
  rows: number;
  /** Where this connection's rows stand in the dump: from its row [0] on, they are the block's from [1] on. */
  segments: [own: number, block: number][];
}

export class Lanes {
  private idle: Session[];
  private busy = 0;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;
  private change = this.next();
  private batch: BatchedStatement[] = [];
  private batchLength = 0;

  constructor(private readonly sessions: Session[]) {
    this.idle = [...sessions];
  }

  /** From now on one connection does all, in the dump's order: for schemas whose rows depend on earlier ones. */
  async keepOrder(): Promise<void> {
    await this.drain();
    this.idle.length = 1;
  }

  /** Hands a block's rows over. It has then been read to its end, but may still be on its way into the server. */
  async copy(block: CopyBlock, sql: string, searchPath: string, count: TableCount, progress: () => void) {
    await this.flush();
    const open: OpenCopy[] = [];
    let sent = 0;
    let row = 0;
    try {
      for await (const chunk of block.rows) {
        const copy = await this.lane(open, sent, block, sql, searchPath, count);
        const rows = block.rowCount() - row;
        const last = copy.segments.at(-1);
        if (!last || last[1] + copy.rows - last[0] !== row) copy.segments.push([copy.rows, row]);
        copy.rows += rows;
        row += rows;
        sent += chunk.length;
        count.bytes += chunk.length;
        count.rows += rows;
        if (!copy.stream.write(chunk)) {
          copy.full = true;
          copy.stream.once("drain", () => {
            copy.full = false;
            this.wake();
          });
        }
        progress();
      }
    } catch (error) {
      // What was begun ends with its connection, uncommitted.
      throw this.failure ?? error;
    }
    for (const copy of open) copy.stream.end();
  }

  /** Sends a statement that stores rows; together with others, and not necessarily before the next one. */
  async insert(statement: BatchedStatement): Promise<void> {
    if (this.batch[0] && this.batch[0].searchPath !== statement.searchPath) await this.flush();
    this.batch.push(statement);
    this.batchLength += statement.sql.length;
    if (this.batchLength >= BATCH) await this.flush();
  }

  /** Sends what `insert` has collected. */
  async flush(): Promise<void> {
    if (this.batch.length === 0) return;
    const batch = this.batch;
    this.batch = [];
    this.batchLength = 0;
    const session = await this.take();
    this.track(session, runBatch(session, batch));
  }

  /** Waits until everything handed over is stored. */
  async drain(): Promise<void> {
    await this.flush();
    while (this.busy > 0) await this.change;
    if (this.failure) throw this.failure;
  }

  /** Runs one job a connection at a time over all of them. `next` gives a job that may start now, or nothing. */
  async pool<J>(next: () => J | undefined, run: (job: J, session: Session) => Promise<void>): Promise<void> {
    await this.drain();
    for (;;) {
      if (this.failure) throw this.failure;
      const job = this.idle.length > 0 ? next() : undefined;
      if (job === undefined) {
        if (this.busy === 0) return;
        await this.change;
        continue;
      }
      const session = await this.take();
      this.track(session, run(job, session));
    }
  }

  /** A connection that takes this block's rows now; another one is opened when all that were are behind. */
  private async lane(
    open: OpenCopy[],
    sent: number,
    block: CopyBlock,
    sql: string,
    searchPath: string,
    count: TableCount,
  ): Promise<OpenCopy> {
    for (;;) {
      if (this.failure) throw this.failure;
      const free = open.find((copy) => !copy.full);
      if (free) return free;
      if (this.idle.length > 0 && (open.length === 0 || sent >= SPLIT_FROM)) {
        const session = await this.take();
        await session.use(searchPath);
        const { stream, done } = session.copy(sql);
        const copy: OpenCopy = { stream, full: false, rows: 0, segments: [] };
        this.track(
          session,
          done.then(
            (stored) => void (count.stored += stored),
            (error: unknown) => Promise.reject(copyError(error, block, copy.segments)),
          ),
        );
        open.push(copy);
        return copy;
      }
      await this.change;
    }
  }

  private async take(): Promise<Session> {
    for (;;) {
      if (this.failure) throw this.failure;
      const session = this.idle.shift();
      if (session) return session;
      await this.change;
    }
  }

  private track(session: Session, work: Promise<void>): void {
    this.busy++;
    work
      .catch((error: unknown) => this.fail(error instanceof Error ? error : new Error(String(error))))
      .finally(() => {
        this.busy--;
        this.idle.push(session);
        this.wake();
      });
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  private next(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.change = this.next();
        resolve();
      };
    });
  }
}

async function runBatch(session: Session, batch: BatchedStatement[]): Promise<void> {
  const first = batch[0];
  if (!first) return;
  // A statement may end in a comment, which the new line ends. Sent together they are one transaction.
  const text = batch.map(({ sql }) => sql).join("\n;");
  const results = await session.run(text, first.searchPath, first.line).catch(async (error: unknown) => {
    if (batch.length === 1) throw error;
    // Nothing of the batch was stored: one by one, the culprit names itself.
    await session.run("BEGIN");
    for (const { sql, line, searchPath } of batch) await session.run(sql, searchPath, line);
    throw error;
  });
  results.forEach((result, i) => {
    const { sql, stores } = batch[i] ?? {};
    if (!stores) return;
    stores.count.bytes += sql?.length ?? 0;
    stores.count.rows += stores.rows;
    stores.count.stored += result.rowCount ?? 0;
  });
}

/** PostgreSQL says which of the rows it was sent it refused; the dump's line is found from it. */
function copyError(error: unknown, block: CopyBlock, segments: OpenCopy["segments"]): LoadError {
  const where = error instanceof Error && "where" in error ? String(error.where) : "";
  const own = Number(/, line (\d+)/.exec(where)?.[1]);
  const segment = segments.findLast(([from]) => from < own);
  const firstRow = block.line + (block.sql.match(/\n/g)?.length ?? 0) + 1;
  const line = segment ? firstRow + segment[1] + (own - 1 - segment[0]) : block.line;
  return loadError(error, block.sql, line);
}
