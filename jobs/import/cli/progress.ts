/** How far an import is: a bar on a terminal, a line every few seconds elsewhere, JSON for machines. */
import pc from "picocolors";
import type { ImportProgress } from "../runImport";
import { bytesText } from "../spool";

export interface Snapshot {
  phase: string;
  bytes: number;
  totalBytes?: number;
  rows: number;
  /** The table that is read, or what is being built. */
  current: string;
  /** How much of the phase is done, 0 to 1; unknown in phases that have no measure. */
  part?: number;
  /** Of the dump's bytes, over the last ten seconds. */
  bytesPerSecond: number;
  rowsPerSecond: number;
  /** Of this phase; unknown in phases that have no measure. */
  secondsLeft?: number;
}

interface Sample {
  at: number;
  bytes: number;
  rows: number;
  built: number;
  phase: string;
}

const window = 10_000;

/** Follows an import's progress and tells rates and times left from what has happened lately. */
export class Meter {
  private samples: Sample[] = [];

  constructor(private readonly progress: ImportProgress) {}

  /** `now` in milliseconds. */
  read(now: number): Snapshot {
    const { bytes, totalBytes, load } = this.progress;
    const building = this.progress.phase === "loading" && load.phase === "building";
    const phase = building ? "building indexes" : this.progress.phase;
    const { rows, built, current } = load;
    this.samples = this.samples.filter((sample) => sample.at >= now - window && sample.phase === phase);
    this.samples.push({ at: now, bytes, rows, built, phase });
    const first = this.samples[0] as Sample;
    const elapsed = (now - first.at) / 1000;
    const rate = (done: number) => (elapsed > 0 ? done / elapsed : 0);
    const bytesPerSecond = Math.round(rate(bytes - first.bytes));
    const measured = totalBytes !== undefined && /checking|loading/.test(phase);
    const part = building ? built : measured ? Math.min(1, bytes / Math.max(1, totalBytes)) : undefined;
    const left = building
      ? (1 - built) / rate(built - first.built)
      : measured
        ? (totalBytes - bytes) / bytesPerSecond
        : NaN;
    return {
      ...{ phase, bytes, rows, current, bytesPerSecond },
      ...(totalBytes !== undefined && { totalBytes }),
      ...(part !== undefined && { part: Math.round(part * 1000) / 1000 }),
      rowsPerSecond: Math.round(rate(rows - first.rows)),
      ...(Number.isFinite(left) && { secondsLeft: Math.max(0, Math.ceil(left)) }),
    };
  }
}

/** One line for people. With a width, a bar that fits into it. */
export function line(snapshot: Snapshot, width?: number): string {
  const { phase, bytes, totalBytes, part, rows, current, bytesPerSecond, secondsLeft } = snapshot;
  const reading = phase === "loading" || phase === "checking the dump";
  const facts = [
    part !== undefined && `${Math.floor(part * 100)}%`.padStart(4),
    reading &&
      bytes > 0 &&
      `${bytesText(bytes)}${totalBytes === undefined ? "" : ` of ${bytesText(totalBytes)}`}`,
    phase === "loading" && `${rows.toLocaleString("en")} rows`,
    reading && bytesPerSecond > 0 && `${bytesText(bytesPerSecond)}/s`,
    secondsLeft !== undefined && `${duration(secondsLeft)} left`,
    (phase === "building indexes" || phase === "loading") && current,
  ].filter((fact): fact is string => typeof fact === "string" && fact !== "");
  const text = facts.join("  ");
  if (width === undefined) return `${phase}${text && `: ${text}`}`;
  if (part === undefined) return fit([`${phase} …`, ...facts].join("  "), width);
  const bar = 20;
  const full = Math.round(part * bar);
  const head = `${phase} `;
  const rest = fit(` ${text}`, width - head.length - bar - 1);
  return `${head}${pc.green("█".repeat(full))}${pc.dim("░".repeat(bar - full))}${rest}`;
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** `2 h 05 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (h > 0) return `${h} h ${String(m).padStart(2, "0")} min`;
  return m > 0 ? `${m} min ${String(s).padStart(2, "0")} s` : `${s} s`;
}

export interface Reporter {
  stop(): void;
}

/** Shows progress until it is stopped. A terminal's line is cleared at the end. */
export function report(progress: ImportProgress, json: boolean): Reporter {
  const meter = new Meter(progress);
  const terminal = !json && process.stderr.isTTY;
  let shown = "";
  let last = 0;
  const show = () => {
    const now = Date.now();
    const snapshot = meter.read(now);
    if (terminal) {
      process.stderr.write(`\r${line(snapshot, process.stderr.columns - 1)}\x1b[K`);
    } else if (snapshot.phase !== shown || now - last >= (json ? 1000 : 5000)) {
      const text = json ? JSON.stringify({ event: "progress", ...snapshot }) : line(snapshot);
      (json ? process.stdout : process.stderr).write(`${text}\n`);
      shown = snapshot.phase;
      last = now;
    }
  };
  const timer = setInterval(show, 100);
  progress.onPhase = show;
  show();
  return {
    stop: () => {
      clearInterval(timer);
      progress.onPhase = () => undefined;
      if (terminal) process.stderr.write("\r\x1b[K");
    },
  };
}
