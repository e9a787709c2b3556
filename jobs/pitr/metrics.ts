/** Metrics in Prometheus' text format: node_exporter's textfile collector reads them. */
import { chmodSync, renameSync, writeFileSync } from "node:fs";
import { newestOfEachType, type Backup } from "./info";
import { PATHS } from "./paths";

type Labels = Record<string, string>;

/** One line, of the server that this container belongs to. */
export function metric(
  name: string,
  labels: Labels,
  value: number,
  server = process.env["SERVER"] ?? "",
): string {
  const all = Object.entries({ server, ...labels }).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `dhistance_backups_${name}{${all.join(",")}} ${value}`;
}

function escaped(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, " ").replace(/[\\"]/g, "\\$&");
}

export function newestMetrics(repository: string, backups: readonly Backup[], server?: string): string[] {
  return newestOfEachType(backups).map(({ type, stop }) =>
    metric("newest_timestamp_seconds", { location: repository, type }, stop, server),
  );
}

/** @param problems none if everything is fine. @param now in seconds */
export function healthMetrics(problems: readonly string[], now: number, server?: string): string[] {
  const texts = [...new Set(problems.map((problem) => problem.replace(/^ALARM backup: /, "")))].sort();
  return [
    metric("healthy", {}, problems.length === 0 ? 1 : 0, server),
    metric("seen_timestamp_seconds", {}, now, server),
    ...texts.map((text) => metric("alarm", { text }, 1, server)),
  ];
}

/** Replaces the metrics that were published under this name. */
export function publish(name: string, metrics: readonly string[]): void {
  const file = `${PATHS.metrics}/${name}`;
  try {
    const whole = `${file}.${process.pid}`;
    writeFileSync(whole, metrics.map((line) => `${line}\n`).join(""));
    // Monitoring is another user.
    chmodSync(whole, 0o644);
    renameSync(whole, `${file}.prom`);
  } catch (error) {
    // Backups do not fail because nobody watches them.
    process.stderr.write(`metrics of ${name}: ${(error as Error).message}\n`);
  }
}
