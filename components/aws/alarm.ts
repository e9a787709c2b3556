import * as cloudwatch from "@pulumi/aws/cloudwatch";
import type * as pulumi from "@pulumi/pulumi";

export interface Metric {
  namespace: string;
  metric: string;
  dimensions: Record<string, pulumi.Input<string>>;
}

export interface AlarmArgs extends Metric {
  /** What is wrong, in words for the person who is woken. */
  says: string;
  /** The section of docs/alarms.md that says what to do. */
  section: string;
  /** A former name of the metric. The alarm reads it as well: the larger value counts. @default none */
  former?: Metric;
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
      ...(args.former ? largerOf([args, args.former], args) : read(args)),
      comparisonOperator: args.above === undefined ? "LessThanThreshold" : "GreaterThanThreshold",
      threshold: args.above ?? args.below ?? 0,
      evaluationPeriods: args.periods,
      treatMissingData: args.silence ?? "missing",
      alarmActions: [args.topicArn],
      okActions: [args.topicArn],
      tags: args.tags,
    },
    opts,
  );
}

type Reading = Pick<AlarmArgs, "statistic" | "period">;

function read({ namespace, metric, dimensions, statistic, period }: Metric & Reading) {
  return { namespace, metricName: metric, dimensions, statistic, period };
}

/** MAX over metrics takes those that have a value at the time; it is missing only where all are. */
function largerOf(metrics: readonly Metric[], { statistic, period }: Reading) {
  const queries = metrics.map(({ namespace, metric, dimensions }, index) => ({
    id: `m${index}`,
    metric: { namespace, metricName: metric, dimensions, stat: statistic, period },
    returnData: false,
  }));
  const expression = `MAX([${queries.map(({ id }) => id).join(", ")}])`;
  return { metricQueries: [...queries, { id: "larger", expression, label: "larger", returnData: true }] };
}
