import type * as pulumi from "@pulumi/pulumi";
import type { Size } from "../../plans/plans";
import type { SecretValue } from "../aws/secret";
import type { FileStore } from "../aws/task";
import type { OnTarget, Target, TenantIdentity } from "../contract/target";
import type { Endpoint } from "../SslEndpoint/contract";

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
  load: (server: ImportDestination) => pulumi.Resource;
}

export interface DataManagementServerArgs {
  tenant: TenantIdentity;
  /** The server's name, one of its own within the tenant. */
  server: string;
  /** DHIS2's version, complete: `42.5.2`. Raising it upgrades the server; there is no way down. */
  dhis2: string;
  size: Size;
  hostname: string;
  /** How many times DHIS2 runs on the one database, as a cluster; the endpoint has to be sticky then. @default 1 */
  instances?: number;
  /** Where the world reaches it; the server opens it when it is safe to. */
  endpoint: Endpoint;
  target: Target;
  /**
   * GiB of storage that the server's database has on AWS already: RDS never takes any back.
   * @default what the size begins with
   */
  storageGiB?: number;
  /** Data to start with. @default none: DHIS2 begins empty */
  import?: InitialData;
  /** Time zone of DHIS2 by its name in the time zone database, such as `Africa/Maputo`. @default UTC */
  timeZone?: string;
  /** Keys of `dhis.conf` that the tenant sets, as DHIS2 reads them (`settingsText`). @default none */
  settings?: pulumi.Input<Record<string, string>>;
  /** Ports of other servers that the settings have DHIS2 connect to. @default those of HTTPS and mail */
  outwardPorts?: readonly number[];
  /**
   * Allows the deletion of the server's data: once this has been applied, the server can be removed. A paid plan's
   * database leaves a final snapshot all the same.
   * @default false: on paid plans the engine and the cloud refuse to delete database and files
   */
  retire?: boolean;
}

/** What is known of a server on every target. */
export interface ServerOutputs {
  /** The database's address; nothing outside the server's own network reaches it. */
  database: pulumi.Output<string>;
  /** The file store's name on the target. */
  files: pulumi.Output<string>;
  /** Where the logs are. */
  logs: pulumi.Output<string>;
  /** What it consists of, for components on the same target (`resourcesOn`). */
  resources: OnTarget<{ aws: AwsServer; docker: DockerServer }>;
}

/** A server, for components that work with it. */
export interface Server extends ServerOutputs {
  /** Its name within the tenant. */
  server: string;
  hostname: string;
  /** `https://…`, no slash at the end. */
  url: string;
}

/** A server with a prepared database: its application need not exist yet. */
export interface ImportDestination {
  server: string;
  resources: OnTarget<{ aws: AwsServer; docker: DockerData }>;
}

/** A server on AWS. */
export interface AwsServer {
  database: Record<"arn" | "address" | "identifier", pulumi.Output<string>>;
  fileSystem: Record<"arn" | "id", pulumi.Output<string>>;
  /** The file store as a task mounts it. */
  files: FileStore & { accessPointArn: pulumi.Output<string> };
  /** Of the application and of jobs; database and files let in nothing else. */
  securityGroupId: pulumi.Output<string>;
  /** The log group. */
  logs: Record<"arn" | "name", pulumi.Output<string>>;
  /** For tasks that read this server's secrets. */
  executionRoleArn: pulumi.Output<string>;
  /** The secret that `passwords` refers to. */
  passwordsArn: pulumi.Output<string>;
  /**
   * `administrator`, `role`, `admin` and `formerAdmin`: passwords of PostgreSQL's administrator, DHIS2's role, DHIS2's
   * admin now and in earlier versions. Of a cluster also `redis`.
   */
  passwords: SecretValue;
  /** The secret that holds `dhis.conf`. */
  configuration: Record<"arn" | "id", pulumi.Output<string>>;
  /** Role, database and extensions exist. */
  prepared: pulumi.Resource;
  /** Cores, memory and disks of the tasks that read or write the whole database. */
  jobs: { cpu: number; memory: number; disks: { dump: number; drill: number } };
  /** Whether the data must outlive a mistake. */
  keepsData: boolean;
}

/** The data of a server on Docker: the application starts on it, imports and backups use it. */
export interface DockerData {
  /** The internal network of database, application and jobs: nothing outside is reached from it, or reaches it. */
  dataNetwork: pulumi.Output<string>;
  /** The network of application and gateway, through which the application reaches the world. */
  webNetwork: pulumi.Output<string>;
  /** Names of volumes: the database, the file store, the logs with the audit. */
  volumes: Record<"database" | "files" | "logs", pulumi.Output<string>>;
  /** Id of the jobs image. */
  jobs: pulumi.Output<string>;
  /** PostgreSQL's administrator, DHIS2's role, the role of monitoring, DHIS2's administrator now and in earlier versions. */
  passwords: Record<"administrator" | "role" | "monitor" | "admin" | "formerAdmin", pulumi.Output<string>>;
  /** The application's container, which need not exist yet. */
  application: string;
  /** Where a container that is in several servers' networks finds this one's database. */
  database: string;
  /** Role, database and extensions exist. */
  prepared: pulumi.Resource;
  /** The certificate by which the database and its backups recognise each other. @default no backups are made */
  archiveIdentity: { certificate: pulumi.Output<string>; privateKey: pulumi.Output<string> } | undefined;
  /** Whether the data outlive even a `pulumi destroy`. */
  keepsData: boolean;
}

/** A server on Docker. */
export interface DockerServer extends DockerData {
  /** Where the gateway finds the application. */
  upstream: string;
  /** The user that it runs as, who owns the file store. */
  user: pulumi.Output<number>;
  /** Its `dhis.conf`. */
  configuration: pulumi.Output<string>;
  /** DHIS2's default password opens nothing: the gateway may open. */
  secured: pulumi.Resource;
}
