import type { Context } from "../../contract/context";
import type { AwsTarget } from "../../contract/target";
import type { GatewayArgs, GatewayOutputs } from "../contract";

/** The platform's load balancer serves every tenant, with certificates that browsers know: there is nothing to make. */
export function gatewayOnAws(_: Context<GatewayArgs, AwsTarget>): GatewayOutputs {
  return { authority: undefined, resources: { kind: "aws" } };
}
