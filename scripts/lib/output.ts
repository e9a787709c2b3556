import pc from "picocolors";

export type Colors = ReturnType<typeof pc.createColors>;

type Stream = NodeJS.WritableStream & { isTTY?: boolean };

/** For text that no person sees on a terminal. */
export const PLAIN: Colors = pc.createColors(false);

/**
 * Everything that a command prints. Results go to standard output: text, or with `--json` one JSON object a line.
 * Warnings and errors for people go to standard error. Each stream has colours only if it is a terminal.
 */
export class Output {
  readonly colors: Colors;
  private readonly errorColors: Colors;

  constructor(
    readonly json = false,
    private readonly out: Stream = process.stdout,
    private readonly err: Stream = process.stderr,
  ) {
    this.colors = colorsOf(out);
    this.errorColors = colorsOf(err);
  }

  /** Text for people; nothing with `--json`. */
  print(text: string): void {
    if (!this.json) this.out.write(`${text}\n`);
  }

  /** A result: the value with `--json`, else the text. */
  result(value: object, text: string): void {
    this.out.write(`${this.json ? JSON.stringify(value) : text}\n`);
  }

  /** What the command does now. */
  progress(message: string): void {
    this.result({ event: "progress", message }, message);
  }

  /** A line of another program, which has been given `--json` too. */
  passOn(line: string): void {
    this.out.write(`${line}\n`);
  }

  /** Text for the person at the terminal that must not be mixed with a result. */
  note(message: string): void {
    this.err.write(`${message}\n`);
  }

  warn(message: string): void {
    this.err.write(`${this.errorColors.yellow("warning:")} ${message}\n`);
  }

  /** The same form as an error of the jobs that run in containers. */
  error(message: string, exitCode: number): void {
    if (this.json) this.result({ event: "error", exitCode, message }, "");
    else this.err.write(`${this.errorColors.red("error:")} ${message}\n`);
  }
}

function colorsOf(stream: Stream): Colors {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  return pc.createColors(!NO_COLOR && (Boolean(FORCE_COLOR) || stream.isTTY === true));
}

/** A text without its colours: what is visible on a terminal. */
export const plainText = (text: string) => text.replace(/\u001b\[\d+m/g, "");

/**
 * Lines of aligned columns, two spaces apart.
 * @param right which columns are aligned to the right, counted from 0
 */
export function table(rows: string[][], { indent = "  ", right = [] as number[] } = {}): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, plainText(cell).length);
    });
  }
  const pad = (cell: string, column: number) => {
    const space = " ".repeat((widths[column] ?? 0) - plainText(cell).length);
    return right.includes(column) ? space + cell : cell + space;
  };
  return rows.map((row) => `${indent}${row.map(pad).join("  ")}`.trimEnd());
}
