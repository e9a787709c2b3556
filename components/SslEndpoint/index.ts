import * as pulumi from "@pulumi/pulumi";
import { makeOn } from "../contract/context";
import { endpointOnAws } from "./aws";
import type { Endpoint, SslEndpointArgs } from "./contract";
import { endpointOnDocker } from "./docker";

/**
 * Where the world reaches one server: `https://` under its own host name, with a certificate that renews itself.
 * Made before the server, which registers with it and opens it once the default administrator's password is gone.
 */
export class SslEndpoint extends pulumi.ComponentResource implements Endpoint {
  readonly url: string;
  readonly resources: Endpoint["resources"];

  constructor(name: string, args: SslEndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, hostname, target } = args;
    const properties = { tenant: tenant.id, server, hostname };
    super("dhistance:index:SslEndpoint", name, properties, opts);
    const context = { name, args, target, opts: { parent: this } };
    const { url, resources } = makeOn(context, { aws: endpointOnAws, docker: endpointOnDocker });
    this.url = url;
    this.resources = resources;
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs({ ...properties, url });
  }
}
