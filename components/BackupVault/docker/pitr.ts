import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import type { Context } from "../../contract/context";
import { DATABASE_HOST, POSTGRES, type DockerTarget } from "../../contract/dockerTarget";
import { service } from "../../docker/container";
import {
  BACKUPS_HOST,
  backupsConfiguration,
  DISK_PATH,
  FILES,
  PGDATA,
  scheduleCommand,
  REPORT_PATH,
} from "../../docker/pgbackrest";
import { ADMINISTRATOR } from "../../jobs";
import { randomPassword } from "../../password";
import { backupsOf } from "../backups";
import type { BackupVaultArgs } from "../contract";
import type { Location } from "../locations";
import type { SavedServer } from "./context";
import { diskVolume } from "./diskVolume";

/** A container that archives the database's WAL, makes a backup when one is due, and restores to any point in time. */
export function pitrOnDocker(
  { args, target, opts }: Context<BackupVaultArgs, DockerTarget>,
  { server, docker, world, disk, cloud }: SavedServer,
): pulumi.Output<string> | undefined {
  const { tenant } = args;
  const { archiveIdentity } = docker;
  if (!archiveIdentity) return undefined;
  // The name of resources, volumes and the container of running tenants: it stays.
  const name = `${tenant.id}-${server}-copies`;
  // The keys of the backups, and the backups, are protected as long as the data are.
  const keep = { ...opts, protect: docker.keepsData };
  const days = retentionOf(args);
  const passphrase = (repository: string) => randomPassword(`${name}-${repository}-passphrase`, 48, keep);
  const configuration = pulumi
    .all([passphrase("disk"), passphrase("cloud"), cloud.secretAccessKey])
    .apply(([ofDisk, ofCloud, secretAccessKey]) =>
      backupsConfiguration(
        { days: days.disk, passphrase: ofDisk },
        {
          ...cloud,
          secretAccessKey,
          ownAuthority: cloud.authority !== undefined,
          days: days.cloud,
          passphrase: ofCloud,
        },
        `${tenant.id}/${server}`,
        ADMINISTRATOR,
      ),
    );
  const report = new Volume(`${name}-told`, { name: `${name}-told` }, opts);
  const { container } = service(
    name,
    target,
    {
      image: target.images.postgres,
      user: POSTGRES,
      command: scheduleCommand(),
      environment: {
        PGHOST: DATABASE_HOST,
        PGUSER: ADMINISTRATOR,
        PGDATABASE: "postgres",
        PGSSLMODE: "require",
        PGPASSFILE: "/tmp/pgpass",
        TENANT: tenant.id,
        SERVER: server,
      },
      networks: [{ name: docker.dataNetwork, aliases: [BACKUPS_HOST] }, { name: world }],
      volumes: {
        [PGDATA.replace(/\/[^/]+$/, "")]: docker.volumes.database,
        [DISK_PATH]: diskVolume(`${name}-disk`, disk, server, keep),
        [REPORT_PATH]: report.name,
      },
      scratch: { "/tmp": "size=256m", "/run/postgresql": `uid=${POSTGRES},gid=${POSTGRES},mode=0775` },
      files: {
        [FILES.configuration]: configuration,
        [FILES.certificate]: archiveIdentity.certificate,
        [FILES.privateKey]: archiveIdentity.privateKey,
        [FILES.administrator]: docker.passwords.administrator,
        ...(cloud.authority && { [FILES.authority]: cloud.authority }),
      },
      memory: 1024,
      // Each of its programs that runs in Node.js has a dozen threads.
      pids: 256,
      healthcheck: {
        tests: ["CMD", "pitr", "healthy"],
        interval: "10s",
        timeout: "10s",
        retries: 3,
        startPeriod: "30s",
      },
      // It is healthy once the repositories exist; the first full backup continues after that.
      startSeconds: 600,
      // Time for pgBackRest to stop its backup in a way that it can resume.
      stopSeconds: 30,
    },
    { ...opts, dependsOn: [docker.prepared] },
  );
  // The volume is its user's once it has been there: whoever reads in it comes after.
  return pulumi.all([report.name, container.id]).apply(([volume]) => volume);
}

/** Days for which every point in time is kept, by repository. */
function retentionOf(args: BackupVaultArgs): { disk: number; cloud: number } {
  const at = (type: Location["type"]) =>
    backupsOf(args).find(({ kind, location }) => kind === "pointInTime" && location.type === type)
      ?.retentionDays ?? 0;
  return { disk: at("disk"), cloud: at("s3") };
}
