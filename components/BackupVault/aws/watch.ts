import type * as pulumi from "@pulumi/pulumi";
import { alarm } from "../../aws/alarm";
import type { Statement } from "../../aws/iam";
import { componentTags } from "../../aws/tags";
import type { AwsTarget } from "../../contract/target";
import { DRILL_HOURS, PORTABLE_HOURS } from "../../../plans/thresholds";

/** Where the jobs report how old backups and drills are, and how long a recovery takes (`jobs/backup/health.ts`). */
const NAMESPACE = "DHIStance/Copies";

/** One server's backups in one location. */
export interface Watched {
  tenant: string;
  server: string;
  /** A region, or an agent. */
  place: string;
}

/** What distinguishes the metrics of one location from another's; an agent adds the server by itself. */
export function dimensions({ tenant, server, place }: Watched): Record<string, string> {
  return { Tenant: tenant, Server: server, Place: place };
}

/** The right to report. CloudWatch has no narrower resource; the namespace is the limit. */
export const TELL: Statement = {
  sid: "TellHowOldCopiesAre",
  actions: ["cloudwatch:PutMetricData"],
  resources: ["*"],
  conditions: { StringEquals: { "cloudwatch:namespace": NAMESPACE } },
};

/**
 * Goes off when a backup or a drill is older than promised, when a drill failed, when backups or what is in them were lost,
 * and when nobody reports any more.
 * @param period seconds in which the location reports at least once
 */
export function watchCopies(
  name: string,
  watched: Watched,
  { target, period, opts }: { target: AwsTarget; period: number; opts: pulumi.CustomResourceOptions },
): void {
  const what = `of server ${watched.server} of tenant ${watched.tenant} in ${watched.place}`;
  const metrics = {
    topicArn: target.platform.alertsTopicArn,
    tags: componentTags(watched.server),
    namespace: NAMESPACE,
    dimensions: dimensions(watched),
    statistic: "Maximum",
    period,
    periods: 1,
  } as const;
  alarm(
    `${name}-copy-overdue`,
    {
      ...metrics,
      says: `The newest backup ${what} is older than ${PORTABLE_HOURS} hours, or its age is unknown.`,
      section: "copy-overdue",
      metric: "CopyAge",
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
      metric: "DrillAge",
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
      metric: "DrillFailed",
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
      metric: "BackupLoss",
      above: 0,
      silence: "notBreaching",
    },
    opts,
  );
}
