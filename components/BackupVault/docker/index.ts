import { Network } from "@pulumi/docker/network";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { randomPassword } from "../../aws/secret";
import type { DataManagementServer } from "../../DataManagementServer";
import { service } from "../../docker/container";
import { DATABASE_HOST, POSTGRES, type DockerCopies, type DockerTarget } from "../../contract/dockerTarget";
import { ADMINISTRATOR } from "../../jobs";
import { diskVolume, portableOnDocker } from "./portable";
import type { BackupVaultArgs, Copy } from "..";
import {
  COPIES_HOST,
  copiesConfiguration,
  DISK_PATH,
  FILES,
  PGDATA,
  scheduleCommand,
  TOLD_PATH,
} from "./pgbackrest";
import { isPaid } from "../../../plans/plans";
import { RETENTION, type Retention } from "../../../plans/retention";

/** For how many days back any moment can be restored from each place. The cloud outlives the host, and keeps longer. */
function daysOf({ pointInTime, portable }: Retention) {
  return { disk: pointInTime, cloud: portable };
}

/** The copies that are made of every server. */
export function copiesOnDocker({ disk, cloud }: DockerCopies, kept: Retention): Copy[] {
  const [any, daily] = ["database, any moment, encrypted", "database and files, portable, daily, encrypted"];
  const days = daysOf(kept);
  const [home, away] = [disk.path ?? "a volume of the host", `s3://${cloud.bucket} at ${cloud.host}`];
  return [
    { where: home, kind: any, retentionDays: days.disk },
    { where: away, kind: any, retentionDays: days.cloud },
    { where: away, kind: daily, retentionDays: kept.portable },
    { where: home, kind: daily, retentionDays: kept.onPremises },
  ];
}

/** The volumes in which the containers that keep a server's copies tell how those are, by a name for each. */
export type Told = Record<string, pulumi.Output<string>>;

/** For each server the containers that keep its copies. @returns by server where they tell of them */
export function vaultOnDocker(
  parent: pulumi.Resource,
  args: BackupVaultArgs,
  target: DockerTarget,
): Record<string, Told> {
  const { copies } = target;
  if (!copies) {
    if (isPaid(args.tenant.plan))
      void pulumi.log.warn(
        "backups.copies: []; no copy of any server is made. Add { disk: … } and { s3: … } (docs/docker/backups.md)",
        parent,
      );
    return {};
  }
  return Object.fromEntries(
    args.servers.map((server) => {
      const name = `${args.tenant.id}-${server.server}-copies`;
      const world = new Network(name, { name, driver: "bridge" }, { parent }).name;
      const log = keepCopies(parent, name, args, server, target, copies, world);
      const portable = portableOnDocker(parent, args, server, target, copies, world);
      return [
        server.server,
        { ...(log && { [server.server]: log }), [`${server.server}.portable`]: portable },
      ];
    }),
  );
}

/** A container that takes the database's log, copies the database when a copy is due, and restores to any moment. */
function keepCopies(
  parent: pulumi.Resource,
  name: string,
  { tenant }: BackupVaultArgs,
  { server, docker }: DataManagementServer,
  target: DockerTarget,
  { disk, cloud }: DockerCopies,
  world: pulumi.Output<string>,
): pulumi.Output<string> | undefined {
  const { handsOver } = docker;
  if (!handsOver) return undefined;
  const opts = { parent };
  // What opens the copies, and the copies: kept as long as the data are, and with them.
  const keep = { ...opts, protect: docker.keepsData };
  const days = daysOf(RETENTION[tenant.plan]);
  const passphrase = (place: string) => randomPassword(`${name}-${place}-passphrase`, 48, keep);
  const configuration = pulumi
    .all([passphrase("disk"), passphrase("cloud"), cloud.secretAccessKey])
    .apply(([ofDisk, ofCloud, secretAccessKey]) =>
      copiesConfiguration(
        { days: days.disk, passphrase: ofDisk },
        {
          ...{ ...cloud, secretAccessKey, ownAuthority: cloud.authority !== undefined },
          ...{ days: days.cloud, passphrase: ofCloud },
        },
        `${tenant.id}/${server}`,
        ADMINISTRATOR,
      ),
    );
  const told = new Volume(`${name}-told`, { name: `${name}-told` }, opts);
  const { container } = service(
    name,
    target,
    {
      image: target.images.postgres,
      user: POSTGRES,
      command: scheduleCommand(),
      environment: {
        ...{
          PGHOST: DATABASE_HOST,
          PGUSER: ADMINISTRATOR,
          PGDATABASE: "postgres",
          PGSSLMODE: "require",
          PGPASSFILE: "/tmp/pgpass",
          TENANT: tenant.id,
          SERVER: server,
        },
      },
      networks: [{ name: docker.dataNetwork, aliases: [COPIES_HOST] }, { name: world }],
      volumes: {
        [PGDATA.replace(/\/[^/]+$/, "")]: docker.volumes.database,
        [DISK_PATH]: diskVolume(`${name}-disk`, disk, server, keep),
        [TOLD_PATH]: told.name,
      },
      scratch: { "/tmp": "size=256m", "/run/postgresql": `uid=${POSTGRES},gid=${POSTGRES},mode=0775` },
      files: {
        [FILES.configuration]: configuration,
        [FILES.certificate]: handsOver.certificate,
        [FILES.privateKey]: handsOver.privateKey,
        [FILES.administrator]: docker.passwords.administrator,
        ...(cloud.authority && { [FILES.authority]: cloud.authority }),
      },
      memory: 1024,
      pids: 128,
      healthcheck: {
        tests: ["CMD", "copies", "healthy"],
        ...{ interval: "10s", timeout: "10s", retries: 3, startPeriod: "30s" },
      },
      // It is well when the places are made; the first full copy goes on after that.
      startSeconds: 600,
      // pgBackRest ends its copy, to be resumed.
      stopSeconds: 30,
    },
    { ...opts, dependsOn: [docker.prepared] },
  );
  // The volume is its user's once it has been there: whoever reads in it comes after.
  return pulumi.all([told.name, container.id]).apply(([volume]) => volume);
}
