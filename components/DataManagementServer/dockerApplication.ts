import * as pulumi from "@pulumi/pulumi";
import { duration, service } from "../docker/container";
import { runOnce } from "../docker/run";
import { APPLICATION_PORT as PORT, DATABASE_HOST, type DockerTarget } from "../docker/target";
import { DATABASE, ROLE, secureAfterStartCommand, secureBeforeStartCommand, SECRETS } from "../jobs";
import { importedAccounts } from "./adminPassword";
import { dhisConf } from "./dhisConf";
import { handOver, job, type DataSide, type DockerServer } from "./docker";
import { versionStarted, type Version } from "./dockerVersion";
import { IMAGE_USER } from "./image";
import type { DataManagementServerArgs } from "./index";
import { HOME, LOGGING, LOGGING_FILE, LOGGING_OPTION } from "./logging";
import { SIZE_TERMS } from "./sizes";

/** The application on prepared, or imported, data, and the replacement of the default administrator's password. */
export function applicationOnDocker(
  parent: pulumi.Resource,
  name: string,
  args: DataManagementServerArgs,
  target: DockerTarget,
  data: DataSide,
  { encryptionPassword, accepted }: Version,
  imported: pulumi.Resource | undefined,
): DockerServer {
  const { server } = args;
  const opts = { parent };
  const { memoryGiB, cpus, startSeconds } = SIZE_TERMS[args.size].application;
  const user = IMAGE_USER;
  const conf = configuration(args, data, encryptionPassword);
  const handed = handOver(
    `${name}-files-handed-over`,
    target,
    { volume: data.volumes.files, user, jobs: data.jobs },
    { ...opts, dependsOn: [accepted] },
  );
  // Whatever may have brought other accounts: an import, or the cluster of another version.
  const because = {
    ...importedAccounts(args),
    volume: data.volumes.database,
    dhis2: args.dhis2,
  };
  const { role, admin, formerAdmin } = data.passwords;
  const ready = runOnce(
    `${name}-accounts`,
    target,
    {
      title: `check of ${server}'s default administrator password`,
      job: job(`${name}-accounts`, data, secureBeforeStartCommand(DATABASE_HOST), 1200, {
        [SECRETS.role]: role,
        [SECRETS.admin]: admin,
        [SECRETS.formerAdmin]: formerAdmin,
      }),
      because,
      stops: data.application,
    },
    { ...opts, dependsOn: [accepted, ...(imported ? [imported] : [])] },
  );
  const application = service(
    data.application,
    target,
    {
      image: `${target.images.dhis2}:${args.dhis2}`,
      user,
      environment: {
        DHIS2_HOME: HOME,
        // Read by Tomcat in a container and by the embedded one alike. The rest is for threads and buffers.
        JAVA_TOOL_OPTIONS: `-XX:MaxRAMPercentage=75 -XX:ActiveProcessorCount=${cpus} -XX:+ExitOnOutOfMemoryError ${LOGGING_OPTION}`,
        // Nothing reads it: other data start the application anew, and with it their migration.
        ...(args.import && { DHISTANCE_DATA: args.import.sha256 }),
      },
      networks: [{ name: data.dataNetwork }, { name: data.webNetwork }],
      volumes: { [`${HOME}/files`]: data.volumes.files },
      scratch: { "/tmp": "size=1g" },
      files: { [`${HOME}/dhis.conf`]: conf, [LOGGING_FILE]: LOGGING },
      memory: memoryGiB * 1024,
      pids: 2048,
      // The start gate is its start period: for so long a failing check says nothing, a passing one ends it.
      healthcheck: {
        tests: ["CMD", "curl", "-fsS", "-o", "/dev/null", `http://127.0.0.1:${PORT}/api/ping`],
        interval: "5s",
        timeout: "10s",
        retries: 6,
        startPeriod: duration(startSeconds),
      },
      startSeconds,
      stopSeconds: 60,
    },
    { ...opts, dependsOn: [handed, ready] },
  );
  versionStarted(parent, name, args, target, data, application.started);
  const upstream = `${data.application}:${PORT}`;
  const secured = runOnce(
    `${name}-secured`,
    target,
    {
      title: `replacement of ${server}'s default administrator password`,
      job: job(
        `${name}-secure-admin`,
        data,
        pulumi.output(secureAfterStartCommand(`http://${upstream}`, 600)),
        1200,
        { [SECRETS.admin]: admin },
      ),
      because,
      // Where nothing else has changed, the check before has left it stopped.
      starts: data.application,
    },
    { ...opts, dependsOn: [application.started] },
  );
  return { ...data, upstream, user, configuration: conf, secured };
}

function configuration(
  { hostname }: DataManagementServerArgs,
  data: DataSide,
  encryptionPassword: pulumi.Output<string>,
): pulumi.Output<string> {
  return pulumi.all([data.passwords.role, encryptionPassword]).apply(([password, encryption]) =>
    dhisConf({
      hostname,
      database: {
        host: DATABASE_HOST,
        name: DATABASE,
        user: ROLE,
        password,
        parameters: { sslmode: "require" },
      },
      encryptionPassword: encryption,
    }),
  );
}
