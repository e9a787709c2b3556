/**
 * Where a statement ends, by PostgreSQL's own lexical rules (`scan.l`, and psql's `psqlscan.l` for the parentheses and
 * the BEGIN ATOMIC bodies that semicolons can stand in). Works on bytes, and can stop anywhere to wait for more.
 */

const [newline, carriageReturn] = [0x0a, 0x0d];
const [quote, doubleQuote, dollar, star, dash, slash, backslash, semicolon] = [
  0x27, 0x22, 0x24, 0x2a, 0x2d, 0x2f, 0x5c, 0x3b,
];
const [open, close] = [0x28, 0x29];

/** What a byte can begin: nothing of interest, or something the lexer has to look at. */
const [dull, special, word] = [0, 1, 2];
const classes = new Uint8Array(256).fill(dull);
for (const byte of Buffer.from(`'"$-/\\;()`)) classes[byte] = special;
/** Bytes that can go on an identifier: letters, digits, `_`, `$` and everything outside ASCII. */
const inWord = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const letter = /[A-Za-z_]/.test(String.fromCharCode(byte)) || byte > 0x7f;
  if (letter) classes[byte] = word;
  if (letter || /[0-9$]/.test(String.fromCharCode(byte))) inWord[byte] = 1;
}

export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

/** Why the lexer came back: more bytes are wanted, a statement ends at `at`, or a backslash stands at `at`. */
export type Stop = "more" | "end" | "backslash";

type Mode = "code" | "quote" | "escape-quote" | "after-escape-quote" | "double-quote" | "dollar" | "comment";

export class Lexer {
  /** The byte it looks at next, counted from the statement's first. */
  at = 0;
  /** Places where a plain literal of a dump with `standard_conforming_strings = off` has to become `E'…'`. */
  readonly escapes: number[] = [];

  private mode: Mode = "code";
  private tag: Buffer = Buffer.alloc(0);
  private comments = 0;
  private parentheses = 0;
  /** Depth of BEGIN ATOMIC and the CASEs in it; they all close with END. */
  private begins = 0;
  private words: string[] = [];
  private beginAt = -1;

  /** Whether a plain `'…'` takes backslash as PostgreSQL before 9.1 did. */
  standardStrings = true;

  /** Starts on a new statement. */
  reset(): void {
    this.at = 0;
    this.mode = "code";
    this.parentheses = 0;
    this.begins = 0;
    this.words = [];
    this.beginAt = -1;
    this.escapes.length = 0;
  }

  /** The statement's first word, in lower case, or none. */
  get firstWord(): string | undefined {
    return this.words[0];
  }

  /** Lexes on. `bytes` is everything that is there; `last` says that nothing will follow. */
  scan(bytes: Buffer, last: boolean): Stop {
    for (;;) {
      const stop = this.mode === "code" ? this.code(bytes, last) : this.inside(bytes, last);
      if (stop) return stop;
    }
  }

  private code(bytes: Buffer, last: boolean): Stop | undefined {
    const end = bytes.length;
    let at = this.at;
    for (;;) {
      while (at < end && classes[bytes[at] as number] === dull) at++;
      this.at = at;
      if (at >= end) return "more";
      const byte = bytes[at] as number;
      if (classes[byte] === word) {
        do at++;
        while (at < end && inWord[bytes[at] as number] === 1);
        if (at >= end && !last) return "more";
        // E'…' is one token of scan.l: the letter and the quote touch.
        if (at - this.at === 1 && (byte | 0x20) === 0x65 && bytes[at] === quote) {
          this.at = at + 1;
          this.mode = "escape-quote";
          return undefined;
        }
        // B'…' and X'…' never hold a backslash, whatever the setting.
        if (at - this.at === 1 && ((byte | 0x20) === 0x62 || (byte | 0x20) === 0x78) && bytes[at] === quote) {
          this.at = at + 1;
          this.mode = "quote";
          return undefined;
        }
        this.word(bytes, this.at, at);
        continue;
      }
      const next = bytes[at + 1];
      if (next === undefined && !last && (byte === dash || byte === slash)) return "more";
      switch (byte) {
        case quote:
          if (!this.standardStrings) this.escapes.push(at);
          this.mode = this.standardStrings ? "quote" : "escape-quote";
          this.at = at + 1;
          return undefined;
        case doubleQuote:
          this.mode = "double-quote";
          this.at = at + 1;
          return undefined;
        case dollar: {
          const after = this.dollarTag(bytes, at);
          if (after === "more" && !last) return "more";
          if (typeof after === "number") {
            this.mode = "dollar";
            this.at = after;
            return undefined;
          }
          at++;
          continue;
        }
        case dash:
          if (next !== dash) break;
          at = bytes.indexOf(newline, at);
          if (at < 0) {
            if (!last) return "more";
            at = end;
          }
          continue;
        case slash:
          if (next !== star) break;
          this.mode = "comment";
          this.comments = 1;
          this.at = at + 2;
          return undefined;
        case open:
          this.parentheses++;
          break;
        case close:
          if (this.parentheses > 0) this.parentheses--;
          break;
        case backslash:
          return "backslash";
        case semicolon:
          if (this.parentheses === 0 && this.begins === 0) return "end";
          break;
      }
      at++;
    }
  }

