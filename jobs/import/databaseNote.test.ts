import { describe, expect, it } from "vitest";
import { commentOf, noteOf } from "./databaseNote";

describe("what the importer notes in a database's comment", () => {
  const record = { sha256: "a", dump: "d", at: "2026-01-01T00:00:00Z", rows: 1, tables: 1, sanitised: false };

  it("is read as it was written, with a person's words beside it", () => {
    const note = { dhistance: 1 as const, import: record, comment: "HMIS" };
    expect(noteOf(commentOf(note))).toEqual(note);
  });

  it.each([null, "", "HMIS of Exampleland", "{}", '{"dhistance": 2}', "[1]", "{"])(
    "%j stays a person's",
    (comment) => {
      expect(commentOf(noteOf(comment))).toBe(comment ?? "");
    },
  );
});
