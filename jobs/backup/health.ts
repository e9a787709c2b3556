/**
 * Looks after the backups of a location: how old the newest is, and a drill whenever the last one is too long ago. What it
 * finds is reported to CloudWatch; its alarms also go off when reports stop.
 */
import { CloudWatchClient, PutMetricDataCommand, type MetricDatum } from "@aws-sdk/client-cloudwatch";
import type { KeyObject } from "node:crypto";
import { BusyError } from "../import/server";
import { checkMonths } from "./checks";
import { drill, keepDrill, keptDrill, type Drill, type DrillOptions } from "./drill";
import { LossError, LocationError } from "./errors";
import { OLD_DIMENSIONS, withNewNames } from "./oldNames";
import { chooseBackup, backupsIn } from "./load";
import type { Receipt } from "./manifest";
import type { BackupLocation } from "./location";
import { shrunkMessage } from "./summary";

export interface HealthCheckOptions extends Omit<DrillOptions, "maxAge"> {
  /** A drill is due when the last one that succeeded is so many seconds ago; never if infinite. @default always */
  every?: number;
  /** Where the figures are. @default beside the backups */
  drillFile?: string;
}

export interface Health {
  /** The point in time that the newest backup is of. */
  newest?: string;
  /** Figures of the last drill that succeeded, and whether it was now. */
  last?: Drill;
  drilledNow: boolean;
  /** Whether a drill was due and did not go well. */
  failed: boolean;
  problems: Error[];
}

/** The state without a drill. A missing backup is not reported as a problem. */
export async function readHealth(
  location: BackupLocation,
  key: KeyObject | undefined,
  drillFile?: string,
): Promise<Health> {
  const health: Health = { drilledNow: false, failed: false, problems: [] };
  try {
    const [newest] = await backupsIn(location, key, (error) => health.problems.push(error));
    if (newest) health.newest = newest.receipt.at;
    refuseShrunk(location, newest?.receipt);
  } catch (error) {
    location.signal.throwIfAborted();
    health.problems.push(error as Error);
  }
  const last = await keptDrill(location, drillFile);
  if (last) health.last = last;
  return health;
}

/** @throws LossError when the newest backup lacks what earlier ones have, and nobody said that it is meant to */
export function refuseShrunk(location: BackupLocation, newest: Receipt | undefined): void {
  if (newest?.shrunk) throw new LossError(shrunkMessage(location.url, newest.at, newest.shrunk));
}

/** Whatever is wrong is among the problems. */
export async function checkHealth(options: HealthCheckOptions): Promise<Health> {
  const { location, key, every, drillFile, signal, progress, now = new Date() } = options;
  progress.begin("looking at the backups");
  const health = await readHealth(location, key, drillFile);
  // Why there is none.
  if (health.newest === undefined && health.problems.length === 0)
    await chooseBackup(location, key).catch((error: Error) => health.problems.push(error));
  signal.throwIfAborted();
  if (health.newest !== undefined && isDue(health.last, every, now)) await drillNow(options, health);
  progress.begin("reading a part of the older months");
  await checkMonths(location, now).then(
    (found) => health.problems.push(...found),
    (error: unknown) => {
      signal.throwIfAborted();
      health.problems.push(error as Error);
    },
  );
  return health;
}

async function drillNow(options: HealthCheckOptions, health: Health): Promise<void> {
  const { location, drillFile, signal } = options;
  try {
    const figures = await drill(options);
    await keepDrill(location, figures, drillFile);
    Object.assign(health, { last: figures, drilledNow: true });
  } catch (error) {
    signal.throwIfAborted();
    // Of another run's drill that one will tell.
    health.failed = !(error instanceof BusyError);
    health.problems.push(error as Error);
  }
}

/** @param every seconds */
export function isDue(last: Drill | undefined, every: number | undefined, now: Date): boolean {
  if (every === Infinity) return false;
  if (!last || every === undefined) return true;
  const age = (now.getTime() - Date.parse(last.at)) / 1000;
  // One in the future is of a clock that was wrong.
  return age >= every || age < 0;
}

/** Of all metrics. The component's alarms look for these names. */
export const NAMESPACE = "DHIStance/Backups";

/** The metrics of a location. Without a backup or a drill there is no age: the alarm judges the silence. */
export function metricsOf({ newest, last, drilledNow, failed, problems }: Health, now: Date): MetricDatum[] {
  const since = (at: string) => Math.max(0, (now.getTime() - Date.parse(at)) / 1000);
  const seconds = (MetricName: string, Value: number): MetricDatum => ({
    MetricName,
    Value,
    Unit: "Seconds",
  });
  return [
    ...(newest === undefined ? [] : [seconds("BackupAge", since(newest))]),
    ...(last ? [seconds("DrillAge", since(last.at))] : []),
    { MetricName: "DrillFailed", Value: failed ? 1 : 0, Unit: "Count" },
    {
      MetricName: "BackupLoss",
      Value: problems.some((each) => each instanceof LossError) ? 1 : 0,
      Unit: "Count",
    },
    ...(last && drilledNow
      ? [
          seconds("RecoveryPoint", last.rpoSeconds),
          seconds("RecoveryTime", last.rtoSeconds),
          { MetricName: "RowsRestored", Value: last.rows, Unit: "Count" as const },
        ]
      : []),
  ];
}

/**
 * @param dimensions by name; they say whose backups these are, and where
 * @throws LocationError when CloudWatch does not take it
 */
export async function reportMetrics(
  dimensions: Record<string, string>,
  health: Health,
  now: Date,
): Promise<void> {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  const client = new CloudWatchClient({
    ...{ region: process.env["AWS_REGION"] ?? "us-east-1", maxAttempts: 3 },
    // A silent one must not keep the next pull from being made.
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
  });
  const named = withNewNames(dimensions, OLD_DIMENSIONS) as Record<string, string>;
  const Dimensions = Object.entries(named).map(([Name, Value]) => ({ Name, Value }));
  const MetricData = metricsOf(health, now).map((each) => ({ ...each, Timestamp: now, Dimensions }));
  try {
    await client.send(new PutMetricDataCommand({ Namespace: NAMESPACE, MetricData }));
  } catch (error) {
    throw new LocationError(
      `CloudWatch did not take the age of backup and drill, so its alarm will go off: ${(error as Error).message}`,
    );
  } finally {
    client.destroy();
  }
}
