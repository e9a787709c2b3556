/** What can be wrong with a dump before its SQL is even looked at. */
export type DumpFault =
  /** The file, object or stream cannot be read. */
  | "unreadable"
  /** The SHA-256 is not the one given. */
  | "checksum"
  /** Not a format this import knows. */
  | "unknown-format"
  /** It ends too early: inside a compressed stream, a statement, rows, or before pg_dump's closing comment. */
  | "truncated"
  /** Compressed data that do not decompress, bytes that are no text in the dump's encoding. */
  | "corrupt"
  /** A limit on size was reached; the message says which, and how to raise it. */
  | "too-big"
  /** Well-formed, but of a kind that cannot be imported; the message says how to make one that can. */
  | "unsupported"
  /** Something the import never runs. */
  | "refused";

/** A dump that cannot be imported; the message is for the person who asked for the import. */
export class DumpError extends Error {
  override readonly name = "DumpError";

  constructor(
    readonly fault: DumpFault,
    message: string,
    /** Line of the dump's SQL, where one is to blame; the first is 1. */
    readonly line?: number,
  ) {
    super(line === undefined ? message : `Line ${line}: ${message}`);
  }
}

/** The same error without its line: an archive's SQL is a text that nobody has. Its message names what it is about. */
export function withoutLine(error: unknown): unknown {
  if (error instanceof Error && "line" in error && typeof error.line === "number") {
    error.message = error.message.replace(`Line ${error.line}: `, "");
  }
  return error;
}
