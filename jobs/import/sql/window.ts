import { hidesAscii, maskCharacters } from "./encoding";

const newline = 0x0a;

/** How many line feeds there are; rows end with one each, so this also counts rows. */
export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) lines++;
  return lines;
}

/** The stretch of a dump that is being looked at: grows at its end, is used up from its beginning, knows its line. */
export class Window {
  /** Line of the first unused byte. */
  line = 1;
  /** Whether the first unused byte begins a line. */
  atLineStart = true;
  /** No more bytes will come. */
  ended = false;

  private data = Buffer.allocUnsafe(1 << 18);
  /** The same bytes as a lexer of ASCII may see them; `data` itself where no character can mislead it. */
  private shadow = this.data;
  private start = 0;
  private end = 0;
  private masked = 0;
  private encoding = "UTF8";

  constructor(private readonly input: AsyncIterator<Buffer>) {}

  /** Unused bytes, as they are. Good until the next `more`, like everything got from here. */
  get bytes(): Buffer {
    return this.data.subarray(this.start, this.end);
  }

  /** Unused bytes as a lexer may see them; can be shorter than `bytes` by a character not complete yet. */
  get lexical(): Buffer {
    return this.shadow.subarray(this.start, this.ended ? this.end : this.masked);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** The input's next piece, untouched, for who needs no window (rows); undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const result = await this.input.next();
      if (result.done) {
        this.ended = true;
        return undefined;
      }
      if (result.value.length > 0) return result.value;
    }
  }

  /** Waits for more bytes. False when there are none. */
  async more(): Promise<boolean> {
    const chunk = await this.next();
    if (chunk) this.append(chunk);
    return chunk !== undefined;
  }

  append(chunk: Buffer): void {
    if (this.end + chunk.length > this.data.length) {
      const size = this.length + chunk.length;
      const roomy = size * 2 > this.data.length ? Buffer.allocUnsafe(size * 2) : this.data;
      this.data.copy(roomy, 0, this.start, this.end);
      this.data = roomy;
      this.end = this.length;
      this.start = 0;
      this.data.set(chunk, this.end);
      this.end += chunk.length;
      this.mask(true);
    } else {
      this.data.set(chunk, this.end);
      this.end += chunk.length;
      this.mask(false);
    }
  }

  /** Marks `count` bytes as used. */
  use(count: number): void {
    if (count === 0) return;
    const used = this.data.subarray(this.start, this.start + count);
    this.line += countLines(used);
    this.atLineStart = used[count - 1] === newline;
    this.start += count;
  }

  /** Takes all unused bytes out, into a new buffer; its lines are the caller's to count. */
  takeAll(): Buffer {
    const rest = Buffer.from(this.bytes);
    this.start = this.end = this.masked = 0;
    return rest;
  }

  /** From here on characters are of this encoding. */
  setEncoding(encoding: string): void {
    this.encoding = encoding;
    this.mask(true);
  }

  private mask(all: boolean): void {
    if (!hidesAscii(this.encoding)) {
      this.shadow = this.data;
      this.masked = this.end;
      return;
    }
    if (this.shadow === this.data || this.shadow.length < this.data.length) {
      this.shadow = Buffer.allocUnsafe(this.data.length);
    }
    const from = all ? this.start : this.masked;
    this.masked = maskCharacters(this.encoding, this.data, this.shadow, from, this.end);
    // The end of the dump cuts a character in two: nothing in it can be taken for ASCII either.
    this.shadow.fill(0xff, this.masked, this.end);
  }
}
