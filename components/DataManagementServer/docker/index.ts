import { Network } from "@pulumi/docker/network";
import { RemoteImage } from "@pulumi/docker/remoteImage";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { SelfSignedCert } from "@pulumi/tls/selfSignedCert";
import { randomPassword } from "../../aws/secret";
import {
  archiveSettings,
  COPIES_HOST,
  databaseConfigurations,
  FILES,
} from "../../BackupVault/docker/pgbackrest";
import { service } from "../../docker/container";
import { runOnce } from "../../docker/runOnce";
import { DATABASE_HOST, POSTGRES, type DockerTarget } from "../../contract/dockerTarget";
import { ADMINISTRATOR, DATABASE, MONITOR, prepareCommand, ROLE, SECRETS } from "../../jobs";
import { adminPassword } from "../adminPassword";
import { keepsData } from "../../../plans/plans";
import type { DataManagementServerArgs } from "..";
import { postgresParameters, SIZE_TERMS } from "../sizes";

/** What a server's data side made: the application starts on it, imports and backups use it. */
export interface DockerServer {
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
  /** Where the gateway finds the application. */
  upstream: string;
  /** The user that it runs as, who owns the file store. */
  user: pulumi.Output<number>;
  /** Its `dhis.conf`. */
  configuration: pulumi.Output<string>;
  /** What database and copies know each other by, if copies are made. */
  handsOver: Identity | undefined;
  /** Whether the data outlive even a `pulumi destroy`. */
  keepsData: boolean;
  /** DHIS2's default password opens nothing: the gateway may open. */
  secured: pulumi.Resource;
}

interface Identity {
  certificate: pulumi.Output<string>;
  privateKey: pulumi.Output<string>;
}

/** What the network of one server calls it, for people: `docker network ls` shows it. */
const LABEL = "dhistance.server";

export type DataSide = Omit<DockerServer, "upstream" | "user" | "configuration" | "secured">;

/** Networks, volumes, secrets, database, and the preparation of the database. */
export function dataOnDocker(
  parent: pulumi.Resource,
  name: string,
  args: DataManagementServerArgs,
  target: DockerTarget,
): DataSide {
  const opts = { parent };
  const labels = [{ label: LABEL, value: name }];
  const network = (suffix: string, internal: boolean) =>
    new Network(`${name}-${suffix}`, { name: `${name}-${suffix}`, internal, driver: "bridge", labels }, opts)
      .name;
  const keep = { ...opts, protect: keepsData(args.tenant.plan, args.retire ?? false) };
  const volume = (suffix: string) =>
    new Volume(`${name}-${suffix}`, { name: `${name}-${suffix}`, labels }, keep).name;
  const dataNetwork = network("data", true);
  const webNetwork = network("web", false);
  const volumes = { database: volume("database-data"), files: volume("files"), logs: volume("logs") };
  const formerAdmin = randomPassword(`${name}-admin-password`, 24, keep);
  const passwords = {
    administrator: randomPassword(`${name}-administrator-password`, 40, keep),
    role: randomPassword(`${name}-role-password`, 40, keep),
    monitor: randomPassword(`${name}-monitor-password`, 40, keep),
    admin: formerAdmin.apply(adminPassword),
    formerAdmin,
  };
  const jobs = new RemoteImage(`${name}-jobs-image`, { name: target.images.jobs, keepLocally: true }, opts)
    .imageId;

  const { memoryGiB, storageGiB } = SIZE_TERMS[args.size].database;
  const handsOver = target.copies && identity(`${name}-copies-identity`, opts);
  const database = service(
    `${name}-database`,
    target,
    {
      image: target.images.postgres,
      user: POSTGRES,
      command: [...settings(args), ...(target.copies ? archiveSettings() : [])],
      environment: { ADMINISTRATOR },
      networks: [{ name: dataNetwork, aliases: [DATABASE_HOST] }],
      volumes: { "/var/lib/postgresql/data": volumes.database },
      scratch: { "/tmp": "size=256m", "/run/postgresql": `uid=${POSTGRES},gid=${POSTGRES},mode=0775` },
      files: {
        [FILES.administrator]: passwords.administrator,
        ...(handsOver && {
          // Days of a quiet server's log, hours of a busy one's; beyond that a gap in it is better than a full disk.
          ...databaseConfigurations(storageGiB / 2),
          [FILES.certificate]: handsOver.certificate,
          [FILES.privateKey]: handsOver.privateKey,
        }),
      },
      memory: memoryGiB * 1024,
      // Of the container's memory; sorts and joins that several workers share lie in it.
      shm: memoryGiB * 256,
      // A process for each of 200 connections, parallel workers, and the server's own.
      pids: 512,
      startSeconds: 900,
      // A checkpoint of what is in memory.
      stopSeconds: 120,
    },
    opts,
  );
  const prepared = runOnce(
    `${name}-prepared`,
    target,
    {
      title: `preparation of ${args.server}'s database`,
      job: job(`${name}-prepare`, { dataNetwork, jobs }, prepareCommand(DATABASE_HOST, true), 900, {
        [SECRETS.administrator]: passwords.administrator,
        [SECRETS.role]: passwords.role,
        [SECRETS.monitor]: passwords.monitor,
      }),
      // The volume, not the container: a new container finds all that was prepared.
      because: { database: DATABASE, role: ROLE, monitor: MONITOR, volume: volumes.database },
    },
    { ...opts, dependsOn: [database.started] },
  );
  const keeps = keepsData(args.tenant.plan, args.retire ?? false);
  return {
    ...{ dataNetwork, webNetwork, volumes, jobs, passwords, prepared, handsOver, keepsData: keeps },
    database: `${name}-database:5432`,
    application: `${name}-application`,
  };
}

