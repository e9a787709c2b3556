/** The state of the backups for Prometheus: node_exporter's textfile collector reads it from a directory. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Gauge, Registry } from "prom-client";
import { LocationError } from "./errors";
import type { Health } from "./health";

/**
 * @param locations by the name that people know each by
 * @param alarms what is wrong, one line each
 */
export async function metricsText(
  server: string,
  locations: Record<string, Health>,
  alarms: readonly string[],
): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ server });
  const gauge = (name: string, help: string, label: string) =>
    new Gauge({ name: `dhistance_${name}`, help, labelNames: [label], registers: [registry] });
  const perLocation = (name: string, help: string) => gauge(name, help, "location");
  const newest = perLocation(
    "portable_newest_timestamp_seconds",
    "The point in time that the newest portable backup is of.",
  );
  const drilled = perLocation("drill_timestamp_seconds", "The last drill that succeeded.");
  const recovery = perLocation("drill_recovery_time_seconds", "How long the recovery took in it (RTO).");
  const loss = perLocation(
    "drill_recovery_point_seconds",
    "How much would have been lost then, in seconds (RPO).",
  );
  const rows = perLocation("drill_rows", "Rows that were restored and counted in it.");
  for (const [location, health] of Object.entries(locations)) {
    const at = (moment: string) => Date.parse(moment) / 1000;
    if (health.newest !== undefined) newest.set({ location }, at(health.newest));
    if (!health.last) continue;
    drilled.set({ location }, at(health.last.at));
    recovery.set({ location }, health.last.rtoSeconds);
    loss.set({ location }, health.last.rpoSeconds);
    rows.set({ location }, health.last.rows);
  }
  const alarm = gauge("portable_alarm", "What is wrong with the portable backups now.", "text");
  for (const text of alarms) alarm.set({ text: text.replace(/\s+/g, " ") }, 1);
  return registry.metrics();
}

/** @throws LocationError when it cannot be written */
export async function writeMetrics(directory: string, text: string): Promise<void> {
  const file = join(directory, "portable.prom");
  try {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new LocationError(`${file} cannot be written: ${(error as Error).message}`);
  }
}
