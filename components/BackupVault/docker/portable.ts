import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import type { Context } from "../../contract/context";
import { service } from "../../docker/container";
import { handOver } from "../../docker/handOver";
import type { DockerTarget } from "../../contract/dockerTarget";
import { FILES_PATH, replicateCommand } from "../../jobs";
import { randomPassword } from "../../password";
import type { BackupVaultArgs } from "../contract";
import type { SavedServer } from "./context";
import { diskVolume } from "./diskVolume";
import {
  credentials,
  DISK_PATH,
  FILES,
  healthcheck,
  portableConfiguration,
  SCRATCH_PATH,
  REPORT_PATH,
} from "./portableFiles";

/**
 * A container that once a day writes the server's database, file store and settings into the portable repository in the
 * cloud, copies that to the disk under another key, and proves every week that both can be restored. It runs as the
 * application's user, who owns the files.
 * @returns the volume in which it reports on the backups
 */
export function portableOnDocker(
  { args, target, opts }: Context<BackupVaultArgs, DockerTarget>,
  { server, docker, world, disk, cloud }: SavedServer,
): pulumi.Output<string> {
  const { tenant } = args;
  const name = `${tenant.id}-${server}-portable`;
  const keep = { ...opts, protect: docker.keepsData };
  const { user } = docker;
  const signing = new PrivateKey(`${name}-signing-key`, { algorithm: "ED25519" }, keep);
  const backups = diskVolume(`${name}-disk`, disk, `${server}.portable`, keep);
  const report = new Volume(`${name}-told`, { name: `${name}-told` }, opts);
  const handed = handOver(
    `${name}-handed-over`,
    target,
    { volumes: [backups, report.name], user, jobs: docker.jobs },
    opts,
  );
  const { container } = service(
    name,
    target,
    {
      image: target.images.drill,
      user,
      command: replicateCommand(FILES.configuration, SCRATCH_PATH),
      // For whatever is run in it as well (scripts/lib/restore). No secret: names of files.
      environment: {
        AWS_REGION: cloud.region,
        AWS_SHARED_CREDENTIALS_FILE: FILES.credentials,
        ...(cloud.authority && {
          NODE_EXTRA_CA_CERTS: FILES.authority,
          SSL_CERT_FILE: FILES.authority,
        }),
      },
      networks: [{ name: docker.dataNetwork }, { name: world }],
      // A restore writes into the file store.
      volumes: { [FILES_PATH]: docker.volumes.files, [DISK_PATH]: backups, [REPORT_PATH]: report.name },
      scratch: { "/tmp": "size=256m" },
      files: {
        // PostgreSQL, which drills start, wants its user to have a name.
        "/etc/passwd": pulumi.interpolate`root:x:0:0::/root:/usr/sbin/nologin\ndhis2:x:${user}:${user}::/nonexistent:/usr/sbin/nologin\n`,
        [FILES.configuration]: JSON.stringify(portableConfiguration(tenant, server, cloud), undefined, 2),
        [FILES.administrator]: docker.passwords.administrator,
        [FILES.admin]: docker.passwords.admin,
        [FILES.role]: docker.passwords.role,
        [FILES.settings]: docker.configuration,
        [FILES.signingKey]: signing.privateKeyPemPkcs8,
        [FILES.publicKey]: signing.publicKeyPem,
        [FILES.cloudPassword]: randomPassword(`${name}-cloud-password`, 40, keep),
        [FILES.diskPassword]: randomPassword(`${name}-disk-password`, 40, keep),
        [FILES.credentials]: pulumi
          .output(cloud.secretAccessKey)
          .apply((secret) => credentials(cloud.accessKeyId, secret)),
        ...(cloud.authority && { [FILES.authority]: cloud.authority }),
      },
      // Drills have a PostgreSQL of their own in it.
      memory: 2048,
      pids: 256,
      healthcheck: {
        tests: ["CMD-SHELL", healthcheck()],
        interval: "10s",
        timeout: "10s",
        retries: 3,
        startPeriod: "30s",
      },
      // It is healthy once both locations can be read; the first backup is made after that.
      startSeconds: 600,
      // Time to stop what it is doing; it starts that again.
      stopSeconds: 30,
    },
    { ...opts, dependsOn: [docker.secured, handed] },
  );
  // The volume is its user's once it has been there: whoever reads in it comes after.
  return pulumi.all([report.name, container.id]).apply(([volume]) => volume);
}
