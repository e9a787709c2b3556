import * as ecs from "@pulumi/aws/ecs";
import * as pulumi from "@pulumi/pulumi";
import type { AwsTarget } from "../contract/target";
import { serviceRole, useKey } from "./iam";

type Strings = Record<string, pulumi.Input<string>>;

/** A file store that outlives the tasks that mount it. */
export interface FileStore {
  fileSystemId: pulumi.Input<string>;
  accessPointId: pulumi.Input<string>;
}

export interface ContainerArgs {
  name: string;
  image: string;
  command?: pulumi.Input<string[]>;
  entryPoint?: string[];
  /** `uid:gid`. @default "65534:65534" */
  user?: string;
  /** Linux capabilities taken away. @default all of them */
  drop?: string[];
  environment?: Strings;
  /** Names of variables with where the task's execution role finds their values. */
  secrets?: Strings;
  /** Volumes by name, with the path each stands at. */
  volumes?: Record<string, string>;
  readOnlyVolumes?: string[];
  port?: number;
  /** Containers that have to have ended well first. */
  after?: string[];
  /** @default true: the task ends with it */
  essential?: boolean;
  /** Where its output goes; the stream is named after the container. */
  logGroup: pulumi.Input<string>;
  region: string;
}

/** A container as it stands in a task definition: no root, no capability, nothing to write to but its volumes. */
export function container(args: ContainerArgs) {
  const pairs = (values: Strings | undefined, key: "value" | "valueFrom") =>
    Object.entries(values ?? {}).map(([name, value]) => ({ name, [key]: value }));
  return {
    name: args.name,
    image: args.image,
    essential: args.essential ?? true,
    ...(args.entryPoint && { entryPoint: args.entryPoint }),
    ...(args.command && { command: args.command }),
    user: args.user ?? "65534:65534",
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: args.drop ?? ["ALL"] }, initProcessEnabled: true },
    environment: pairs(args.environment, "value"),
    secrets: pairs(args.secrets, "valueFrom"),
    mountPoints: Object.entries(args.volumes ?? {}).map(([sourceVolume, containerPath]) => ({
      sourceVolume,
      containerPath,
      readOnly: args.readOnlyVolumes?.includes(sourceVolume) ?? false,
    })),
    ...(args.port && { portMappings: [{ containerPort: args.port, protocol: "tcp" }] }),
    ...(args.after && {
      dependsOn: args.after.map((containerName) => ({ containerName, condition: "SUCCESS" })),
    }),
    // DHIS2 and the jobs end cleanly on SIGTERM; Fargate waits no longer than this.
    stopTimeout: 120,
    logConfiguration: {
      logDriver: "awslogs",
      options: {
        "awslogs-group": args.logGroup,
        "awslogs-region": args.region,
        "awslogs-stream-prefix": args.name,
      },
    },
  };
}

export type Container = ReturnType<typeof container>;

export interface TaskArgs {
  /** CPU units, 1024 to a core, and MiB: a pair that Fargate offers. */
  cpu: number;
  memory: number;
  /** GiB of scratch space, 21 to 200. @default Fargate's own 20 */
  scratch?: number;
  executionRoleArn: pulumi.Input<string>;
  /** What the containers themselves may do. @default nothing */
  taskRoleArn?: pulumi.Input<string>;
  containers: Container[];
  /** Empty at the start, gone with the task. @default none */
  volumes?: string[];
  /** The same on a disk of its own, which is given when the task is started (`TaskRun.disk`). */
  disk?: string;
  /** Volumes by name that outlive it. */
  files?: Record<string, FileStore>;
  tags: Record<string, string>;
}

/** A Fargate task definition. */
export function fargateTask(name: string, args: TaskArgs, opts: pulumi.CustomResourceOptions) {
  return new ecs.TaskDefinition(
    name,
    {
      family: name,
      requiresCompatibilities: ["FARGATE"],
      networkMode: "awsvpc",
      cpu: `${args.cpu}`,
      memory: `${args.memory}`,
      runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: "X86_64" },
      ...(args.scratch && { ephemeralStorage: { sizeInGib: args.scratch } }),
      executionRoleArn: args.executionRoleArn,
      ...(args.taskRoleArn && { taskRoleArn: args.taskRoleArn }),
      containerDefinitions: pulumi.jsonStringify(args.containers),
      volumes: [
        ...(args.volumes ?? []).map((volume) => ({ name: volume })),
        ...(args.disk ? [{ name: args.disk, configureAtLaunch: true }] : []),
        ...Object.entries(args.files ?? {}).map(([volume, { fileSystemId, accessPointId }]) => ({
          name: volume,
          efsVolumeConfiguration: {
            fileSystemId,
            transitEncryption: "ENABLED",
            authorizationConfig: { accessPointId, iam: "ENABLED" },
          },
        })),
      ],
      tags: args.tags,
    },
    opts,
  );
}

export interface ExecutionRoleArgs {
  /** ARNs of the log groups that tasks write to. */
  logGroups: pulumi.Input<string>[];
  /** ARNs of the secrets that tasks are given. */
  secrets: pulumi.Input<string>[];
  tags: Record<string, string>;
}

/** What Fargate itself needs to start tasks: images, logs, secrets. Nothing of it is in reach of a container. */
export function executionRole(
  name: string,
  { platform, keyArn, region }: AwsTarget,
  { logGroups, secrets, tags }: ExecutionRoleArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return serviceRole(
    name,
    {
      service: "ecs-tasks.amazonaws.com",
      accountId: platform.accountId,
      statements: [
        // AWS knows no narrower resource for this one; the token by itself opens no repository.
        { sid: "RegistryToken", actions: ["ecr:GetAuthorizationToken"], resources: ["*"] },
        {
          sid: "Images",
          actions: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          resources: [`arn:aws:ecr:${region}:${platform.accountId}:repository/dhistance/*`],
        },
        {
          sid: "Logs",
          actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
          resources: logGroups.map((arn) => pulumi.interpolate`${arn}:*`),
        },
        { sid: "Secrets", actions: ["secretsmanager:GetSecretValue"], resources: secrets },
        useKey(keyArn, "secretsmanager", region),
      ],
      tags,
    },
    opts,
  );
}
