import * as pulumi from "@pulumi/pulumi";
import type { Size } from "../../plans/plans";
import { DATABASE_HOST, dockerCommand } from "../contract/dockerTarget";
import type { SslEndpoint } from "../SslEndpoint";
import type { Target, TenantIdentity } from "../contract/target";
import { dataOnAws, type AwsServer } from "./aws";
import { applicationOnAws } from "./aws/application";
import { dataOnDocker, type DockerServer } from "./docker";
import { applicationOnDocker } from "./docker/application";
import { versionOnDocker } from "./docker/version";

export interface InitialData {
  /** SHA-256 of the dump. */
  sha256: string;
  /** Where the dump is. */
  dump?: string;
  /** Whether the import sanitises it. @default false */
  sanitise?: boolean;
  /**
   * DHIS2's `encryption.password` on the system the data come from, 24 characters or more: what it encrypted can be
   * read with no other.
   * @default a random one
   */
  encryptionPassword?: pulumi.Input<string>;
  /** Whether it may replace data that the server holds. @default false */
  reimport?: boolean;
  /** Makes the import, which begins when the database is ready; the application waits for its end. */
  load: (server: DataManagementServer) => pulumi.Resource;
}

export interface DataManagementServerArgs {
  tenant: TenantIdentity;
  /** The server's name, one of its own within the tenant. */
  server: string;
  /** DHIS2's version, whole: `42.5.2`. Raising it upgrades the server; there is no way down. */
  dhis2: string;
  size: Size;
  hostname: string;
  /** How many times DHIS2 runs on the one database, as a cluster; the endpoint has to be sticky then. @default 1 */
  instances?: number;
  /** Where the world reaches it; the server opens it when it is safe to. */
  endpoint: SslEndpoint;
  target: Target;
  /** Data to start with. @default none: DHIS2 begins empty */
  import?: InitialData;
  /**
   * Lets go of the server's data: once this has been applied, the server can be taken away. A paid plan's database
   * leaves a final snapshot all the same.
   * @default false: on paid plans the engine and AWS refuse to delete database and files
   */
  retire?: boolean;
}

/**
 * One DHIS2 with a PostgreSQL and a file store of its own. In order: the database, its preparation, the
 * import if there is one, the replacement of the default administrator's password in what it brought, the application,
 * the replacement in what DHIS2 has made; only then does anything outside reach the application.
 */
export class DataManagementServer extends pulumi.ComponentResource {
  readonly server: string;
  readonly url: string;
  /** The database's address; nothing outside the server's own network reaches it. */
  readonly database: pulumi.Output<string>;
  /** The file store's name on the target. */
  readonly files: pulumi.Output<string>;
  /** Where the logs are. */
  readonly logs: pulumi.Output<string>;
  /** What it made on AWS, there alone. */
  readonly aws!: AwsServer;
  /** What it made on Docker, there alone. */
  readonly docker!: DockerServer;

  constructor(name: string, args: DataManagementServerArgs, opts?: pulumi.ComponentResourceOptions) {
    const { tenant, server, size, dhis2, hostname, endpoint, target } = args;
    const properties = { tenant: tenant.id, server, size, dhis2, hostname };
    super("dhistance:index:DataManagementServer", name, properties, opts);
    this.server = server;
    this.url = endpoint.url;
    switch (target.kind) {
      case "aws":
        this.aws = dataOnAws(this, name, args, target);
        this.database = this.aws.database.address;
        this.files = this.aws.fileSystem.id;
        this.logs = this.aws.logs.name;
        applicationOnAws(this, name, args, target, this.aws, args.import?.load(this));
        break;
      case "docker": {
        const data = dataOnDocker(this, name, args, target);
        this.database = data.dataNetwork.apply((network) => `${DATABASE_HOST} in ${network}`);
        this.files = data.volumes.files;
        this.logs = pulumi.output(`${dockerCommand(target.host)} logs ${name}-application`);
        const version = versionOnDocker(this, name, args, target, data);
        // The import asks the server for it, the application waits for the import.
        this.docker = { ...data, prepared: version.accepted } as DockerServer;
        this.docker = applicationOnDocker(this, name, args, target, data, version, args.import?.load(this));
      }
    }
    // Of a component a policy over the whole stack is shown the outputs alone: the properties are among them.
    const { url, database, files, logs } = this;
    this.registerOutputs({ ...properties, url, database, files, logs });
  }
}
