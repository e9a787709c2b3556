import * as pulumi from "@pulumi/pulumi";

/**
 * The jobs image as the components use it: its commands, and the variables in which they find secrets. The image
 * runs as uid 65534, has a read-only root and a volume of its own at `/tmp`.
 */

/** DHIS2's database and the role that owns it, on every server alike: each server has a PostgreSQL of its own. */
export const DATABASE = "dhis2";
export const ROLE = "dhis2";
/** The administrator of the PostgreSQL server, for jobs alone. */
export const ADMINISTRATOR = "dhistance";

/** Sees how the PostgreSQL server is, and none of the data. */
export const MONITOR = "dhistance_monitor";

/** Variables that a task gets as secrets. */
export const SECRETS = {
  administrator: "PGPASSWORD",
  role: "DHIS2_ROLE_PASSWORD",
  monitor: "DHISTANCE_MONITOR_PASSWORD",
  admin: "DHIS2_ADMIN_PASSWORD",
  /** As earlier versions gave it to DHIS2. */
  formerAdmin: "DHIS2_FORMER_ADMIN_PASSWORD",
  /** Of a cluster's Redis. */
  redis: "DHIS2_REDIS_PASSWORD",
  repository: "RESTIC_PASSWORD",
  signing: "DHISTANCE_SIGNING_KEY",
  /** No secret, but found the same way. */
  publicKey: "DHISTANCE_PUBLIC_KEY",
  configuration: "DHIS_CONF",
} as const;

/** Where a job finds the server's file store. */
export const FILES_PATH = "/files";

/** The program that starts DHIS2 and watches its start, with the shell that runs it: `images/jobs/start`. */
export const START_FOLDER = "/opt/dhistance";
export const START = [`${START_FOLDER}/busybox`, "sh", `${START_FOLDER}/start`];

type Command = pulumi.Output<string[]>;

/**
 * How the administrator reaches a database server. TLS without a check of the certificate: RDS's authorities are in no
 * system's store, and security group or network let the job reach this one server.
 */
export function administratorAt(host: string): string {
  return `postgres://${ADMINISTRATOR}@${host}:5432/postgres?sslmode=require`;
}

/** The options by which every job finds the database server. */
function onServer(command: string[], host: pulumi.Input<string>, rest: pulumi.Input<string>[]): Command {
  const address = pulumi.output(host).apply(administratorAt);
  return pulumi.all([...command, "--server", address, "--password-env", SECRETS.administrator, ...rest]);
}

/**
 * Makes the role, the database and the extensions, or finds them made.
 * @param monitored whether there is to be a role for exporters, too
 */
export function prepareCommand(host: pulumi.Input<string>, monitored = false): Command {
  return onServer(["prepare"], host, [
    ...["--database", DATABASE, "--role", ROLE],
    ...["--role-password-env", SECRETS.role],
    ...(monitored ? ["--monitor", MONITOR, "--monitor-password-env", SECRETS.monitor] : []),
  ]);
}

/** How DHIS2's role reaches its database: what an imported one brings must not run as the server's administrator. */
export function roleAt(host: string): string {
  return `postgres://${ROLE}@${host}:5432/${DATABASE}?sslmode=require`;
}

/**
 * Replaces the default administrator's password in a database that has accounts, and ends the sessions of the database
 * before it, while DHIS2 is stopped.
 * @param redis address of a cluster's Redis, which keeps sessions when DHIS2 stops
 */
export function secureBeforeStartCommand(host: pulumi.Input<string>, redis?: pulumi.Input<string>): Command {
  return pulumi.all([
    ...["secure-admin", "before-start", "--server", pulumi.output(host).apply(roleAt)],
    ...["--password-env", SECRETS.role, "--admin-password-env", SECRETS.admin],
    ...["--former-password-env", SECRETS.formerAdmin],
    ...(redis ? ["--sessions", redis, "--sessions-password-env", SECRETS.redis] : []),
  ]);
}

/**
 * Has DHIS2 replace it, and looks that the default one opens nothing.
 * @param application DHIS2's address, where nothing outside reaches it
 * @param wait for its start, in seconds
 */
export function secureAfterStartCommand(application: string, wait: number): string[] {
  return [
    ...["secure-admin", "after-start", "--application", application],
    ...["--wait", `${wait}s`, "--admin-password-env", SECRETS.admin],
  ];
}

