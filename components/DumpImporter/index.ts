import * as pulumi from "@pulumi/pulumi";
import type { DataManagementServer } from "../DataManagementServer";
import type { Target, TenantIdentity } from "../contract/target";
import { importOnAws } from "./aws";
import { importOnDocker } from "./docker";

export interface DumpImporterArgs {
  tenant: TenantIdentity;
  /** The server whose database takes the data; it need not run yet. */
  server: DataManagementServer;
  /** The version of DHIS2 that will run on them: a dump of a newer one is refused. */
  dhis2: string;
  /** A file's path on the machine that runs `pulumi`, or `s3://bucket/key`. */
  dump: string;
  /** What a relative path of a dump is relative to. @default the program's folder */
  directory?: string;
  /** SHA-256 of the dump as it is stored; the job refuses any other. */
  sha256: string;
  /** Switch off jobs, messages and integrations: for a clone, not for a move. @default false */
  sanitise?: boolean;
  /** Let another dump replace data that were imported earlier. @default false */
  reimport?: boolean;
  target: Target;
}

/**
 * Loads a PostgreSQL dump into a server, once: `pulumi up` waits for it, and fails with the job's message if it
 * fails. The same dump again is no work; another one is refused, in the preview already, unless `reimport` is set.
 */
export class DumpImporter extends pulumi.ComponentResource {
  /** SHA-256 of what is in the database, known once it is. */
  readonly imported: pulumi.Output<string>;

  constructor(name: string, args: DumpImporterArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, sha256, dump, target } = args;
    super(
      "dhistance:index:DumpImporter",
      name,
      { tenant: tenant.id, server: server.server, dump, sha256 },
      opts,
    );
    switch (target.kind) {
      case "aws":
        this.imported = importOnAws(this, name, args, target).id.apply(() => sha256);
        break;
      case "docker":
        this.imported = importOnDocker(this, name, args, target).id.apply(() => sha256);
    }
    this.registerOutputs({ imported: this.imported });
  }
}

/** What stands in the state about an import. */
export interface Imported {
  sha256: string;
  dump: string;
  sanitised: boolean;
}

/** Why a server that holds one dump may not be given another, if it may not. */
export function refuseReimport(
  server: string,
  before: Partial<Imported>,
  now: Imported,
  reimport: boolean,
): string | undefined {
  if (reimport || before.sha256 === now.sha256) return undefined;
  return (
    `server "${server}" holds the data of ${before.dump} (sha256 ${short(before.sha256)}); another dump, ` +
    `${now.dump} (sha256 ${short(now.sha256)}), would replace everything entered since. ` +
    "If that is meant, set reimport: true; if not, put the first sha256 back."
  );
}

function short(sha256 = "unknown"): string {
  return sha256.length > 12 ? `${sha256.slice(0, 12)}…` : sha256;
}
