/**
 * The configuration of pgBackRest for a server on Docker, on both sides: beside the database, which archives its WAL,
 * and in the container that makes backups. Only the latter has the keys of the repositories and can reach them.
 */

/** Where the image has what it is given; its `pitr` (jobs/pitr/paths.ts) knows these as well. */
const GIVEN = "/var/lib/postgresql/given";
export const FILES = {
  configuration: `${GIVEN}/pgbackrest.conf`,
  certificate: `${GIVEN}/copies.crt`,
  privateKey: `${GIVEN}/copies.key`,
  administrator: `${GIVEN}/administrator-password`,
  /** The CA of an S3 server that the system's CAs do not cover. */
  authority: `${GIVEN}/cloud-authority.crt`,
} as const;
/** The repositories by their numbers, as `pitr` and `pgbackrest-push` name them. */
export const REPOSITORIES = { disk: 1, cloud: 2 } as const;
export type Repository = keyof typeof REPOSITORIES;
/** Where the container that makes backups reports on them, for monitoring. */
export const REPORT_PATH = "/var/lib/copies";
/** The repository on disk, in the container that makes backups. */
export const DISK_PATH = "/var/lib/pgbackrest";
export const PGDATA = "/var/lib/postgresql/data/cluster";
/** Name of the container that makes backups in the database's network. Certificates of running tenants have it: it stays. */
export const BACKUPS_HOST = "copies";
/** As in the image's environment. */
const STANZA = "dhis2";
/** Where both containers copy the key for themselves: pgBackRest refuses one that others may read. */
const OWN_KEY = "/tmp/copies.key";

/** Hours after which a repository needs a backup of each type. The WAL goes to every repository continuously. */
export interface Schedule {
  full: number;
  diff: number;
  incr: number;
}

/**
 * A full backup each week, a differential each day. The incremental ones between shorten a restore, since less WAL has
 * to be replayed: each hour on disk, where they cost nothing; every six in the cloud.
 */
export const SCHEDULES: Readonly<Record<Repository, Schedule>> = {
  disk: { full: 168, diff: 24, incr: 1 },
  cloud: { full: 168, diff: 24, incr: 6 },
};

/**
 * PostgreSQL ends an unfinished segment of its log after so many seconds, and it is archived: what a loss of the host
 * costs at most. RDS has the same five minutes.
 */
export const ARCHIVE_TIMEOUT = 300;

/** A repository in the cloud: any server that speaks S3 over TLS. */
export interface Bucket {
  /** Its host name. */
  host: string;
  /** @default 443 */
  port?: number | undefined;
  region: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** Whether `FILES.authority` is the CA of the server. @default system CAs */
  ownAuthority?: boolean;
}

/** Retention and encryption of one repository. */
export interface Keeping {
  /** For how many days every point in time can be restored. */
  days: number;
  passphrase: string;
}

/** Files beside the database, by path: where it archives its WAL. They hold no key of a repository. */
export function databaseConfigurations(queueGiB: number): Record<string, string> {
  return Object.fromEntries(
    (Object.keys(REPOSITORIES) as Repository[]).map((repository) => [
      `${GIVEN}/pgbackrest-${repository}.conf`,
      databaseConfiguration(repository, queueGiB),
    ]),
  );
}

/** Of one repository: with its own queue and lock, it does not wait for the other one. */
function databaseConfiguration(repository: Repository, queueGiB: number): string {
  return text({
    global: {
      ...prefixed(`repo${REPOSITORIES[repository]}-host`, {
        "": BACKUPS_HOST,
        "-type": "tls",
        "-config": FILES.configuration,
        "-ca-file": FILES.certificate,
        "-cert-file": FILES.certificate,
        "-key-file": OWN_KEY,
      }),
      "archive-async": "y",
      "spool-path": `/var/spool/pgbackrest/${repository}`,
      "lock-path": `/tmp/pgbackrest/${repository}`,
      "archive-push-queue-max": `${queueGiB}GiB`,
      "compress-type": "zst",
      // What it has archived is not worth a line in PostgreSQL's log; what it could not is.
      ...{ ...LOGS, "log-level-console": "warn" },
      // Seconds after which PostgreSQL asks again. The work itself continues in the background.
      "archive-timeout": "15",
      // Seconds until a repository that does not answer is asked again.
      "io-timeout": "15",
      // Segments that have waited go together.
      "process-max": "4",
    },
    [STANZA]: { "pg1-path": PGDATA },
  });
}

