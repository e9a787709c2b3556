/** What a dump holds, found without a server: `--dry-run`. */
import { isGeneratedTable } from "../generatedTables";
import { dhis2Version, newestMigration } from "./dhis2";
import { openArchive } from "./archive";
import { DumpError, withoutLine } from "./errors";
import type { OpenedDump, Packing } from "./format";
import { LeftOutList, type LeftOut } from "./leftOut";
import { MigrationReader } from "./migrations";
import type { CopyBlock, DumpItem, Verdict } from "./sql/dump";
import { Judge } from "./sql/judge";
import { canonicalEncoding } from "./sql/encoding";
import { abridge, readerSetting, splitDump } from "./sql/split";
import { as, parseStatement, relationName } from "./sql/tree";

export interface InspectOptions {
  /** Leave out the data of analytics and resource tables. Default true. */
  excludeAnalytics?: boolean;
  /** Of a dump with several databases, the one that is looked at. */
  database?: string;
  /** Names of what is left out, with all that is built on it. */
  leaveOut?: string[];
  /** Told of rows read so far, and of the table they are of. */
  progress?: (rows: number, table: string) => void;
  /** Of the DHIS2 that is going to use the database. */
  dhis2Version?: string;
  /** Most bytes of SQL that an archive may expand to. */
  maxBytes?: number;
  /** In which a dump of a SQL_ASCII database is read, by PostgreSQL's name. Default: UTF8. */
  encoding?: string;
  signal?: AbortSignal;
}

export interface TableContents {
  /** `schema.name` */
  name: string;
  rows: number;
  /** Size of its rows in the dump, unpacked. */
  bytes: number;
  /** Why its rows would not be imported. */
  leftOut?: string;
}

export interface Refusal {
  /** Of plain SQL; none when it is about the dump as a whole. */
  line?: number;
  statement: string;
  reason: string;
}

export interface Inspection {
  format: "sql" | "custom" | "tar" | "directory";
  packing: Packing[];
  /** PostgreSQL of the database that was dumped, and of the pg_dump: `16.4`. */
  serverVersion?: string;
  dumpVersion?: string;
  /** PostgreSQL's name of the dump's encoding. */
  encoding: string;
  /** DHIS2 that last ran on the database, as `2.42`; missing when it is not a DHIS2 database, or one before 2.30. */
  dhis2Version?: string;
  /** `2.42.52` */
  newestMigration?: string;
  /** Migrations of DHIS2 that failed: it would not start. */
  failedMigrations: string[];
  tables: TableContents[];
  rows: number;
  /** Extensions the dump asks for. */
  extensions: string[];
  /** What would be left out, by reason. */
  leftOut: LeftOut[];
  /** What would end the import; empty when nothing would. The first 100. */
  refused: Refusal[];
}

const mostRefusals = 100;

/** Reads the whole dump. What is wrong with it stands in `refused`; throws only when the signal is aborted. */
export async function inspectDump(dump: OpenedDump, options: InspectOptions = {}): Promise<Inspection> {
  const excludeAnalytics = options.excludeAnalytics ?? true;
  const judge = await Judge.create({
    ...(excludeAnalytics && { excludeData: isGeneratedTable }),
    ...(options.database !== undefined && { database: options.database }),
    ...(options.leaveOut && { leaveOut: options.leaveOut }),
  });
  const inspector = new Inspector(dump, options);
  try {
    const { signal, maxBytes } = options;
    const script =
      dump.kind === "sql"
        ? dump
        : await openArchive(dump, { ...(signal && { signal }), ...(maxBytes !== undefined && { maxBytes }) });
    for await (const item of splitDump(
      script.read(),
      options.encoding === undefined ? {} : { encoding: options.encoding },
    )) {
      options.signal?.throwIfAborted();
      await inspector.take(item, judge.judge(item));
    }
    const { migrations } = inspector;
    const missing = judge.notLeftOut(migrations.missing(judge.made));
    judge.finish();
    judge.refuseEmpty(inspector.wantedRows);
    for (const problem of [migrations.problem(options.dhis2Version), migrations.missingProblem(missing)]) {
      if (problem !== undefined) inspector.refuse({ statement: "", reason: problem });
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!(error instanceof DumpError)) throw error;
    if (dump.kind !== "sql") withoutLine(error);
    inspector.refuse({ statement: "", reason: error.message });
  }
  return inspector.result([...judge.extensions]);
}

