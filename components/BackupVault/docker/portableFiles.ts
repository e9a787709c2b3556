/** Configuration and paths of the container that makes a server's portable backups on Docker (`jobs/backup/agent.ts`). */
import { DATABASE_HOST, type DockerBackups } from "../../contract/dockerTarget";
import { administratorAt, DATABASE, FILES_PATH, type ReplicateConfiguration } from "../../jobs";
import type { TenantIdentity } from "../../contract/target";
import { RETENTION } from "../../../plans/retention";
import { DRILL_EVERY_HOURS, DRILL_HOURS, PORTABLE_HOURS } from "../../../plans/thresholds";

/** Where the container finds what it is given. */
const GIVEN = "/run/dhistance";
export const FILES = {
  configuration: `${GIVEN}/replicate.json`,
  /** The password of PostgreSQL's administrator, and that of DHIS2's. */
  administrator: `${GIVEN}/administrator-password`,
  admin: `${GIVEN}/admin-password`,
  /** That of DHIS2's role in the database. */
  role: `${GIVEN}/role-password`,
  settings: `${GIVEN}/dhis.conf`,
  signingKey: `${GIVEN}/signing.pem`,
  publicKey: `${GIVEN}/signing.pub`,
  cloudPassword: `${GIVEN}/cloud-password`,
  diskPassword: `${GIVEN}/disk-password`,
  credentials: `${GIVEN}/s3-credentials`,
  /** The CA of an S3 server that the system's CAs do not cover. */
  authority: `${GIVEN}/cloud-authority.crt`,
} as const;
/** The location on disk, as a path in the container. */
export const DISK_PATH = "/copies";
/** Where it reports on the backups: the image has this directory, writable for any user. */
export const REPORT_PATH = "/var/lib/copies";
/** On the disk of the backups, since a drill needs space for a complete database. */
export const SCRATCH_PATH = `${DISK_PATH}/.scratch`;

/** The location in the cloud without the server, as restic writes it. */
export function portableSource(
  tenant: string,
  { host, port, bucket }: Pick<DockerBackups["cloud"], "host" | "port" | "bucket">,
): string {
  return `s3:https://${host}${port ? `:${port}` : ""}/${bucket}/${tenant}.portable`;
}

/** In the format of AWS's own credentials file. */
export function credentials(accessKeyId: string, secretAccessKey: string): string {
  return `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
}

/** A shell command that succeeds if the agent has reported and found no problem, and else prints the problems. */
export function healthcheck(): string {
  const file = `${REPORT_PATH}/portable.prom`;
  const alarms = `sed -n 's/^dhistance_portable_alarm{text="\\(.*\\)",server=.*/\\1/p' ${file}`;
  return `test -e ${file} && ! ${alarms} | grep .`;
}

export function portableConfiguration(
  tenant: TenantIdentity,
  server: string,
  cloud: Omit<DockerBackups["cloud"], "secretAccessKey">,
): ReplicateConfiguration {
  const { portable, onPremises } = RETENTION[tenant.plan];
  return {
    servers: [server],
    source: portableSource(tenant.id, cloud),
    region: cloud.region,
    cloudPasswordFile: FILES.cloudPassword,
    localPasswordFile: FILES.diskPassword,
    publicKeyFile: FILES.publicKey,
    export: {
      server: administratorAt(DATABASE_HOST),
      passwordFile: FILES.administrator,
      database: DATABASE,
      files: FILES_PATH,
      settings: [FILES.settings],
      signingKeyFile: FILES.signingKey,
      retentionDays: portable,
    },
    backups: DISK_PATH,
    retentionDays: onPremises,
    maxAgeHours: PORTABLE_HOURS,
    drill: { everyHours: DRILL_EVERY_HOURS, maxAgeHours: DRILL_HOURS },
    reports: REPORT_PATH,
  };
}
