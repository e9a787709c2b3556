/** What of a dump is left out, and why. */
import type { DumpItem, Verdict } from "./sql/dump";

export interface LeftOut {
  what: string;
  statements: number;
  rows: number;
  /** The tables whose rows were left out, where it is about rows. */
  tables?: { name: string; rows: number }[];
}

export class LeftOutList {
  private readonly reasons = new Map<string, { statements: number; tables: Map<string, number> }>();

  /** Call it when the rows of a COPY have been read. */
  add(item: DumpItem, verdict: Extract<Verdict, { verdict: "skip" }>): void {
    const { reason, table } = verdict;
    if (reason === "") return;
    let entry = this.reasons.get(reason);
    if (!entry) this.reasons.set(reason, (entry = { statements: 0, tables: new Map<string, number>() }));
    entry.statements++;
    if (table === undefined) return;
    const rows = item.kind === "copy" ? item.rowCount() : (verdict.rows ?? 0);
    entry.tables.set(table, (entry.tables.get(table) ?? 0) + rows);
  }

  /** What the dump lacks, and may. */
  addMissing(names: string[]): void {
    const reason = `tables of DHIS2 that the dump lacks, as --leave-out names them: ${names.join(", ")}`;
    if (names.length > 0)
      this.reasons.set(reason, { statements: names.length, tables: new Map<string, number>() });
  }

  list(): LeftOut[] {
    return [...this.reasons].map(([what, { statements, tables }]) => {
      const named = [...tables].map(([name, rows]) => ({ name, rows }));
      const rows = named.reduce((sum, table) => sum + table.rows, 0);
      return { what, statements, rows, ...(named.length > 0 && { tables: named }) };
    });
  }
}
