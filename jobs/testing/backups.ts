/** A world to make backups in: a database server, an S3 server, keys, and the command as the image runs it. */
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { bundle } from "../bundle";
import { createDhis2Like, type Dhis2Size } from "./dhis2";
import { contents } from "./everyKindOfObject";
import { createApplicationRole, workDirectory } from "./importing";
import { startPostgres, type TestPostgres } from "./postgres";
import { startS3, type TestS3 } from "./s3";
import { useRestic } from "./tools";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface BackupWorld {
  postgres: TestPostgres;
  s3: TestS3;
  path: (name: string) => string;
  /** Runs the command to its end. */
  backup(...parameters: string[]): Promise<Ended>;
  /** The same, without root's right to read every file. */
  backupWithoutRights(...parameters: string[]): Promise<Ended>;
  /** Starts it. */
  start(...parameters: string[]): ChildProcess;
  /** Parameters of an export of the database `hmis` to a location. */
  exportTo(location: string): string[];
  /** Parameters that name a location and the keys to it. */
  inLocation(location: string): string[];
  /** Parameters of the administrator's access to the database server. */
  server(): string[];
  /** Restic itself on a repository. */
  restic(repository: string, ...parameters: string[]): string;
  /** The same, seen from a directory. */
  resticIn(directory: string, repository: string, ...parameters: string[]): string;
  stop(): Promise<void>;
}

/** The database `hmis` with so many rows, a file store of 41 files, `dhis.conf`, an S3 bucket `copies` that is locked. */
export async function startBackupWorld(
  size: Dhis2Size = { dataValues: 2000, events: 200 },
): Promise<BackupWorld> {
  await useRestic();
  const work = await workDirectory();
  const { path } = work;
  // As root the drill's server runs as another account, which has to get through.
  await chmod(path("."), 0o755);
  const [postgres, s3] = await Promise.all([startPostgres(), startS3(), bundle(path("."))]);
  await s3.createLockedBucket("copies");
  await createApplicationRole(postgres);
  await createDhis2Like(postgres, "hmis", size);
  const { privateKey } = generateKeyPairSync("ed25519");
  const secrets = {
    "signing.pem": privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    "signing.pub": createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString(),
    "database-password": postgres.password,
    "cloud-password": "cloud secret",
    "local-password": "local secret",
    "encryption-password": "encryption secret",
    "dhis.conf": "connection.username = dhis\nencryption.password = encryption secret\n",
  };
  for (const [name, content] of Object.entries(secrets))
    await writeFile(path(name), content, { mode: 0o600 });
  for (let i = 0; i < 40; i++) {
    await mkdir(path(`files/dataValue/${i % 5}`), { recursive: true });
    await writeFile(path(`files/dataValue/${i % 5}/${i}`), `blob ${i} `.repeat(500));
  }
  await writeFile(path("files/one"), "a file");
  await mkdir(path("scratch"));

  const command = (parameters: string[]): [string, string[]] => [
    process.execPath,
    [path("backup.cjs"), ...parameters],
  ];
  const environment = () => ({
    ...{ PATH: process.env["PATH"], NO_COLOR: "1", AWS_REGION: "us-east-1" },
    AWS_SHARED_CREDENTIALS_FILE: s3.credentialsFile,
    AWS_ENDPOINT_URL_CLOUDWATCH: process.env["AWS_ENDPOINT_URL_CLOUDWATCH"],
  });
  const run = (program: string, parameters: string[]) =>
    new Promise<Ended>((resolve) => {
      const child = execFile(
        program,
        parameters,
        { env: environment(), maxBuffer: 1 << 26 },
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  const scratch = ["--scratch", path("scratch")];
  const server = () => [
    ...["--server", `postgres://postgres@127.0.0.1:${postgres.port}/postgres`],
    ...["--password-file", path("database-password")],
  ];
  const passwordOf = (location: string) =>
    path(location.startsWith("s3:") ? "cloud-password" : "local-password");
  const resticIn: BackupWorld["resticIn"] = (cwd, repository, ...parameters) => {
    const common = ["--repo", repository, "--password-file", passwordOf(repository), "--no-cache", "--json"];
    const env = environment() as NodeJS.ProcessEnv;
    const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
    return execFileSync("restic", [...common, ...parameters], { cwd, env, encoding: "utf8", stdio });
  };
  return {
    ...{ postgres, s3, path, server },
    backup: (...parameters) => run(...command(parameters)),
    backupWithoutRights: (...parameters) => {
      const [program, all] = command(parameters);
      const drop = ["--bounding-set=-dac_override,-dac_read_search", "--", program, ...all];
      return process.getuid?.() === 0 ? run("setpriv", drop) : run(program, all);
    },
    start: (...parameters) => {
      const options = { env: environment(), stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
      const child = spawn(...command(parameters), options);
      child.stdout.resume();
      child.stderr.resume();
      return child;
    },
    exportTo: (location) => [
      ...[
        "export",
        ...server(),
        "--database",
        "hmis",
        "--name",
        "hmis",
        "--repository",
        location,
        ...scratch,
      ],
      ...["--repository-password-file", passwordOf(location), "--signing-key-file", path("signing.pem")],
      ...["--files", path("files"), "--settings", path("dhis.conf")],
      ...["--encryption-password-file", path("encryption-password")],
    ],
    inLocation: (location) => [
      ...[
        "--location",
        location,
        "--repository-password-file",
        passwordOf(location),
        "--public-key",
        path("signing.pub"),
      ],
      ...scratch,
    ],
    resticIn,
    restic: (...parameters) => resticIn(path("."), ...parameters),
    stop: async () => {
      await Promise.all([postgres.stop(), s3.stop()]);
      await work.remove();
    },
  };
}

/** What a backup of a database has: all but the tables that DHIS2 generates. Nobody may be connected to it. */
export async function backedUpContents(
  postgres: TestPostgres,
  database: string,
): Promise<Record<string, string>> {
  await postgres.query(`CREATE DATABASE expected TEMPLATE ${database}`);
  await postgres.query("DROP TABLE analytics_2025, analytics_rs_orgunitstructure", undefined, "expected");
  const expected = await contents(postgres, "expected");
  await postgres.query("DROP DATABASE expected");
  return expected;
}

/** When it has ended, its exit code; null when a signal ended it. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("close", resolve));
}

/** What a run with `--json` said: the last event of a kind. */
export function lastEvent<T>(stdout: string, event: string): T | undefined {
  const lines = stdout
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("{"));
  const events = lines.map((line) => JSON.parse(line) as { event: string });
  return events.filter((each) => each.event === event).at(-1) as T | undefined;
}
