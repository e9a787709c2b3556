/** Reads DHIS2's migrations out of a dump while it streams by: they name the DHIS2 that last ran on the database. */
import { isMigrationTable, startProblem, newestMigration, type Migration } from "./dhis2";
import { missingTables } from "./dhis2Tables";
import type { CopyBlock, Statement } from "./sql/dump";
import { as, constant, names, parseStatement } from "./sql/tree";

export class MigrationReader {
  readonly found: Migration[] = [];
  private columns: string[] = [];

  /** Of each statement that is run; `object` is what it makes or fills. */
  statement(item: Statement, type: string, object: string): void {
    if (!isMigrationTable(object)) return;
    if (type === "CreateStmt") this.columns = columnsOf(item.sql);
    else if (type === "InsertStmt") this.insert(item.sql);
  }

  /** The block, with its rows read on their way if they are migrations. */
  reading(block: CopyBlock, table: string): CopyBlock {
    return isMigrationTable(table) ? { ...block, rows: this.rows(block) } : block;
  }

  /** Why DHIS2 would not start on the database. `serverVersion`: of the DHIS2 that is going to use it. */
  problem(serverVersion?: string): string | undefined {
    return startProblem(this.found, serverVersion);
  }

  /** DHIS2's own tables that are not among those that the dump makes (`schema.name`). */
  missing(made: ReadonlySet<string>): string[] {
    return missingTables(made, newestMigration(this.found));
  }

  /** Why a dump without these tables is refused; undefined when there are none. */
  missingProblem(missing: string[]): string | undefined {
    const [first] = missing;
    if (first === undefined) return undefined;
    const some = missing.length > 30 ? `${missing.slice(0, 30).join(", ")}, …` : missing.join(", ");
    return (
      `The dump is of DHIS2 ${newestMigration(this.found)} but lacks ${missing.length === 1 ? "one" : missing.length} of its own tables: ${some}. ` +
      "DHIS2 would fail without them. Make the dump again with all tables of the schema public; a pattern such as " +
      "--exclude-table 'aggregated*' also matches tables that DHIS2 does not generate. " +
      `If DHIS2 is to do without: --leave-out ${first}, for each`
    );
  }

  private async *rows(block: CopyBlock): AsyncGenerator<Buffer> {
    const kept: Buffer[] = [];
    for await (const chunk of block.rows) {
      kept.push(chunk);
      yield chunk;
    }
    const copy = as(parseStatement(block.sql).statement, "CopyStmt");
    for (const line of Buffer.concat(kept).toString("utf8").split(/\r?\n/)) {
      if (line === "") continue;
      const values = line.split("\t").map((text) => (text === "\\N" ? null : text));
      this.add(names(copy?.attlist), values);
    }
  }

  private insert(sql: string): void {
    const insert = as(parseStatement(sql).statement, "InsertStmt");
    const columns = insert?.cols?.map((column) => as(column, "ResTarget")?.name ?? "");
    for (const row of as(insert?.selectStmt, "SelectStmt")?.valuesLists ?? []) {
      this.add(columns ?? this.columns, (as(row, "List")?.items ?? []).map(constant));
    }
  }

  private add(columns: string[], values: unknown[]): void {
    const value = (column: string) => values[columns.indexOf(column)];
    const version = value("version");
    this.found.push({
      version: typeof version === "string" ? version : undefined,
      succeeded: !["f", "false", false].includes(value("success") as string),
    });
  }
}

function columnsOf(createTable: string): string[] {
  const create = as(parseStatement(createTable).statement, "CreateStmt");
  return (create?.tableElts ?? []).map((element) => as(element, "ColumnDef")?.colname ?? "");
}