/**
 * One certificate for both ends, which trust it and no other: they are in the server's own network alone. Its twenty
 * years are those of the database's own.
 */
function identity(name: string, opts: pulumi.CustomResourceOptions): Identity {
  const key = new PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const certificate = new SelfSignedCert(
    name,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      subject: { commonName: COPIES_HOST, organization: "DHIStance" },
      dnsNames: [COPIES_HOST],
      allowedUses: ["cert_signing", "digital_signature", "client_auth", "server_auth"],
      setSubjectKeyId: true,
      validityPeriodHours: 20 * 365 * 24,
    },
    opts,
  );
  return { certificate: certificate.certPem, privateKey: key.privateKeyPem };
}

/** A job beside the database, with nothing but its network. */
export function job(
  name: string,
  { dataNetwork, jobs }: Pick<DockerServer, "dataNetwork" | "jobs">,
  command: pulumi.Input<string[]>,
  patience: number,
  secrets: Record<string, pulumi.Output<string>>,
) {
  return pulumi
    .all([jobs, command, dataNetwork, pulumi.all(secrets)])
    .apply(([image, command, network, secrets]) => ({
      name,
      image,
      command,
      network,
      secrets,
      memory: 1024,
      patience,
    }));
}

/** Gives volumes to the user that the application runs as: new ones are root's, and another image has another user. */
export function handOver(
  name: string,
  target: DockerTarget,
  args: { volumes: pulumi.Output<string>[]; user: pulumi.Input<number>; jobs: pulumi.Output<string> },
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const volumes = pulumi.all(args.volumes);
  return runOnce(
    name,
    target,
    {
      title: "change of the files' owner",
      job: pulumi.all([args.jobs, volumes, args.user]).apply(([image, volumes, user]) => ({
        name,
        image,
        command: [
          "chown",
          "--recursive",
          `${user}:${user}`,
          ...volumes.map((_, index) => `/volumes/${index}`),
        ],
        network: "none",
        volumes: Object.fromEntries(volumes.map((volume, index) => [`/volumes/${index}`, volume])),
        // Only root gives away what is not its own, and for no more than that is it root here.
        user: "0:0",
        capabilities: ["CHOWN", "DAC_READ_SEARCH"],
        memory: 64,
        patience: 3600,
      })),
      because: { volumes: volumes.apply((names) => names.join(" ")), user: args.user },
    },
    opts,
  );
}

/** The server's settings on its command line; the units are PostgreSQL's own, as RDS's are. */
function settings({ size }: DataManagementServerArgs): string[] {
  return postgresParameters(size)
    .filter(({ name }) => !name.startsWith("rds."))
    .flatMap(({ name, value }) => ["-c", `${name}=${value}`]);
}
