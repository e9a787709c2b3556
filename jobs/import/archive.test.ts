import { describe, expect, it } from "vitest";
import { chooseEntries, type ArchiveEntry } from "./archive";
import { isGeneratedTable } from "../generatedTables";

const entry = (kind: string, name: string): ArchiveEntry => ({ line: "", kind, schema: "public", name });

describe("what is chosen of an archive", () => {
  it("what is ours to decide stays out, and analytics' rows, not their tables", () => {
    const entries = [
      ...[entry("TABLE", "analytics_2025"), entry("TABLE DATA", "analytics_2025"), entry("ACL", "TABLE t")],
      ...[entry("TABLE DATA", "event"), entry("PUBLICATION", "p"), entry("COMMENT", "TABLE t")],
    ];
    const { chosen, skipped } = chooseEntries(entries, isGeneratedTable);
    expect(chosen.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      ...["TABLE analytics_2025", "TABLE DATA event", "COMMENT TABLE t"],
    ]);
    expect([...skipped.values()]).toEqual([1, 1, 1]);
  });

  it.each([
    "EVENT TRIGGER",
    "SERVER",
    "USER MAPPING",
    "SUBSCRIPTION",
    "CAST",
    "PROCEDURAL LANGUAGE",
    "OPERATOR",
    "anything",
    "constructor",
  ])("%s ends the import", (kind) =>
    expect(() => chooseEntries([entry(kind, "x")], () => false)).toThrow(/a kind that is never imported/),
  );
});
