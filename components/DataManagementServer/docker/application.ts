import { Volume } from "@pulumi/docker/volume";
import * as pulumi from "@pulumi/pulumi";
import { authority } from "../../docker/address";
import { duration, pulledImage, service } from "../../docker/container";
import { runOnce } from "../../docker/runOnce";
import { APPLICATION_PORT } from "../../contract/application";
import { DATABASE_HOST, type DockerTarget } from "../../contract/dockerTarget";
import {
  DATABASE,
  ROLE,
  secureAfterStartCommand,
  secureBeforeStartCommand,
  SECRETS,
  START,
  START_FOLDER,
} from "../../jobs";
import { importedAccounts } from "../adminPassword";
import { dhisConf } from "../dhisConf";
import { DHIS2_IMAGE } from "../image";
import { javaEnvironment } from "../java";
import { HOME, LOGGING, LOGGING_FILE, LOGS } from "../logging";
import { handOver } from "../../docker/handOver";
import type { Context } from "../../contract/context";
import type { RecordArgs } from "../../doOnce";
import { job } from "./data";
import { versionStarted, type Version } from "./version";
import type { DataManagementServerArgs, DockerData, DockerServer } from "../contract";
import { SIZE_TERMS } from "../../../plans/sizes";

/** The application on prepared, or imported, data, and the replacement of the default administrator's password. */
export function applicationOnDocker(
  context: Context<DataManagementServerArgs, DockerTarget>,
  data: DockerData,
  { encryptionPassword, accepted }: Version,
  imported: pulumi.Resource | undefined,
): DockerServer {
  const { name, args, target, opts } = context;
  const { server } = args;
  const { memoryGiB, cpus, startSeconds } = SIZE_TERMS[args.size].application;
  const reference = `${target.images.dhis2}:${args.dhis2}`;
  const image = pulledImage(data.application, reference, opts);
  const settings = image.imageId.apply(async (id) => {
    if (target.rehearsal) return DHIS2_IMAGE;
    const { readImage } = await import("../../../operations/docker/image");
    return readImage(target.host, id, reference);
  });
  const user = settings.apply(({ user }) => user);
  const conf = configuration(args, target, data, encryptionPassword);
  const handed = handOver(
    `${name}-files-handed-over`,
    target,
    { volumes: [data.volumes.files, data.volumes.logs], user, jobs: data.jobs },
    { ...opts, dependsOn: [accepted] },
  );
  // Whatever may have brought other accounts: an import, or the cluster of another version.
  const because = {
    ...importedAccounts(args),
    volume: data.volumes.database,
    dhis2: args.dhis2,
  };
  const ready = checkAccounts(context, data, {
    because,
    dependsOn: [accepted, ...(imported ? [imported] : [])],
  });
  const start = startProgram(`${name}-start`, target, data, opts);
  const application = service(
    data.application,
    target,
    {
      image,
      user,
      entrypoint: [...START, "run", DATABASE_HOST, "5432"],
      command: settings.apply(({ command }) => command),
      environment: {
        DHIS2_HOME: HOME,
        ...javaEnvironment(args.timeZone, `-XX:ActiveProcessorCount=${cpus}`),
        // Nothing reads it: other data start the application again, and with it their migration.
        ...(args.import && { DHISTANCE_DATA: args.import.sha256 }),
      },
      networks: [{ name: data.dataNetwork }, { name: data.webNetwork }],
      volumes: { [`${HOME}/files`]: data.volumes.files, [LOGS]: data.volumes.logs },
      reads: { [START_FOLDER]: start.volume },
      scratch: { "/tmp": "size=1g" },
      files: { [`${HOME}/dhis.conf`]: conf, [LOGGING_FILE]: LOGGING },
      memory: memoryGiB * 1024,
      pids: 2048,
      // The start gate is its start period: for so long a failing check says nothing, a passing one ends it.
      healthcheck: {
        tests: ["CMD", ...START, "healthy"],
        interval: "5s",
        timeout: "10s",
        retries: 6,
        startPeriod: duration(startSeconds),
      },
      startSeconds,
      stopSeconds: 60,
    },
    { ...opts, dependsOn: [handed, start.given, ready] },
  );
  versionStarted(context, data, application.started);
  const upstream = `${data.application}:${APPLICATION_PORT}`;
  const secured = runOnce(
    `${name}-secured`,
    target,
    {
      title: `replacement of ${server}'s default administrator password`,
      job: job(data, {
        name: `${name}-secure-admin`,
        command: secureAfterStartCommand(`http://${upstream}`, 600),
        patience: 1200,
        secrets: { [SECRETS.admin]: data.passwords.admin },
      }),
      because,
      // Where nothing else has changed, the check before has left it stopped.
      starts: data.application,
    },
    { ...opts, dependsOn: [application.started] },
  );
  return { ...data, upstream, user, configuration: conf, secured };
}

/** Before DHIS2 starts: no account that an import or another version brought has the default password. */
function checkAccounts(
  { name, args, target, opts: { parent } }: Context<DataManagementServerArgs, DockerTarget>,
  data: DockerData,
  { because, dependsOn }: { because: RecordArgs["because"]; dependsOn: pulumi.Resource[] },
): pulumi.Resource {
  const { role, admin, formerAdmin } = data.passwords;
  return runOnce(
    `${name}-accounts`,
    target,
    {
      title: `check of ${args.server}'s default administrator password`,
      job: job(data, {
        name: `${name}-accounts`,
        command: secureBeforeStartCommand(DATABASE_HOST),
        patience: 1200,
        secrets: {
          [SECRETS.role]: role,
          [SECRETS.admin]: admin,
          [SECRETS.formerAdmin]: formerAdmin,
        },
      }),
      because,
      stops: data.application,
    },
    { parent, dependsOn },
  );
}

/** A volume with the program that starts DHIS2, for a container of DHIS2's own image, where it needs no other tool. */
function startProgram(
  name: string,
  target: DockerTarget,
  { jobs }: DockerData,
  opts: pulumi.CustomResourceOptions,
): { volume: pulumi.Output<string>; given: pulumi.Resource } {
  const volume = new Volume(name, { name }, opts).name;
  // Renamed into place, for the program of a container that runs is not to be written to.
  const copy = `for each in busybox start; do cp ${START_FOLDER}/$each /start/.new; mv /start/.new /start/$each; done`;
  const given = runOnce(
    `${name}-given`,
    target,
    {
      title: "copy of the program that starts DHIS2",
      job: pulumi.all([jobs, volume]).apply(([image, volume]) => ({
        name: `${name}-given`,
        image,
        command: ["sh", "-euc", copy],
        network: "none",
        volumes: { "/start": volume },
        user: "0:0",
        memory: 64,
        patience: 300,
      })),
      because: { volume, jobs },
    },
    opts,
  );
  return { volume, given };
}

function configuration(
  { hostname, settings = {} }: DataManagementServerArgs,
  { published }: DockerTarget,
  data: DockerData,
  encryptionPassword: pulumi.Output<string>,
): pulumi.Output<string> {
  const values = pulumi.all([data.passwords.role, encryptionPassword, settings]);
  return values.apply(([password, encryption, settings]) =>
    dhisConf({
      hostname: authority(hostname, published.https),
      database: {
        host: DATABASE_HOST,
        name: DATABASE,
        user: ROLE,
        password,
        parameters: { sslmode: "require" },
      },
      encryptionPassword: encryption,
      settings,
    }),
  );
}
