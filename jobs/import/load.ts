/**
 * Loads a plain SQL dump into an empty database: each statement judged, then run singly; rows streamed untouched over
 * several connections; indexes and keys afterwards. The role it connects as is all the dump's SQL can ever act as.
 */
import type { ClientConfig } from "pg";
import { DumpError } from "./errors";
import { LeftOutList } from "./leftOut";
import { build, type PostStatement } from "./load/build";
import { Lanes, type TableCount } from "./load/lanes";
import { LoadError, Session, type SessionSettings } from "./load/session";
import { MigrationReader } from "./migrations";
import type { CopyBlock, DumpItem, Statement, Verdict } from "./sql/dump";
import { refusal, type Judge } from "./sql/judge";
import { ValidationError } from "./validate";

export type { TableCount } from "./load/lanes";
export { LoadError } from "./load/session";

export interface LoadOptions {
  /** The new database, as the role that loads it. */
  connection: ClientConfig;
  /** Connections that take rows and build indexes at the same time. */
  connections: number;
  settings: SessionSettings;
  judge: Judge;
  /** Version of the DHIS2 that is going to use the database: one that would not start on it is refused early. */
  dhis2Version?: string;
  /** Kept up to date while the load runs, for whoever shows it. */
  progress: LoadProgress;
  signal?: AbortSignal;
}

export interface LoadProgress {
  phase: "reading" | "building";
  /** Rows read so far. */
  rows: number;
  /** The table read, or what is being built. */
  current: string;
  /** How much of the building is done, 0 to 1. */
  built: number;
}

export interface LoadReport {
  tables: Map<string, TableCount>;
  leftOut: LeftOutList;
  statements: number;
  /** `16.4`, when the dump says so. */
  serverVersion?: string;
}

type Run = Extract<Verdict, { verdict: "run" }>;

export function newProgress(): LoadProgress {
  return { phase: "reading", rows: 0, current: "", built: 0 };
}

/** Throws a DumpError for what the judge refuses, a LoadError for what the server does. */
export async function loadDump(items: AsyncIterable<DumpItem>, options: LoadOptions): Promise<LoadReport> {
  const sessions: Session[] = [];
  const abort = () => void Promise.all(sessions.map((session) => session.close()));
  options.signal?.addEventListener("abort", abort);
  try {
    for (let i = 0; i < Math.max(1, options.connections) + 1; i++) {
      sessions.push(await Session.open(options.connection, options.settings));
    }
    const [main, ...others] = sessions;
    if (!main) throw new Error("no connection");
    const loader = new Loader(main, new Lanes(others), options);
    return await loader.load(items).catch((error: unknown) => loader.explain(error));
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
    await Promise.all(sessions.map((session) => session.close()));
  }
}

class Loader {
  private readonly report: LoadReport = {
    ...{ tables: new Map<string, TableCount>(), leftOut: new LeftOutList(), statements: 0 },
  };
  private readonly later: PostStatement[] = [];
  private readonly migrations = new MigrationReader();
  private rowsSeen = false;

  constructor(
    private readonly main: Session,
    private readonly lanes: Lanes,
    private readonly options: LoadOptions,
  ) {}

  async load(items: AsyncIterable<DumpItem>): Promise<LoadReport> {
    const { report, options } = this;
    for await (const item of items) {
      options.signal?.throwIfAborted();
      const verdict = options.judge.judge(item);
      if (item.kind === "version" && item.of === "server") report.serverVersion ??= item.version;
      if (verdict.verdict === "refuse") throw refusal(item, verdict.reason);
      if (verdict.verdict === "skip") await this.skip(item, verdict);
      else if (item.kind === "copy") await this.rows(item, verdict);
      else if (item.kind === "statement") await this.statement(item, verdict);
    }
    await this.lanes.drain();
    const missing = this.migrations.missing(options.judge.made);
    const unexpected = options.judge.notLeftOut(missing);
    options.judge.finish();
    this.checkMigrations();
    const why = this.migrations.missingProblem(unexpected);
    if (why !== undefined) throw new DumpError("refused", `refused: ${why}`);
    report.leftOut.addMissing(missing.filter((name) => !unexpected.includes(name)));
    options.judge.refuseEmpty([...report.tables.values()].reduce((sum, { rows }) => sum + rows, 0));
    await this.buildAll();
    return report;
  }

