/** PostgreSQL's client encodings: how their text is decoded, and which of them hide ASCII inside a character. */
import { isAscii, isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { DumpError } from "../errors";

/** PostgreSQL's spelling of a name: `utf-8`, `Unicode` and `UTF8` are one encoding. */
export function canonicalEncoding(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  return aliases[plain] ?? plain.toUpperCase();
}

const aliases: Record<string, string> = {
  unicode: "UTF8",
  sqlascii: "SQL_ASCII",
  iso88591: "LATIN1",
  iso88592: "LATIN2",
  iso88593: "LATIN3",
  iso88594: "LATIN4",
  iso88599: "LATIN5",
  iso885910: "LATIN6",
  iso885913: "LATIN7",
  iso885914: "LATIN8",
  iso885915: "LATIN9",
  iso885916: "LATIN10",
  iso88595: "ISO_8859_5",
  iso88596: "ISO_8859_6",
  iso88597: "ISO_8859_7",
  iso88598: "ISO_8859_8",
  koi8: "KOI8R",
  euccn: "EUC_CN",
  eucjp: "EUC_JP",
  euckr: "EUC_KR",
  euctw: "EUC_TW",
  eucjis2004: "EUC_JIS_2004",
  muleinternal: "MULE_INTERNAL",
  shiftjis: "SJIS",
  mskanji: "SJIS",
  windows932: "SJIS",
  win932: "SJIS",
  windows936: "GBK",
  win936: "GBK",
  windows949: "UHC",
  win949: "UHC",
  windows950: "BIG5",
  win950: "BIG5",
  shiftjis2004: "SHIFT_JIS_2004",
  ...Object.fromEntries(
    [866, 874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258].map((page) => [
      `windows${page}`,
      `WIN${page}`,
    ]),
  ),
};

/** What iconv-lite calls those that it decodes as PostgreSQL does. UTF8 and SQL_ASCII are handled apart. */
const decoders: Record<string, string> = {
  LATIN1: "iso-8859-1",
  LATIN2: "iso-8859-2",
  LATIN3: "iso-8859-3",
  LATIN4: "iso-8859-4",
  LATIN5: "iso-8859-9",
  LATIN6: "iso-8859-10",
  LATIN7: "iso-8859-13",
  LATIN8: "iso-8859-14",
  LATIN9: "iso-8859-15",
  LATIN10: "iso-8859-16",
  ISO_8859_5: "iso-8859-5",
  ISO_8859_6: "iso-8859-6",
  ISO_8859_7: "iso-8859-7",
  ISO_8859_8: "iso-8859-8",
  WIN866: "cp866",
  WIN874: "cp874",
  WIN1250: "cp1250",
  WIN1251: "cp1251",
  WIN1252: "cp1252",
  WIN1253: "cp1253",
  WIN1254: "cp1254",
  WIN1255: "cp1255",
  WIN1256: "cp1256",
  WIN1257: "cp1257",
  WIN1258: "cp1258",
  KOI8R: "koi8-r",
  KOI8U: "koi8-u",
  EUC_JP: "euc-jp",
  EUC_KR: "cp949",
  EUC_CN: "gbk",
  SJIS: "cp932",
  BIG5: "cp950",
  GBK: "cp936",
  GB18030: "gb18030",
  UHC: "cp949",
};

/**
 * Length of the character that a lead byte begins, in encodings whose later bytes can look like `\`, `'` or another
 * ASCII character; PostgreSQL allows these on the client side only (its `pg_*_mblen`).
 */
const hiding: Record<string, (lead: number, next: number) => number> = {
  SJIS: shiftJis,
  SHIFT_JIS_2004: shiftJis,
  BIG5: (lead) => (lead > 0x7f ? 2 : 1),
  GBK: (lead) => (lead > 0x7f ? 2 : 1),
  UHC: (lead) => (lead > 0x7f ? 2 : 1),
  JOHAB: (lead) => (lead === 0x8f ? 3 : lead > 0x7f ? 2 : 1),
  GB18030: (lead, next) => (lead <= 0x7f ? 1 : next >= 0x30 && next <= 0x39 ? 4 : 2),
};

function shiftJis(lead: number): number {
  return lead <= 0x7f || (lead >= 0xa1 && lead <= 0xdf) ? 1 : 2;
}

/** Encodings PostgreSQL has and nothing here decodes: their rows can be loaded, their statements only in ASCII. */
const rowsOnly = ["EUC_JIS_2004", "EUC_TW", "MULE_INTERNAL"];

export function isClientEncoding(name: string): boolean {
  return ["UTF8", "SQL_ASCII", ...rowsOnly].includes(name) || name in decoders || name in hiding;
}

/** Whether a character of this encoding can contain bytes that look like ASCII. */
export function hidesAscii(encoding: string): boolean {
  return encoding in hiding;
}

/**
 * Copies `source` from `start` on into `target`, with the later bytes of each character replaced by 0xFF, so that a
 * lexer of ASCII cannot mistake them (psql does the same). Returns where it stopped: before a character whose bytes
 * are not all there yet.
 */
export function maskCharacters(
  encoding: string,
  source: Buffer,
  target: Buffer,
  start: number,
  end: number,
): number {
  const length = hiding[encoding];
  if (!length) throw new Error(`${encoding} hides nothing`);
  let at = start;
  while (at < end) {
    const lead = source[at] as number;
    if (lead <= 0x7f) {
      target[at++] = lead;
      continue;
    }
    if (at + 1 >= end) return at;
    const size = length(lead, source[at + 1] as number);
    if (at + size > end) return at;
    target.fill(0xff, at, at + size);
    at += size;
  }
  return at;
}

/** Whether the bytes of such a dump have to be UTF-8, as the new database is. */
export function isReadAsUtf8(encoding: string): boolean {
  return encoding === "UTF8" || encoding === "SQL_ASCII";
}

export function notUtf8(bytes: Buffer, encoding: string, line: number, where: string): DumpError {
  const readBack = Buffer.from(bytes.toString("utf8"));
  const bad = bytes.find((byte, at) => byte !== readBack[at]) ?? 0;
  const hex = `0x${bad.toString(16)}`;
  const remedy =
    encoding === "SQL_ASCII"
      ? "If all of the text is in one other encoding, name it, for example --encoding WIN1252; else correct"
      : "Correct";
  return new DumpError(
    "corrupt",
    `${where} holds bytes that are not UTF-8 (${hex}), in a dump of client_encoding ${encoding}. ` +
      `${remedy} the text in the original database, and dump it again`,
    line,
  );
}

/** Text of a statement. Throws when the bytes are not text in the encoding, or the encoding is unknown. */
export function decode(bytes: Buffer, encoding: string, line: number): string {
  if (bytes.includes(0))
    throw new DumpError("corrupt", "a NUL byte, which PostgreSQL's text never has", line);
  if (isAscii(bytes)) return bytes.toString("latin1");
  // SQL_ASCII means "bytes of nobody knows what"; a server whose database is UTF8 takes them as UTF-8 too.
  if (isReadAsUtf8(encoding)) {
    if (isUtf8(bytes)) return bytes.toString("utf8");
    const beginning = bytes.toString("latin1", 0, 60).replace(/[^ -~]+/g, " ");
    throw notUtf8(bytes, encoding, line, `the statement "${beginning}…"`);
  }
  const decoder = decoders[encoding];
  if (!decoder) {
    throw new DumpError(
      "unsupported",
      `a statement with characters outside ASCII in a dump of client_encoding ${encoding}; ` +
        "make the dump with pg_dump --encoding=UTF8",
      line,
    );
  }
  const text = iconv.decode(bytes, decoder);
  if (!text.includes("\ufffd")) return text;
  throw new DumpError("corrupt", `bytes that are no text in ${encoding}, the dump's client_encoding`, line);
}
