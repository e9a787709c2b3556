import * as pulumi from "@pulumi/pulumi";
import { childOptions, makeOn } from "../contract/context";
import { monitoringOnAws } from "./aws";
import type { MonitoringArgs, MonitoringOutputs } from "./contract";
import { monitoringOnDocker } from "./docker";

/** The page on which people see how a tenant's servers are. */
export class Monitoring extends pulumi.ComponentResource implements MonitoringOutputs {
  readonly page: string;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, servers, target } = args;
    const properties = { tenant: tenant.id, servers: servers.map(({ server }) => server) };
    super("dhistance:index:Monitoring", name, properties, opts);
    const context = { name, args, target, opts: childOptions(this, opts) };
    this.page = makeOn(context, { aws: monitoringOnAws, docker: monitoringOnDocker }).page;
    // Of a component a policy over the whole stack is shown the outputs alone.
    this.registerOutputs({ ...properties, page: this.page });
  }
}
