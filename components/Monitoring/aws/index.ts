import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import type { MonitoringArgs, MonitoringOutputs } from "../contract";

/** Each component makes its own alarms; CloudWatch shows them all. */
export function monitoringOnAws({ target }: Context<MonitoringArgs, AwsTarget>): MonitoringOutputs {
  const { region } = target;
  return { page: `https://${region}.console.aws.amazonaws.com/cloudwatch/home?region=${region}#alarmsV2:` };
}