  /** Goes on inside a quote or a comment. */
  private inside(bytes: Buffer, last: boolean): Stop | undefined {
    switch (this.mode) {
      case "quote":
        return this.until(bytes, quote);
      case "double-quote":
        return this.until(bytes, doubleQuote);
      case "escape-quote":
        return this.escapeQuote(bytes);
      case "after-escape-quote":
        return this.afterEscapeQuote(bytes, last);
      case "dollar":
        return this.dollarQuote(bytes);
      default:
        return this.comment(bytes, last);
    }
  }

  /** A doubled quote closes and opens again, which comes to the same. */
  private until(bytes: Buffer, closing: number): Stop | undefined {
    // Most literals are short, and a call into native code costs as much as a few dozen bytes do here.
    const near = Math.min(this.at + 40, bytes.length);
    let at = this.at;
    while (at < near && bytes[at] !== closing) at++;
    if (at === near) at = bytes.indexOf(closing, at);
    if (at < 0 || at >= bytes.length) {
      this.at = bytes.length;
      return "more";
    }
    this.at = at + 1;
    this.mode = "code";
    return undefined;
  }

  private escapeQuote(bytes: Buffer): Stop | undefined {
    let at = this.at;
    for (; at < bytes.length; at++) {
      if (bytes[at] === backslash) {
        if (at + 1 >= bytes.length) break;
        at++;
      } else if (bytes[at] === quote) {
        this.at = at + 1;
        this.mode = "after-escape-quote";
        return undefined;
      }
    }
    this.at = at;
    return "more";
  }

  /** `E'a' ⏎ 'b'` is one literal, and its second part still takes backslashes (`quotecontinue` of scan.l). */
  private afterEscapeQuote(bytes: Buffer, last: boolean): Stop | undefined {
    let at = this.at;
    let lines = 0;
    for (;;) {
      const byte = bytes[at];
      if (byte === undefined) {
        if (!last) return "more";
        break;
      }
      if (byte === quote && (lines > 0 || at === this.at)) {
        this.at = at + 1;
        this.mode = "escape-quote";
        return undefined;
      }
      if (byte === newline || byte === carriageReturn) lines++;
      if (isSpace(byte)) {
        at++;
      } else if (byte === dash && bytes[at + 1] === dash) {
        const eol = bytes.indexOf(newline, at);
        if (eol < 0) {
          if (!last) return "more";
          break;
        }
        at = eol;
      } else {
        if (byte === dash && at + 1 >= bytes.length && !last) return "more";
        break;
      }
    }
    this.mode = "code";
    return undefined;
  }

  /** Index after `$tag$`, "more" when it may still become one, undefined when it is none. */
  private dollarTag(bytes: Buffer, start: number): number | "more" | undefined {
    let at = start + 1;
    while (at < bytes.length && inWord[bytes[at] as number] === 1 && bytes[at] !== dollar) {
      if (at === start + 1 && classes[bytes[at] as number] !== word) return undefined;
      at++;
    }
    // Nobody's tag is as long; searching for one that is could be made to take for ever.
    if (at - start > 1000) return undefined;
    if (at >= bytes.length) return "more";
    if (bytes[at] !== dollar) return undefined;
    this.tag = Buffer.from(bytes.subarray(start, at + 1));
    return at + 1;
  }

  private dollarQuote(bytes: Buffer): Stop | undefined {
    const at = bytes.indexOf(this.tag, this.at);
    if (at < 0) {
      this.at = Math.max(this.at, bytes.length - this.tag.length + 1);
      return "more";
    }
    this.at = at + this.tag.length;
    this.mode = "code";
    return undefined;
  }

  private comment(bytes: Buffer, last: boolean): Stop | undefined {
    let at = this.at;
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte !== star && byte !== slash) continue;
      const next = bytes[at + 1];
      if (next === undefined && !last) break;
      if (byte === slash && next === star) {
        this.comments++;
        at++;
      } else if (byte === star && next === slash) {
        at++;
        if (--this.comments === 0) {
          this.at = at + 1;
          this.mode = "code";
          return undefined;
        }
      }
    }
    this.at = at;
    return "more";
  }

  /** Follows CREATE [OR REPLACE] FUNCTION | PROCEDURE … BEGIN ATOMIC … END. */
  private word(bytes: Buffer, start: number, end: number): void {
    if (this.words.length >= 4 && !this.isRoutine) return;
    if (end - start > 9) {
      if (this.words.length < 4) this.words.push("");
      return;
    }
    const text = bytes.toString("latin1", start, end).toLowerCase();
    if (this.words.length < 4) this.words.push(text);
    if (!this.isRoutine || this.parentheses > 0) return;
    if (this.begins > 0) {
      if (text === "case") this.begins++;
      else if (text === "end") this.begins--;
    } else if (text === "begin") {
      this.beginAt = end;
    } else if (text === "atomic" && this.beginAt >= 0) {
      const between = bytes.toString("latin1", this.beginAt, start);
      if (/^\s+$/.test(between)) this.begins = 1;
    }
  }

  private get isRoutine(): boolean {
    const [create, second, , fourth] = this.words;
    if (create !== "create") return false;
    const kind = second === "or" ? fourth : second;
    return kind === "function" || kind === "procedure";
  }
}
