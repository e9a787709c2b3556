import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";

export interface AlarmArgs {
  /** What is wrong, in words for the person who is woken. */
  says: string;
  /** The section of docs/alarms.md that says what to do. */
  section: string;
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
  statistic: "Average" | "Maximum" | "Minimum" | "Sum";
  /** The alarm goes off when the statistic is above or below it. */
  above?: number;
  below?: number;
  /** Seconds of one period, and how many of them in a row. */
  period: number;
  periods: number;
  /** What silence means. @default "missing" keeps the alarm as it is */
  silence?: "breaching" | "notBreaching" | "missing";
  topicArn: pulumi.Input<string>;
  tags: Record<string, string>;
}

/** An alarm that tells the platform's topic when it goes off and when it is over. */
export function alarm(name: string, args: AlarmArgs, opts: pulumi.CustomResourceOptions) {
  return new cloudwatch.MetricAlarm(
    name,
    {
      alarmDescription: `${args.says} What to do: docs/alarms.md#${args.section}`,
      namespace: args.namespace,
      metricName: args.metric,
      dimensions: args.dimensions,
      statistic: args.statistic,
      comparisonOperator: args.above === undefined ? "LessThanThreshold" : "GreaterThanThreshold",
      threshold: args.above ?? args.below ?? 0,
      period: args.period,
      evaluationPeriods: args.periods,
      treatMissingData: args.silence ?? "missing",
      alarmActions: [args.topicArn],
      okActions: [args.topicArn],
      tags: args.tags,
    },
    opts,
  );
}