/**
 * In the container that makes backups: repository 1 on disk and repository 2 in the cloud.
 * @param folder in the bucket, of this server alone
 * @param administrator PostgreSQL's
 */
export function backupsConfiguration(
  disk: Keeping,
  cloud: Keeping & Bucket,
  folder: string,
  administrator: string,
): string {
  return text({
    global: {
      ...kept(1, disk),
      "repo1-path": DISK_PATH,
      ...kept(2, cloud),
      ...prefixed("repo2", {
        "-type": "s3",
        "-path": `/${folder}`,
        "-s3-endpoint": cloud.host,
        "-s3-bucket": cloud.bucket,
        "-s3-region": cloud.region,
        "-s3-key": cloud.accessKeyId,
        "-s3-key-secret": cloud.secretAccessKey,
        // Every S3 server knows it; not every one has a host name for each bucket.
        "-s3-uri-style": "path",
        ...(cloud.port && { "-storage-port": String(cloud.port) }),
        ...(cloud.ownAuthority && { "-storage-ca-file": FILES.authority }),
      }),
      "tls-server-address": "*",
      "tls-server-auth": `${BACKUPS_HOST}=${STANZA}`,
      "tls-server-ca-file": FILES.certificate,
      "tls-server-cert-file": FILES.certificate,
      "tls-server-key-file": OWN_KEY,
      "archive-async": "y",
      "spool-path": "/var/spool/pgbackrest",
      "compress-type": "zst",
      // A checkpoint at once: a backup does not wait for the next one.
      "start-fast": "y",
      // Of a cluster, not of its data: a restore must not bring it back (images/postgres/upgrade).
      exclude: "before-upgrade",
      "process-max": "2",
      // Seconds for which a backup waits for its WAL, on a slow connection to the cloud.
      "archive-timeout": "300",
      ...LOGS,
    },
    [STANZA]: { "pg1-path": PGDATA, "pg1-user": administrator, "pg1-database": "postgres" },
  });
}

/** To the container's output, from which nothing is lost when it goes. */
const LOGS = { "log-level-console": "info", "log-level-file": "off" };

function kept(repo: number, { days, passphrase }: Keeping): Record<string, string> {
  return prefixed(`repo${repo}`, {
    "-cipher-type": "aes-256-cbc",
    "-cipher-pass": passphrase,
    "-retention-full-type": "time",
    "-retention-full": String(days),
    // Small files together, and of large ones only the blocks that changed.
    "-bundle": "y",
    "-block": "y",
  });
}

function prefixed(prefix: string, values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value]));
}

function text(sections: Record<string, Record<string, string>>): string {
  return Object.entries(sections)
    .map(([name, values]) =>
      [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key}=${value}`), ""].join("\n"),
    )
    .join("\n");
}

/** The command of the container that makes backups. */
export function scheduleCommand(): string[] {
  const schedules = Object.entries(SCHEDULES).map(
    ([repository, { full, diff, incr }]) => `${repository}=${full},${diff},${incr}`,
  );
  return ["pitr", "schedule", ...schedules];
}

/** PostgreSQL's own part. */
export function archiveSettings(): string[] {
  return [
    "archive_mode=on",
    // pgBackRest looks for its own name in it.
    `archive_command=pgbackrest-push ${PGDATA} %p`,
    `archive_timeout=${ARCHIVE_TIMEOUT}`,
  ].flatMap((setting) => ["-c", setting]);
}
