import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import {
  archiveSettings,
  BACKUPS_HOST,
  backupsConfiguration,
  databaseConfigurations,
  DISK_PATH,
  FILES,
} from "../../components/docker/pgbackrest";
import { waitUntilHealthy } from "../../operations/docker/health";
import { DEFAULT_IMAGES, POSTGRES } from "../../components/contract/dockerTarget";
import { ADMINISTRATOR } from "../../components/jobs";
import { buildOwnImages } from "../../images/build";
import { certify } from "./certificate";
import { ensureBase, type Engine } from "./engine";
import { inside, type Ended } from "./runInContainer";
import { startContainersS3, type ContainersS3 } from "./s3";

/** A database and its backups as a tenant has them, without the rest of a tenant: two containers and an S3 server. */
export interface DatabaseWithBackups {
  database: Docker.Container;
  copies: Docker.Container;
  s3: ContainersS3;
  /** In the container of copies. */
  run(...command: string[]): Promise<Ended>;
  /** @throws Error with its output, if it does not end with 0 */
  succeed(...command: string[]): Promise<string>;
  /** In the database `postgres`. */
  sql(text: string): Promise<string>;
  stop(): Promise<void>;
}

/** Lays files into a container, readable for its user. */
export async function give(container: Docker.Container, files: Record<string, string>): Promise<void> {
  const archive = pack();
  for (const [name, content] of Object.entries(files))
    archive.entry({ name: name.slice(1), mode: 0o444 }, content);
  archive.finalize();
  await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: "/" });
}

const VOLUMES = ["data", "disk"];

/**
 * Returns when both repositories have their first full backup; no other is made by itself.
 * @param size of the disks of the database and of the backups, which are then in memory, such as `1g`
 */
export async function startDatabaseWithBackups(
  engine: Engine,
  name: string,
  size?: string,
): Promise<DatabaseWithBackups> {
  const { docker, host } = engine;
  await ensureBase(docker);
  await buildOwnImages(docker, { network: "host", images: [DEFAULT_IMAGES.postgres] });
  await remove(docker, name);
  if (size)
    for (const volume of VOLUMES) {
      const o = `size=${size},uid=${POSTGRES},mode=0700`;
      const DriverOpts = { type: "tmpfs", device: "tmpfs", o };
      await docker.createVolume({ Name: `${name}-${volume}`, DriverOpts });
    }
  const s3 = await startContainersS3(engine);
  await docker.createNetwork({ Name: name });
  const { certificate, privateKey } = identity();
  const key = { [FILES.certificate]: certificate, [FILES.privateKey]: privateKey };
  const administrator = { [FILES.administrator]: "of a test" };
  const start = async (
    part: string,
    Cmd: string[],
    Env: string[],
    volumes: Record<string, string>,
    files: Record<string, string>,
  ) => {
    const container = await docker.createContainer({
      ...{ name: `${name}-${part}`, Image: DEFAULT_IMAGES.postgres, Cmd, Env },
      User: `${POSTGRES}:${POSTGRES}`,
      HostConfig: {
        NetworkMode: name,
        Binds: Object.entries(volumes).map(([at, volume]) => `${name}-${volume}:${at}`),
        Tmpfs: { "/tmp": "size=256m", "/run/postgresql": `uid=${POSTGRES},gid=${POSTGRES},mode=0775` },
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
      },
      NetworkingConfig: { EndpointsConfig: { [name]: { Aliases: [part] } } },
    });
    await give(container, files);
    await container.start();
    return container;
  };
  const { hostname, port } = new URL(s3.endpoint);
  const { accessKeyId, secretAccessKey, bucket } = s3;
  const database = await start(
    "database",
    archiveSettings(),
    [`ADMINISTRATOR=${ADMINISTRATOR}`],
    { "/var/lib/postgresql/data": "data" },
    { ...key, ...administrator, ...databaseConfigurations(10) },
  );
  await waitUntilHealthy(host, `${name}-database`, 60, () => Promise.resolve(), docker);
  const copies = await start(
    BACKUPS_HOST,
    ["pitr", "schedule", "disk=9999,9999,9999", "cloud=9999,9999,9999"],
    [
      ...["PGHOST=database", `PGUSER=${ADMINISTRATOR}`, "PGDATABASE=postgres", "PGSSLMODE=require"],
      "PGPASSFILE=/tmp/pgpass",
    ],
    { "/var/lib/postgresql/data": "data", [DISK_PATH]: "disk" },
    {
      ...{ ...key, ...administrator, [FILES.authority]: readFileSync(s3.authority, "utf8") },
      [FILES.configuration]: backupsConfiguration(
        { days: 7, passphrase: "of the disk" },
        {
          ...{ host: hostname, port: Number(port), region: "us-east-1", bucket },
          ...{ accessKeyId, secretAccessKey, ownAuthority: true, days: 7, passphrase: "of the cloud" },
        },
        "pair",
        ADMINISTRATOR,
        // With less patience with log that does not arrive.
      ).replace(/(?<=archive-timeout=).*/, "10"),
    },
  );
  const run = (...command: string[]) => inside(copies, command);
  const succeed = async (...command: string[]) => {
    const { code, output } = await run(...command);
    if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${output}`);
    return output;
  };
  const pair: DatabaseWithBackups = {
    ...{ database, copies, s3, run, succeed },
    sql: async (text) => (await succeed("psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text)).trim(),
    stop: async () => {
      await remove(docker, name);
      await s3.stop();
    },
  };
  for (let tries = 0; (await run("test", "-e", "/tmp/round")).code !== 0; tries++) {
    if (tries > 240)
      throw new Error(
        `no first backups in two minutes:\n${String(await copies.logs({ stdout: true, stderr: true }))}`,
      );
    await sleep(500);
  }
  await succeed("pitr", "healthy");
  return pair;
}

/** For both ends of the way that the log takes. */
function identity(): { certificate: string; privateKey: string } {
  const folder = mkdtempSync(path.join(tmpdir(), "pair-"));
  const [certificate, privateKey] = [path.join(folder, "certificate.pem"), path.join(folder, "key.pem")];
  try {
    certify(BACKUPS_HOST, { certificate, privateKey });
    return { certificate: readFileSync(certificate, "utf8"), privateKey: readFileSync(privateKey, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Containers and volumes, and the network of an interrupted run. */
async function remove(docker: Docker, name: string): Promise<void> {
  for (const part of ["database", BACKUPS_HOST])
    await docker
      .getContainer(`${name}-${part}`)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  for (const volume of VOLUMES)
    await docker
      .getVolume(`${name}-${volume}`)
      .remove()
      .catch(() => undefined);
  await docker
    .getNetwork(name)
    .remove()
    .catch(() => undefined);
}