class Inspector {
  private readonly tables = new Map<string, TableContents>();
  private readonly leftOut = new LeftOutList();
  private readonly refused: Refusal[] = [];
  readonly migrations = new MigrationReader();
  private readonly versions: { server?: string; pg_dump?: string } = {};
  private encoding = "UTF8";
  private rows = 0;

  constructor(
    private readonly dump: OpenedDump,
    private readonly options: InspectOptions,
  ) {}

  refuse(refusal: Refusal): void {
    if (this.refused.length < mostRefusals) this.refused.push(refusal);
  }

  async take(item: DumpItem, verdict: Verdict): Promise<void> {
    if (item.kind === "version") this.versions[item.of] ??= item.version;
    const setting = item.kind === "statement" ? readerSetting(item.sql) : undefined;
    if (setting?.name === "client_encoding") this.encoding = canonicalEncoding(setting.value);
    if (verdict.verdict === "refuse") {
      const text = "sql" in item ? item.sql : "text" in item ? item.text : "";
      const line = this.dump.kind === "sql" && { line: item.line };
      this.refuse({ ...line, statement: abridge(text), reason: verdict.reason });
      return;
    }
    if (item.kind === "copy") await this.copy(item, verdict);
    if (verdict.verdict === "skip") {
      this.leftOut.add(item, verdict);
      if (item.kind === "statement" && verdict.table !== undefined) {
        this.insert(verdict.table, item.sql, verdict.rows ?? 1, verdict.reason);
      }
    } else if (item.kind === "statement") {
      const [object = ""] = verdict.objects;
      this.migrations.statement(item, verdict.type, object);
      if (verdict.type === "InsertStmt") this.insert(object, item.sql, verdict.rows ?? 1);
    }
  }

  get wantedRows(): number {
    return [...this.tables.values()]
      .filter(({ leftOut }) => leftOut === undefined)
      .reduce((sum, { rows }) => sum + rows, 0);
  }

  result(extensions: string[]): Inspection {
    const { dump, versions } = this;
    const version = dhis2Version(this.migrations.found);
    const newest = newestMigration(this.migrations.found);
    return {
      format: dump.kind === "sql" ? "sql" : dump.format,
      packing: dump.packing,
      ...(versions.server !== undefined && { serverVersion: versions.server }),
      ...(versions.pg_dump !== undefined && { dumpVersion: versions.pg_dump }),
      encoding: this.encoding,
      ...(version !== undefined && { dhis2Version: version }),
      ...(newest !== undefined && { newestMigration: newest }),
      failedMigrations: this.migrations.found
        .filter((m) => !m.succeeded)
        .map((m) => m.version ?? "repeatable"),
      tables: [...this.tables.values()],
      rows: this.rows,
      extensions,
      leftOut: this.leftOut.list(),
      refused: this.refused,
    };
  }

  private async copy(block: CopyBlock, verdict: Exclude<Verdict, { verdict: "refuse" }>): Promise<void> {
    const name = copyTarget(block.sql);
    const table =
      verdict.verdict === "run"
        ? this.table(verdict.objects[0] ?? name)
        : this.table(verdict.table ?? name, verdict.reason);
    const { rows } = verdict.verdict === "run" ? this.migrations.reading(block, table.name) : block;
    for await (const chunk of rows) {
      table.bytes += chunk.length;
      this.options.progress?.(this.rows + block.rowCount(), table.name);
      this.options.signal?.throwIfAborted();
    }
    table.rows += block.rowCount();
    this.rows += block.rowCount();
  }

  private insert(name: string, sql: string, rows: number, leftOut?: string): void {
    const table = this.table(name, leftOut);
    table.rows += rows;
    table.bytes += sql.length;
    this.rows += rows;
    if (table.rows % 1000 === 0) this.options.progress?.(this.rows, name);
  }

  /** Two databases of one dump can have tables of the same name. */
  private table(name: string, leftOut?: string): TableContents {
    const key = JSON.stringify([name, leftOut]);
    let table = this.tables.get(key);
    if (!table)
      this.tables.set(key, (table = { name, rows: 0, bytes: 0, ...(leftOut !== undefined && { leftOut }) }));
    return table;
  }
}

function copyTarget(sql: string): string {
  const relation = as(parseStatement(sql).statement, "CopyStmt")?.relation;
  return relationName(relation, undefined);
}