  /** Before anything is built, and before most rows are read, as far as that is possible. */
  private checkMigrations(): void {
    const problem = this.migrations.problem(this.options.dhis2Version);
    if (problem !== undefined) throw new ValidationError(problem);
  }

  /** Throws it again, saying so where a newer PostgreSQL wrote what an older one does not know. */
  async explain(error: unknown): Promise<never> {
    const theirs = this.report.serverVersion;
    if (error instanceof LoadError && error.code?.startsWith("42") && theirs !== undefined) {
      const [result] = await this.main.run("SHOW server_version").catch(() => []);
      const ours = (result?.rows[0] as { server_version: string } | undefined)?.server_version;
      if (ours !== undefined && parseInt(theirs) !== parseInt(ours)) {
        error.message += `\n  The dump is of PostgreSQL ${theirs}, the server is ${ours}.`;
      }
    }
    throw error;
  }

  private async skip(item: DumpItem, verdict: Extract<Verdict, { verdict: "skip" }>): Promise<void> {
    if (item.kind === "copy") for await (const _ of item.rows);
    this.report.leftOut.add(item, verdict);
  }

  private async statement(item: Statement, verdict: Run): Promise<void> {
    const { sql, searchPath, phase } = verdict;
    const { line } = item;
    const table = verdict.objects[0] ?? "";
    this.report.statements++;
    this.migrations.statement(item, verdict.type, table);
    if (phase === "post-data") {
      this.later.push({ sql, line, searchPath, table, step: verdict.step ?? "rest" });
    } else if (phase === "pre-data") {
      await this.lanes.drain();
      await this.main.run(sql, searchPath, line);
    } else if (verdict.largeObject) {
      // What is open is open for its transaction only.
      if (verdict.largeObject === "open") await this.main.run("BEGIN");
      await this.main.run(sql, searchPath, line);
      if (verdict.largeObject === "close") await this.main.run("COMMIT");
    } else {
      await this.beforeRows();
      this.options.progress.current = table;
      const rows = verdict.type === "InsertStmt" ? (verdict.rows ?? 1) : 0;
      this.options.progress.rows += rows;
      const stores = rows > 0 ? { rows, count: this.count(table) } : undefined;
      await this.lanes.insert({ sql, line, searchPath, ...(stores && { stores }) });
    }
  }

  private async rows(block: CopyBlock, verdict: Run): Promise<void> {
    const { progress } = this.options;
    const table = verdict.objects[0] ?? "";
    progress.current = table;
    this.report.statements++;
    await this.beforeRows();
    const before = progress.rows;
    // The statement itself is sent as UTF-8; the rows are in the encoding of the dump.
    // SQL_ASCII would make the server take any bytes; the splitter has read them as UTF-8, and the server does, too.
    const asUtf8 = ["UTF8", "SQL_ASCII"].includes(block.encoding);
    const encoding = asUtf8 ? "" : `\n WITH (ENCODING '${block.encoding}')`;
    const read = this.migrations.reading(block, table);
    await this.lanes.copy(read, verdict.sql + encoding, verdict.searchPath, this.count(table), () => {
      progress.rows = before + block.rowCount();
    });
    if (read !== block) this.checkMigrations();
  }

  private async beforeRows(): Promise<void> {
    if (this.rowsSeen) return;
    this.rowsSeen = true;
    // pg_dump makes foreign keys and triggers after the rows. Where they are there already, order matters.
    const [result] = await this.main.run(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f')" +
        " OR EXISTS (SELECT FROM pg_catalog.pg_trigger) AS ordered",
    );
    if ((result?.rows[0] as { ordered: boolean }).ordered) await this.lanes.keepOrder();
  }

  private async buildAll(): Promise<void> {
    const { progress, settings } = this.options;
    progress.phase = "building";
    let [done, total] = [0, 1];
    await build(this.later, this.report.tables, this.lanes, this.main, settings, {
      total: (amount) => (total = Math.max(1, amount)),
      begin: (doing) => (progress.current = doing),
      done: (amount) => (progress.built = Math.min(1, (done += amount) / total)),
    });
  }

  private count(table: string): TableCount {
    let count = this.report.tables.get(table);
    if (!count) this.report.tables.set(table, (count = { rows: 0, stored: 0, bytes: 0 }));
    return count;
  }
}
