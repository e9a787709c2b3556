/**
 * The jobs image as the components use it: its commands, and the environment in which they find the database.
 * The image runs as uid 65534, has a read-only root and a volume of its own at `/tmp`.
 */

/** DHIS2's database and the role that owns it, on every server alike: each server has a PostgreSQL of its own. */
export const DATABASE = "dhis2";
export const ROLE = "dhis2";
/** The administrator of the PostgreSQL server, for jobs alone. */
export const ADMINISTRATOR = "dhistance";

/** What libpq reads; the password comes as a secret under `PGPASSWORD`. */
export function databaseEnvironment<Host>(host: Host) {
  return {
    PGHOST: host,
    PGPORT: "5432",
    PGUSER: ADMINISTRATOR,
    PGDATABASE: "postgres",
    PGSSLMODE: "require",
  };
}

/** Makes the role, the database and the extensions, or finds them made. Secret: `DHIS2_ROLE_PASSWORD`. */
export function prepareCommand(): string[] {
  return ["prepare", "--database", DATABASE, "--role", ROLE];
}

/**
 * Waits for DHIS2's first migration, then replaces the default administrator's password if it is still the default.
 * Secret: `DHIS2_ADMIN_PASSWORD`.
 */
export function secureAdminCommand(waitSeconds: number): string[] {
  return ["secure-admin", "--database", DATABASE, "--wait", `${waitSeconds}s`];
}

export interface ImportCommand {
  /** `s3://bucket/key`, or a path inside the container. */
  dump: string;
  sha256: string;
  /** DHIS2's version on the server: a dump of a newer one is refused. */
  dhis2: string;
  sanitise: boolean;
}

/** Loads a dump into a new database, checks it and swaps it in. */
export function importCommand({ dump, sha256, dhis2, sanitise }: ImportCommand): string[] {
  return [
    ...["import", "run", dump, "--sha256", sha256, "--database", DATABASE, "--owner", ROLE, "--dhis2", dhis2],
    ...(sanitise ? ["--sanitise"] : []),
  ];
}

/**
 * Writes database, files and settings into the portable repository of this month.
 * Environment: `RESTIC_REPOSITORY`, the server's place, below which each month has a repository. Secret:
 * `RESTIC_PASSWORD`.
 */
export function exportCommand(server: string): string[] {
  return ["export", "--server", server, "--database", DATABASE, "--files", FILES_PATH];
}

/** What the agent on the customer's own host reads; everything it needs to know and no secret. */
export interface ReplicateConfiguration {
  tenant: string;
  servers: string[];
  region: string;
  bucket: string;
  /** What IAM Roles Anywhere asks for. */
  trustAnchorArn: string;
  profileArn: string;
  roleArn: string;
  /** Paths inside the container. */
  certificate: string;
  privateKey: string;
  cloudPasswordFile: string;
  localPasswordFile: string;
  /** Where the copies are kept, and for how many days. */
  copies: string;
  retentionDays: number;
}

/** Pulls the portable repositories to the customer's own host, again and again, for as long as it runs. */
export function replicateCommand(configuration: string): string[] {
  return ["replicate", "--config", configuration];
}

/** Where a job finds the server's file store. */
export const FILES_PATH = "/files";
