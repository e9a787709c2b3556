import type * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import type { Statement } from "../../aws/iam";
import { componentTags } from "../../aws/tags";
import type { AwsTarget } from "../../contract/target";
import { DRILL_HOURS, PORTABLE_HOURS } from "../../../plans/thresholds";

/** Where the jobs report how old backups and drills are, and how long a recovery takes (`jobs/backup/health.ts`). */
const NAMESPACE = "DHIStance/Backups";
/**
 * The names of the former version. For one version its tasks and agents may still report, and alarms read both: a backup
 * that only they report is not overdue. Remove with the version after.
 */
const FORMER = { namespace: "DHIStance/Copies", age: "CopyAge", dimension: "Place" };

/** One server's backups in one location. */
export interface Watched {
  tenant: string;
  server: string;
  /** A region, or an agent. */
  location: string;
}

/** What distinguishes the metrics of one location from another's; an agent adds the server by itself. */
export function dimensions({ tenant, server, location }: Watched): Record<string, string> {
  return { Tenant: tenant, Server: server, Location: location };
}

/** The right to report. CloudWatch has no narrower resource; the namespace is the limit. */
export const REPORT: Statement = {
  sid: "ReportAgeOfBackups",
  actions: ["cloudwatch:PutMetricData"],
  resources: ["*"],
  conditions: { StringEquals: { "cloudwatch:namespace": [NAMESPACE, FORMER.namespace] } },
};

/**
 * Goes off when a backup or a drill is older than promised, when a drill failed, when backups or what is in them were lost,
 * and when nobody reports any more.
 * @param period seconds in which the location reports at least once
 */
export function watchBackups(
  name: string,
  watched: Watched,
  { target, period, opts }: { target: AwsTarget; period: number; opts: pulumi.CustomResourceOptions },
): void {
  const what = `of server ${watched.server} of tenant ${watched.tenant} in ${watched.location}`;
  const metrics = {
    topicArn: target.platform.alertsTopicArn,
    tags: componentTags(watched.server),
    statistic: "Maximum",
    period,
    periods: 1,
  } as const;
  const read = (metric: "BackupAge" | "DrillAge" | "DrillFailed" | "BackupLoss") => ({
    ...{ namespace: NAMESPACE, metric, dimensions: dimensions(watched) },
    former: {
      namespace: FORMER.namespace,
      metric: metric === "BackupAge" ? FORMER.age : metric,
      dimensions: { Tenant: watched.tenant, Server: watched.server, [FORMER.dimension]: watched.location },
    },
  });
  alarm(
    // The name of an alarm that running tenants have: it stays.
    `${name}-copy-overdue`,
    {
      ...metrics,
      says: `The newest backup ${what} is older than ${PORTABLE_HOURS} hours, or its age is unknown.`,
      section: "backup-overdue",
      ...read("BackupAge"),
      above: PORTABLE_HOURS * 3600,
      silence: "breaching",
    },
    opts,
  );
  alarm(
    `${name}-drill-overdue`,
    {
      ...metrics,
      says: `The last successful drill ${what} is older than ${DRILL_HOURS / 24} days.`,
      section: "drill-overdue",
      ...read("DrillAge"),
      above: DRILL_HOURS * 3600,
      // The other alarm is for silence.
      silence: "notBreaching",
    },
    opts,
  );
  alarm(
    `${name}-drill-failed`,
    {
      ...metrics,
      says: `The drill ${what} failed: the backup may be unusable.`,
      section: "drill-failed",
      ...read("DrillFailed"),
      above: 0,
      silence: "notBreaching",
    },
    opts,
  );
  alarm(
    `${name}-backup-loss`,
    {
      ...metrics,
      says: `Something ${what} was lost: backups that were there are gone, or the newest backup lacks what earlier ones have.`,
      section: "backup-loss",
      ...read("BackupLoss"),
      above: 0,
      silence: "notBreaching",
    },
    opts,
  );
}
