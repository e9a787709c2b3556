import * as pulumi from "@pulumi/pulumi";
import type { Target, TenantIdentity } from "../contract/target";
import { endpointOnAws, type AwsEndpoint } from "./aws";
import { authority } from "./docker/caddyfile";

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

/**
 * Where the world reaches one server: `https://` under its own host name, with a certificate that renews itself.
 * Made before the server, which registers with it and opens it once the default administrator's password is gone.
 */
export class SslEndpoint extends pulumi.ComponentResource {
  /** `https://…`, no slash at the end. */
  readonly url: string;
  /** What it made on AWS, there alone. On Docker the tenant's gateway serves all of its endpoints (`gateway.ts`). */
  readonly aws!: AwsEndpoint;

  constructor(name: string, args: SslEndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, hostname, target } = args;
    const properties = { tenant: tenant.id, server, hostname };
    super("dhistance:index:SslEndpoint", name, properties, opts);
    switch (target.kind) {
      case "aws":
        this.url = `https://${hostname}`;
        this.aws = endpointOnAws(this, name, args, target);
        break;
      case "docker":
        this.url = `https://${authority(hostname, target.published.https)}`;
    }
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs({ ...properties, url: this.url });
  }
}