export interface ImportCommand {
  /** `s3://bucket/key`. */
  dump: pulumi.Input<string>;
  sha256: string;
  /** DHIS2's version on the server: a dump of a newer one is refused. */
  dhis2: string;
  /** @default false */
  sanitise?: boolean;
  /** Of the text of a SQL_ASCII database. */
  encoding?: string;
  /** Names of what the dump has and the database does not get. */
  leaveOut?: readonly string[];
  /** Whether it may replace what an earlier import, or the application, has put into the database. @default false */
  reimport?: boolean;
}

/** Loads a dump into a new database, checks it and swaps it in (`jobs/import`). */
export function importCommand(host: pulumi.Input<string>, args: ImportCommand): Command {
  return onServer(["import", "run"], host, [
    ...["--database", DATABASE, "--role", ROLE, "--sha256", args.sha256, "--dhis2-version", args.dhis2],
    ...(args.sanitise ? ["--sanitise"] : []),
    ...(args.reimport ? ["--reimport"] : []),
    ...(args.encoding ? ["--encoding", args.encoding] : []),
    ...(args.leaveOut ?? []).flatMap((name) => ["--leave-out", name]),
    args.dump,
  ]);
}

/**
 * Writes database, files and settings into the portable repository of this month, below `repository`, the
 * folder of the server.
 */
export function exportCommand(
  host: pulumi.Input<string>,
  server: string,
  repository: pulumi.Input<string>,
): Command {
  return onServer(["backup", "export"], host, [
    ...["--database", DATABASE, "--files", FILES_PATH, "--name", server],
    ...["--repository", repository, "--repository-password-env", SECRETS.repository],
    ...["--signing-key-env", SECRETS.signing, "--dhis-conf-env", SECRETS.configuration],
    // The first check of the backups comes after that.
    ...["--retry-for", "3h"],
  ]);
}

export interface DrillCommand {
  /** What distinguishes this location from others, for CloudWatch. */
  dimensions: Record<string, string>;
  /** A drill is made when the last successful one is so old. */
  everyHours: number;
  /** Older ones raise an alarm: the newest backup and the last successful drill. */
  maxAgeHours: number;
  maxDrillAgeHours: number;
}

/** Checks a server's backups, and restores the newest into a throwaway database if that is due. */
export function drillCommand(location: pulumi.Input<string>, args: DrillCommand): Command {
  const pairs = Object.entries(args.dimensions).map(([name, value]) => `${name}=${value}`);
  return pulumi.all([
    ...["backup", "drill", "--location", location, "--repository-password-env", SECRETS.repository],
    ...["--public-key-env", SECRETS.publicKey, "--if-older", `${args.everyHours}h`],
    ...["--max-age", `${args.maxAgeHours}h`, "--max-drill-age", `${args.maxDrillAgeHours}h`],
    ...["--metrics", pairs.join(",")],
  ]);
}

/** What the agent on a Docker host reads; everything it needs to know and no secret. */
export interface ReplicateConfiguration {
  servers: string[];
  /** Where the backups come from, without the server, as restic writes it. */
  source: string;
  region: string;
  /** For IAM Roles Anywhere. @default credentials from the environment */
  rolesAnywhere?: {
    trustAnchorArn: string;
    profileArn: string;
    roleArn: string;
    /** Paths inside the container, as the others. */
    certificate: string;
    privateKey: string;
  };
  cloudPasswordFile: string;
  localPasswordFile: string;
  /** Verifies the signatures of the exports. */
  publicKeyFile: string;
  /** Set if it also makes the backups, of its one server. Paths are inside the container. */
  export?: {
    /** As `administratorAt` returns it. */
    server: string;
    passwordFile: string;
    database: string;
    files: string;
    settings: string[];
    signingKeyFile: string;
    /** Days that a backup is kept in the source. */
    retentionDays: number;
  };
  /** Where the backups are kept, and for how many days. */
  backups: string;
  retentionDays: number;
  /** An older newest backup raises an alarm. */
  maxAgeHours: number;
  /** Age of the last successful drill at which the next is made, and at which an alarm is raised. */
  drill: { everyHours: number; maxAgeHours: number };
  /** What distinguishes this location from others, for CloudWatch; the agent adds the server. @default no metrics */
  metrics?: Record<string, string>;
  /** Directory of the report for node_exporter. @default no report */
  reports?: string;
}

/**
 * Pulls the portable repositories to the host and drills them, again and again, for as long as it runs.
 * @param scratch a directory with space for a complete database
 */
export function replicateCommand(configuration: string, scratch: string): string[] {
  return ["backup", "replicate", "--config", configuration, "--scratch", scratch];
}
