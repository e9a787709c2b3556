import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { randomPassword } from "../aws/secret";
import type { DataManagementServer } from "../DataManagementServer";
import { DATABASE_HOST, handOver } from "../DataManagementServer/docker";
import { service } from "../docker/container";
import type { DockerCopies, DockerTarget } from "../docker/target";
import {
  administratorAt,
  DATABASE,
  FILES_PATH,
  replicateCommand,
  type ReplicateConfiguration,
} from "../jobs";
import { diskVolume } from "./docker";
import type { BackupVaultArgs } from "./index";
import { RETENTION } from "./retention";
import { COPY_HOURS, DRILL_EVERY_HOURS, DRILL_HOURS } from "./watch";

/** Where the container finds what it is given. */
const GIVEN = "/run/dhistance";
export const PORTABLE_FILES = {
  configuration: `${GIVEN}/replicate.json`,
  administrator: `${GIVEN}/administrator-password`,
  settings: `${GIVEN}/dhis.conf`,
  signingKey: `${GIVEN}/signing.pem`,
  publicKey: `${GIVEN}/signing.pub`,
  cloudPassword: `${GIVEN}/cloud-password`,
  diskPassword: `${GIVEN}/disk-password`,
  credentials: `${GIVEN}/s3-credentials`,
  /** The authority of an S3 server that the world's do not vouch for. */
  authority: `${GIVEN}/cloud-authority.crt`,
} as const;
/** The place on disk, in the container. */
export const PORTABLE_DISK = "/copies";
/** Where it tells of the copies: the image has this directory, for whoever is its user. */
const TOLD = "/var/lib/copies";
/** On the copies' disk, for a drill needs room for a whole database. */
export const PORTABLE_SCRATCH = `${PORTABLE_DISK}/.scratch`;

/** The place in the cloud without the server, as restic has it. */
export function portableSource(
  tenant: string,
  { host, port, bucket }: Pick<DockerCopies["cloud"], "host" | "port" | "bucket">,
): string {
  return `s3:https://${host}${port ? `:${port}` : ""}/${bucket}/${tenant}.portable`;
}

/**
 * A container that once a day writes the server's database, file store and settings into the portable repository in the
 * cloud, brings that home to the disk under another key, and proves every week that both can be restored. It runs as the
 * application's user, to whom the files belong.
 * @param world a network through which it reaches the cloud
 * @returns the volume in which it tells how the copies are
 */
export function portableOnDocker(
  parent: pulumi.Resource,
  { tenant }: BackupVaultArgs,
  { server, docker }: DataManagementServer,
  target: DockerTarget,
  { disk, cloud }: DockerCopies,
  world: pulumi.Output<string>,
): pulumi.Output<string> {
  const name = `${tenant.id}-${server}-portable`;
  const opts = { parent };
  const keep = { ...opts, protect: docker.keepsData };
  const { user } = docker;
  const signing = new PrivateKey(`${name}-signing-key`, { algorithm: "ED25519" }, keep);
  const copies = diskVolume(`${name}-disk`, disk, `${server}.portable`, keep);
  const handed = handOver(`${name}-handed-over`, target, { volume: copies, user, jobs: docker.jobs }, opts);
  const told = new Volume(`${name}-told`, { name: `${name}-told` }, opts);
  const { container } = service(
    name,
    target,
    {
      image: target.images.drill,
      user,
      command: replicateCommand(PORTABLE_FILES.configuration, PORTABLE_SCRATCH),
      // For whatever is run in it as well (scripts/restore.ts). No secret: names of files.
      environment: {
        AWS_REGION: cloud.region,
        AWS_SHARED_CREDENTIALS_FILE: PORTABLE_FILES.credentials,
        ...(cloud.authority && {
          NODE_EXTRA_CA_CERTS: PORTABLE_FILES.authority,
          SSL_CERT_FILE: PORTABLE_FILES.authority,
        }),
      },
      networks: [{ name: docker.dataNetwork }, { name: world }],
      // A restore writes into the file store.
      volumes: { [FILES_PATH]: docker.volumes.files, [PORTABLE_DISK]: copies, [TOLD]: told.name },
      scratch: { "/tmp": "size=256m" },
      files: {
        [PORTABLE_FILES.configuration]: JSON.stringify(configuration(tenant, server, cloud), undefined, 2),
        [PORTABLE_FILES.administrator]: docker.passwords.administrator,
        [PORTABLE_FILES.settings]: docker.configuration,
        [PORTABLE_FILES.signingKey]: signing.privateKeyPemPkcs8,
        [PORTABLE_FILES.publicKey]: signing.publicKeyPem,
        [PORTABLE_FILES.cloudPassword]: randomPassword(`${name}-cloud-password`, 40, keep),
        [PORTABLE_FILES.diskPassword]: randomPassword(`${name}-disk-password`, 40, keep),
        [PORTABLE_FILES.credentials]: pulumi.interpolate`[default]
aws_access_key_id = ${cloud.accessKeyId}
aws_secret_access_key = ${cloud.secretAccessKey}
`,
        ...(cloud.authority && { [PORTABLE_FILES.authority]: cloud.authority }),
      },
      // Drills have a PostgreSQL of their own in it.
      memory: 2048,
      pids: 256,
      healthcheck: {
        // What is wrong it tells there, in words; nothing else is in double quotes but names.
        tests: [
          "CMD-SHELL",
          `test -e ${TOLD}/portable.prom && ! sed -n 's/^dhistance_portable_alarm{text="\\(.*\\)",server=.*/\\1/p' ${TOLD}/portable.prom | grep .`,
        ],
        ...{ interval: "10s", timeout: "10s", retries: 3, startPeriod: "30s" },
      },
      // It is well when both places can be read; the first copy is made after that.
      startSeconds: 600,
      // What it is at is ended, to be begun anew.
      stopSeconds: 30,
    },
    { ...opts, dependsOn: [docker.secured, handed] },
  );
  // The volume is its user's once it has been there: whoever reads in it comes after.
  return pulumi.all([told.name, container.id]).apply(([volume]) => volume);
}

function configuration(
  tenant: BackupVaultArgs["tenant"],
  server: string,
  cloud: DockerCopies["cloud"],
): ReplicateConfiguration {
  const { portable, onPremises } = RETENTION[tenant.plan];
  return {
    servers: [server],
    source: portableSource(tenant.id, cloud),
    region: cloud.region,
    cloudPasswordFile: PORTABLE_FILES.cloudPassword,
    localPasswordFile: PORTABLE_FILES.diskPassword,
    publicKeyFile: PORTABLE_FILES.publicKey,
    export: {
      server: administratorAt(DATABASE_HOST),
      passwordFile: PORTABLE_FILES.administrator,
      database: DATABASE,
      files: FILES_PATH,
      settings: [PORTABLE_FILES.settings],
      signingKeyFile: PORTABLE_FILES.signingKey,
      retentionDays: portable,
    },
    copies: PORTABLE_DISK,
    retentionDays: onPremises,
    maxAgeHours: COPY_HOURS,
    drill: { everyHours: DRILL_EVERY_HOURS, maxAgeHours: DRILL_HOURS },
    told: TOLD,
  };
}
