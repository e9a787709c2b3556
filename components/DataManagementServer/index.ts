import * as pulumi from "@pulumi/pulumi";
import { makeOn } from "../contract/context";
import { serverOnAws } from "./aws";
import type { DataManagementServerArgs, Server } from "./contract";
import { serverOnDocker } from "./docker";

/**
 * One DHIS2 with a PostgreSQL and a file store of its own. In order: the database, its preparation, the
 * import if there is one, the replacement of the default administrator's password in what it brought, the application,
 * the replacement in what DHIS2 has made; only then does anything outside reach the application.
 */
export class DataManagementServer extends pulumi.ComponentResource implements Server {
  readonly server: string;
  readonly hostname: string;
  readonly url: string;
  readonly database: Server["database"];
  readonly files: Server["files"];
  readonly logs: Server["logs"];
  readonly resources: Server["resources"];

  constructor(name: string, args: DataManagementServerArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, size, dhis2, hostname, endpoint, target } = args;
    const properties = { tenant: tenant.id, server, size, dhis2, hostname };
    super("dhistance:index:DataManagementServer", name, properties, opts);
    this.server = server;
    this.hostname = hostname;
    this.url = endpoint.url;
    const context = { name, args, target, opts: { parent: this } };
    const { database, files, logs, resources } = makeOn(context, {
      aws: serverOnAws,
      docker: serverOnDocker,
    });
    this.database = database;
    this.files = files;
    this.logs = logs;
    this.resources = resources;
    // Of a component a policy over the whole stack is shown the outputs alone: the properties are among them.
    this.registerOutputs({ ...properties, url: this.url, database, files, logs });
  }
}
