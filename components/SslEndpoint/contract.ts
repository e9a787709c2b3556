import type * as pulumi from "@pulumi/pulumi";
import type { Nothing, OnTarget, Target, TenantIdentity } from "../contract/target";

export interface SslEndpointArgs {
  tenant: TenantIdentity;
  /** The server's name. */
  server: string;
  /** The public host name; it has to lie in the zone of the target. */
  hostname: string;
  /** Keeps a user on one instance of the application. @default false: there is one */
  sticky?: boolean;
  target: Target;
}

/** An endpoint, for the server behind it. */
export interface Endpoint {
  /** `https://…`, no slash at the end. */
  url: string;
  /** What it consists of, for components on the same target (`resourcesOn`). On Docker the tenant's gateway serves it. */
  resources: OnTarget<{ aws: AwsEndpoint; docker: Nothing }>;
}

export interface AwsEndpoint {
  /** The application's tasks register here; the listener already knows it. */
  targetGroupArn: pulumi.Output<string>;
  /** As CloudWatch knows it. */
  targetGroupSuffix: pulumi.Output<string>;
}
