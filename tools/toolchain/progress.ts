import pc from "picocolors";

/** Tells a person how far a tool is: a bar that redraws itself on a terminal, a line now and then elsewhere. */
export interface Progress {
  /** What is going on, with how many of how many are done if that is known. */
  step(doing: string, done?: number, total?: number): void;
  /** Ends the bar with a line that stays. */
  done(summary: string): void;
  /** Takes the bar away. */
  clear(): void;
}

export const silent: Progress = { step: () => undefined, done: () => undefined, clear: () => undefined };

/** Between two lines where there is no terminal, in ms. */
const LINE_EVERY = 15_000;
const BAR_WIDTH = 24;

/** Progress on standard error, so that standard output is left to what was asked for. */
export function progressOn(stream: NodeJS.WriteStream = process.stderr): Progress {
  const { green, dim } = pc.createColors(Boolean(stream.isTTY) && !process.env["NO_COLOR"]);
  const started = Date.now();
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  const erase = () => void (stream.isTTY && stream.write("\r\u001b[K"));
  let now: Step | undefined;
  let said = { doing: "", at: 0 };
  const show = () => {
    if (!now) return;
    const { doing, done, total } = now;
    if (stream.isTTY) {
      erase();
      stream.write(clip([doing, drawBar(done, total), counts(done, total), elapsed()], stream.columns));
    } else if (doing !== said.doing || Date.now() - said.at >= LINE_EVERY) {
      stream.write(`${[doing, counts(done, total), elapsed()].filter(Boolean).join(", ")}\n`);
      said = { doing, at: Date.now() };
    }
  };
  // A step that takes long and says nothing shows at least that it goes on.
  let clock: NodeJS.Timeout | undefined;
  const clear = () => {
    clearInterval(clock);
    clock = undefined;
    if (now) erase();
    now = undefined;
  };
  return {
    step(doing, done, total) {
      now = { doing, done, total };
      clock ??= setInterval(show, 1000).unref();
      show();
    },
    done(summary) {
      clear();
      stream.write(`${green("✓")} ${summary} ${dim(`(${elapsed()})`)}\n`);
    },
    clear,
  };
}

interface Step {
  doing: string;
  done: number | undefined;
  total: number | undefined;
}

export function drawBar(done?: number, total?: number): string {
  if (done === undefined || !total) return "";
  const filled = Math.round((Math.min(done, total) / total) * BAR_WIDTH);
  return "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
}

function counts(done?: number, total?: number): string {
  if (done === undefined) return "";
  return total === undefined ? String(done) : `${Math.min(done, total)} of ${total}`;
}

function clip(parts: string[], columns: number): string {
  const line = parts.filter(Boolean).join(" ");
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}
