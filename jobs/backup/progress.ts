/** How far a job is: a line that moves on a terminal, a line every few seconds elsewhere, JSON for machines. */
import { duration } from "../import/cli/progress";
import { bytesText } from "../import/spool";

export class Progress {
  #phase = "";
  /** Of this phase, in bytes. */
  done = 0;
  /** Undefined while nobody knows. */
  total: number | undefined = undefined;
  since = Date.now();
  /** Called when a phase begins, however short it is. */
  onPhase: () => void = () => undefined;

  get phase(): string {
    return this.#phase;
  }
  begin(phase: string, total?: number): void {
    this.#phase = phase;
    Object.assign(this, { done: 0, total, since: Date.now() });
    this.onPhase();
  }
  readonly bytes = (done: number, total: number): void => {
    this.done = done;
    this.total = total;
  };
}

/** One line for people, such as `reading the database: 120 MiB of about 1.2 GiB, 40 MiB/s, 27 s left`. */
export function line({ phase, done, total, since }: Progress, now: number): string {
  if (done === 0) return phase;
  const rate = done / Math.max(0.001, (now - since) / 1000);
  const left = total !== undefined && total > done ? `, ${duration((total - done) / rate)} left` : "";
  const of = total === undefined ? "" : ` of ${bytesText(Math.max(total, done))}`;
  return `${phase}: ${bytesText(done)}${of}, ${bytesText(rate)}/s${left}`;
}

/** Shows progress until the function it returns is called. A terminal's line is cleared at the end. */
export function report(progress: Progress, json: boolean): () => void {
  const terminal = !json && process.stderr.isTTY;
  let shown = "";
  let last = 0;
  const show = () => {
    if (progress.phase === "") return;
    const now = Date.now();
    const text = line(progress, now);
    if (terminal) {
      process.stderr.write(`\r${text.slice(0, process.stderr.columns - 1)}\x1b[K`);
    } else if (progress.phase !== shown || now - last >= (json ? 1000 : 5000)) {
      const { phase, done, total } = progress;
      const event = {
        event: "progress",
        phase,
        bytes: done,
        ...(total !== undefined && { totalBytes: total }),
      };
      (json ? process.stdout : process.stderr).write(`${json ? JSON.stringify(event) : text}\n`);
      shown = phase;
      last = now;
    }
  };
  const timer = setInterval(show, 200);
  progress.onPhase = show;
  return () => {
    clearInterval(timer);
    progress.onPhase = () => undefined;
    if (terminal) process.stderr.write("\r\x1b[K");
  };
}
