import type * as pulumi from "@pulumi/pulumi";
import type { Nothing, OnTarget, Target, TenantIdentity } from "../contract/target";
import type { Server } from "../DataManagementServer/contract";

export interface GatewayArgs {
  tenant: TenantIdentity;
  /** The servers that it makes reachable, once each of them is secured. */
  servers: readonly Server[];
  /** Whether the CA that people have installed is protected from `pulumi destroy`. */
  keepsAuthority: boolean;
  target: Target;
}

export interface GatewayOutputs {
  /** PEM of the CA that has to be installed in browsers. Undefined: they have it already. */
  authority: pulumi.Output<string> | undefined;
  /** What it consists of, for components on the same target (`resourcesOn`). On AWS it is the platform's load balancer. */
  resources: OnTarget<{ aws: Nothing; docker: DockerGateway }>;
}

export interface DockerGateway {
  /** Where monitoring asks it, `host:port`. */
  address: string;
  /** An internal network in which the gateway is asked how it is. */
  watched: pulumi.Output<string>;
  /** PEM of the certificate authority to trust for its certificates. @default system CAs */
  trusted?: pulumi.Input<string>;
}
