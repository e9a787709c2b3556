import { Network } from "@pulumi/docker/network";
import { RemoteImage } from "@pulumi/docker/remoteImage";
import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { PrivateKey } from "@pulumi/tls/privateKey";
import { SelfSignedCert } from "@pulumi/tls/selfSignedCert";
import { archiveSettings, BACKUPS_HOST, databaseConfigurations, FILES } from "../../docker/pgbackrest";
import type { Context } from "../../contract/context";
import { service } from "../../docker/container";
import { runOnce } from "../../docker/runOnce";
import { DATABASE_HOST, POSTGRES, type DockerTarget } from "../../contract/dockerTarget";
import { ADMINISTRATOR, DATABASE, MONITOR, prepareCommand, ROLE, SECRETS } from "../../jobs";
import { adminPassword } from "../adminPassword";
import { keepsData } from "../../../plans/plans";
import { randomPassword } from "../../password";
import type { DataManagementServerArgs, DockerData } from "../contract";
import { postgresParameters } from "../sizes";
import { SIZE_TERMS } from "../../../plans/sizes";

/** What the network of one server calls it, for people: `docker network ls` shows it. */
const LABEL = "dhistance.server";

/** Networks, volumes, secrets, database, and the preparation of the database. */
export function dataOnDocker({
  name,
  args,
  target,
  opts,
}: Context<DataManagementServerArgs, DockerTarget>): DockerData {
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
  const archiveIdentity = target.backups && identity(`${name}-copies-identity`, opts);
  const database = service(
    `${name}-database`,
    target,
    {
      image: target.images.postgres,
      user: POSTGRES,
      command: [...settings(args), ...(target.backups ? archiveSettings() : [])],
      environment: { ADMINISTRATOR },
      networks: [{ name: dataNetwork, aliases: [DATABASE_HOST] }],
      volumes: { "/var/lib/postgresql/data": volumes.database },
      scratch: { "/tmp": "size=256m", "/run/postgresql": `uid=${POSTGRES},gid=${POSTGRES},mode=0775` },
      files: {
        [FILES.administrator]: passwords.administrator,
        ...(archiveIdentity && {
          // Days of a quiet server's log, hours of a busy one's; beyond that a gap in it is better than a full disk.
          ...databaseConfigurations(storageGiB / 2),
          [FILES.certificate]: archiveIdentity.certificate,
          [FILES.privateKey]: archiveIdentity.privateKey,
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
      job: job(
        { dataNetwork, jobs },
        {
          name: `${name}-prepare`,
          command: prepareCommand(DATABASE_HOST, true),
          patience: 900,
          secrets: {
            [SECRETS.administrator]: passwords.administrator,
            [SECRETS.role]: passwords.role,
            [SECRETS.monitor]: passwords.monitor,
          },
        },
      ),
      // The volume, not the container: a new container finds all that was prepared.
      because: { database: DATABASE, role: ROLE, monitor: MONITOR, volume: volumes.database },
    },
    { ...opts, dependsOn: [database.started] },
  );
  const keeps = keepsData(args.tenant.plan, args.retire ?? false);
  return {
    dataNetwork,
    webNetwork,
    volumes,
    jobs,
    passwords,
    prepared,
    archiveIdentity,
    keepsData: keeps,
    database: `${name}-database:5432`,
    application: `${name}-application`,
  };
}

/**
 * One certificate for both ends, which trust it and no other: they are in the server's own network alone. Its twenty
 * years are those of the database's own.
 */
function identity(
  name: string,
  opts: pulumi.CustomResourceOptions,
): NonNullable<DockerData["archiveIdentity"]> {
  const key = new PrivateKey(`${name}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const certificate = new SelfSignedCert(
    name,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      subject: { commonName: BACKUPS_HOST, organization: "DHIStance" },
      dnsNames: [BACKUPS_HOST],
      allowedUses: ["cert_signing", "digital_signature", "client_auth", "server_auth"],
      setSubjectKeyId: true,
      validityPeriodHours: 20 * 365 * 24,
    },
    opts,
  );
  return { certificate: certificate.certPem, privateKey: key.privateKeyPem };
}

interface DatabaseJob {
  name: string;
  command: pulumi.Input<string[]>;
  /** Seconds. */
  patience: number;
  secrets: Record<string, pulumi.Output<string>>;
}

/** A job beside the database, with nothing but its network. */
export function job(
  { dataNetwork, jobs }: Pick<DockerData, "dataNetwork" | "jobs">,
  { name, command, patience, secrets }: DatabaseJob,
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

/** The server's settings on its command line; the units are PostgreSQL's own, as RDS's are. */
function settings({ size }: DataManagementServerArgs): string[] {
  return postgresParameters(size)
    .filter(({ name }) => !name.startsWith("rds."))
    .flatMap(({ name, value }) => ["-c", `${name}=${value}`]);
}
