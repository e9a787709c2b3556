import * as pulumi from "@pulumi/pulumi";
import { childOptions, makeOn } from "../contract/context";
import { gatewayOnAws } from "./aws";
import type { GatewayArgs, GatewayOutputs } from "./contract";
import { gatewayOnDocker } from "./docker";

/** The one thing of a tenant that the world reaches, before all of the tenant's servers. */
export class Gateway extends pulumi.ComponentResource implements GatewayOutputs {
  readonly authority: GatewayOutputs["authority"];
  readonly resources: GatewayOutputs["resources"];

  constructor(name: string, args: GatewayArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, servers, target } = args;
    const properties = { tenant: tenant.id, servers: servers.map(({ server }) => server) };
    super("dhistance:index:Gateway", name, properties, opts);
    const context = { name, args, target, opts: childOptions(this, opts) };
    const { authority, resources } = makeOn(context, { aws: gatewayOnAws, docker: gatewayOnDocker });
    this.authority = authority;
    this.resources = resources;
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs({ ...properties, authority });
  }
}
