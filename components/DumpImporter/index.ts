import * as pulumi from "@pulumi/pulumi";
import { makeOn } from "../contract/context";
import { importOnAws } from "./aws";
import type { DumpImporterArgs, ImportOutputs } from "./contract";
import { importOnDocker } from "./docker";

/**
 * Loads a PostgreSQL dump into a server, once: `pulumi up` waits for it, and fails with the job's message if it
 * fails. The same dump is not loaded again. Another one is refused by the preview, unless `reimport` is set.
 */
export class DumpImporter extends pulumi.ComponentResource implements ImportOutputs {
  readonly imported: pulumi.Output<string>;

  constructor(name: string, args: DumpImporterArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, sha256, dump, target } = args;
    const properties = { tenant: tenant.id, server: server.server, dump, sha256 };
    super("dhistance:index:DumpImporter", name, properties, opts);
    const context = { name, args, target, opts: { parent: this } };
    const run = makeOn(context, { aws: importOnAws, docker: importOnDocker });
    this.imported = run.id.apply(() => sha256);
    this.registerOutputs({ imported: this.imported });
  }
}
