import * as pulumi from "@pulumi/pulumi";
import { serviceRole } from "../../aws/iam";
import { secretValue } from "../../aws/secret";
import { container, type Container, type TaskArgs } from "../../aws/task";
import { APPLICATION_PORT } from "../../contract/application";
import { DATABASE, ROLE, START } from "../../jobs";
import { dhisConf } from "../dhisConf";
import { DHIS2_IMAGE } from "../image";
import { javaEnvironment } from "../java";
import { HOME, LOGGING } from "../logging";
import { SIZE_TERMS } from "../../../plans/sizes";
import type { ApplicationContext } from "./context";

/** A task in which DHIS2 runs. */
export interface Dhis2Task extends Omit<TaskArgs, "containers"> {
  /** @param after containers that have to have ended well first */
  containers: (after?: string[]) => Container[];
}

/** What DHIS2's image writes to besides its home (dhis2/docker-deployment, docker-compose.yml). */
const WRITABLE = {
  tmp: "/tmp",
  "tomcat-logs": "/usr/local/tomcat/logs",
  "tomcat-temp": "/usr/local/tomcat/temp",
  "tomcat-work": "/usr/local/tomcat/work",
};
const VOLUMES = { home: HOME, ...WRITABLE };

/** DHIS2 with what configures it and what watches its start. */
export function dhis2Task(context: ApplicationContext, encryptionPassword: pulumi.Output<string>): Dhis2Task {
  const { args, data, tags } = context;
  const size = SIZE_TERMS[args.size].application;
  const configuration = configurationValue(context, encryptionPassword);
  return {
    cpu: size.cpus * 1024,
    memory: size.memoryGiB * 1024,
    scratch: size.scratchGiB,
    executionRoleArn: data.executionRoleArn,
    taskRoleArn: taskRole(context),
    volumes: Object.keys(VOLUMES),
    files: { files: data.files },
    tags,
    containers: (after = []) => [
      configureContainer(context, configuration),
      dhis2Container(context, after),
      // DHIS2 that has failed to start does not end. This container does, and the task with it.
      container({
        name: "watch-start",
        image: context.target.platform.images.jobs,
        entryPoint: START,
        command: ["watch"],
        after: ["configure", ...after],
        logGroup: data.logs.name,
        region: context.target.region,
      }),
    ],
  };
}

function taskRole({ name, target, opts, data, tags }: ApplicationContext): pulumi.Output<string> {
  return serviceRole(
    `${name}-application`,
    {
      service: "ecs-tasks.amazonaws.com",
      accountId: target.platform.accountId,
      statements: [
        {
          sid: "Files",
          actions: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
          resources: [data.fileSystem.arn],
          conditions: { StringEquals: { "elasticfilesystem:AccessPointArn": data.files.accessPointArn } },
        },
      ],
      tags,
    },
    opts,
  );
}

/** `dhis.conf`, in the secret that is kept for it. */
function configurationValue(
  { name, args, opts, data, redis }: ApplicationContext,
  encryptionPassword: pulumi.Output<string>,
): pulumi.Output<string> {
  const text = pulumi
    .all([
      data.database.address,
      data.rolePassword,
      encryptionPassword,
      pulumi.output(redis),
      args.settings ?? {},
    ])
    .apply(([host, password, encryption, redis, settings]) =>
      dhisConf({
        hostname: args.hostname,
        database: { host, name: DATABASE, user: ROLE, password, parameters: { sslmode: "require" } },
        encryptionPassword: encryption,
        settings,
        ...(redis && { redis }),
      }),
    );
  const outlives = { ...opts, retainOnDelete: true };
  return secretValue(`${name}-configuration-value`, data.configuration, text, outlives).whole;
}

function dhis2Container({ args, target, data }: ApplicationContext, after: string[]): Container {
  const { user } = DHIS2_IMAGE;
  return container({
    name: "dhis2",
    image: `dhis2/core:${args.dhis2}`,
    after: ["configure", ...after],
    user: `${user}:${user}`,
    environment: {
      DHIS2_HOME: HOME,
      ...javaEnvironment(args.timeZone),
      // Nothing reads it: other data start the application again, and with it their migration.
      ...(args.import && { DHISTANCE_DATA: args.import.sha256 }),
    },
    volumes: { ...VOLUMES, files: `${HOME}/files` },
    port: APPLICATION_PORT,
    logGroup: data.logs.name,
    region: target.region,
  });
}

/**
 * The application reads its passwords from a file that only it can read; its environment holds none, so no child process,
 * crash report or monitoring page shows them.
 */
function configureContainer(
  { target, data }: ApplicationContext,
  configuration: pulumi.Output<string>,
): Container {
  const volumes = Object.keys(VOLUMES);
  return container({
    name: "configure",
    image: target.platform.images.jobs,
    essential: false,
    entryPoint: ["/bin/sh", "-euc"],
    command: [configureScript(DHIS2_IMAGE.user, volumes)],
    // Fargate's empty volumes belong to root; giving them away needs root with this one capability.
    user: "0:0",
    drop: ALL_BUT_CHOWN,
    environment: { DATABASE_HOST: data.database.address, LOGGING },
    secrets: { DHIS_CONF: configuration },
    volumes: Object.fromEntries(volumes.map((volume) => [volume, `/volumes/${volume}`])),
    logGroup: data.logs.name,
    region: target.region,
  });
}

/** Docker's default capabilities without CHOWN. */
const ALL_BUT_CHOWN = [
  "AUDIT_WRITE",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
];

/**
 * Writes `dhis.conf` and the settings of logging, hands the volumes to the image's user, and waits for the database: DHIS2
 * that finds none fails to start. ECS lets it wait for three minutes at most; then it starts another task.
 */
function configureScript(user: number, volumes: string[]): string {
  return [
    "umask 077",
    'printf %s "$DHIS_CONF" > /volumes/home/dhis.conf',
    'printf %s "$LOGGING" > /volumes/home/log4j2.xml',
    "mkdir -p /volumes/home/files",
    "chmod 400 /volumes/home/dhis.conf /volumes/home/log4j2.xml",
    `chown ${user}:${user} /volumes/home/dhis.conf /volumes/home/log4j2.xml /volumes/home/files ${volumes.map((volume) => `/volumes/${volume}`).join(" ")}`,
    `timeout 100 sh -c 'until pg_isready --quiet --host="$DATABASE_HOST"; do sleep 1; done' || {`,
    '  echo "The database $DATABASE_HOST does not answer. This task ends, and ECS starts another."',
    "  exit 1",
    "}",
  ].join("\n");
}
