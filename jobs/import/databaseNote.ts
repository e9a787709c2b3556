/**
 * What the importer knows of a database stands in the database's comment, as JSON: it is renamed with it in the same
 * transaction, can be read without connecting to it, and needs no table among the application's.
 */
import { z } from "zod";

const importRecord = z.object({
  sha256: z.string(),
  /** File name or address the dump came from. */
  dump: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
  rows: z.number(),
  tables: z.number(),
  sanitised: z.boolean(),
});

const note = z.object({
  dhistance: z.literal(1),
  /** The import that made this database. */
  import: importRecord.optional(),
  /** Of a database that was the live one. */
  kept: z
    .object({
      /** When it was replaced. */
      since: z.string(),
      /** Not to be dropped before. */
      until: z.string().optional(),
      confirmed: z.boolean(),
    })
    .optional(),
  /** The comment a person had given the database. */
  comment: z.string().optional(),
});

export type ImportRecord = z.infer<typeof importRecord>;
export type DatabaseNote = z.infer<typeof note>;

/** Reads a database's comment; one that is not ours is kept as what it is. */
export function noteOf(comment: string | null): DatabaseNote {
  if (comment === null || comment === "") return { dhistance: 1 };
  try {
    const parsed = note.safeParse(JSON.parse(comment));
    if (parsed.success) return parsed.data;
  } catch {
    // No JSON: a person's words.
  }
  return { dhistance: 1, comment };
}

/** The comment to store: a person's own when there is nothing else to say. */
export function commentOf(note: DatabaseNote): string {
  return note.import || note.kept ? JSON.stringify(note) : (note.comment ?? "");
}
