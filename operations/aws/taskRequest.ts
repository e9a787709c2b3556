import type { RunTaskCommandInput } from "@aws-sdk/client-ecs";

/** A task of one container, and where it runs. */
export interface TaskRun {
  region: string;
  /** ARNs. */
  cluster: string;
  taskDefinition: string;
  /** The container whose end counts and whose output is shown. */
  container: string;
  /** What it runs. @default its definition's own command */
  command?: string[];
  /** What it finds in its environment besides; no secrets, for AWS shows it. @default nothing */
  environment?: Record<string, string>;
  subnets: string[];
  securityGroups: string[];
  assignPublicIp: boolean;
  logGroup: string;
  /** For the volume that its definition leaves to the start. @default none */
  disk?: TaskDisk;
  /** After so many seconds nobody waits for it any longer. */
  patience: number;
}

/** A disk that ECS makes for one task and deletes with it. */
export interface TaskDisk {
  sizeGiB: number;
  keyArn: string;
  /** The role in which ECS makes it. */
  roleArn: string;
}

/** The name of the volume that is a disk of the task's own. */
export const DISK = "scratch";
/** GiB that ECS gives a task at most in one volume. */
export const DISK_LIMIT_GIB = 16_384;

export type TaskRequest = RunTaskCommandInput;
type Where = Pick<
  TaskRun,
  "cluster" | "taskDefinition" | "subnets" | "securityGroups" | "assignPublicIp" | "disk"
>;

/** What ECS is asked for, by the scheduler as by a command: the task, its network and its disk. */
export function taskRequest(run: Where): TaskRequest {
  const { cluster, taskDefinition, subnets, securityGroups, assignPublicIp, disk } = run;
  return {
    cluster,
    taskDefinition,
    launchType: "FARGATE",
    propagateTags: "TASK_DEFINITION",
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets,
        securityGroups,
        assignPublicIp: assignPublicIp ? "ENABLED" : "DISABLED",
      },
    },
    ...(disk && {
      volumeConfigurations: [
        {
          name: DISK,
          managedEBSVolume: {
            volumeType: "gp3",
            sizeInGiB: disk.sizeGiB,
            encrypted: true,
            kmsKeyId: disk.keyArn,
            roleArn: disk.roleArn,
            terminationPolicy: { deleteOnTermination: true },
          },
        },
      ],
    }),
  };
}

/** The inverse of `taskRequest`. */
export function whereIn(request: TaskRequest): Where {
  const network = request.networkConfiguration?.awsvpcConfiguration;
  const volume = request.volumeConfigurations?.[0]?.managedEBSVolume;
  return {
    cluster: request.cluster ?? "",
    taskDefinition: request.taskDefinition ?? "",
    subnets: network?.subnets ?? [],
    securityGroups: network?.securityGroups ?? [],
    assignPublicIp: network?.assignPublicIp === "ENABLED",
    ...(volume && {
      disk: {
        sizeGiB: volume.sizeInGiB ?? 0,
        keyArn: volume.kmsKeyId ?? "",
        roleArn: volume.roleArn ?? "",
      },
    }),
  };
}

/** EventBridge Scheduler writes the names in a request to another service with a capital, and refuses any other. */
export function schedulerInput(request: TaskRequest): string {
  return JSON.stringify(renamed(request, (name) => name.charAt(0).toUpperCase() + name.slice(1)));
}

/** The inverse of `schedulerInput`. */
export function requestIn(input: string): TaskRequest {
  return renamed(JSON.parse(input), (name) => name.charAt(0).toLowerCase() + name.slice(1)) as TaskRequest;
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [rename(key), renamed(each, rename)]));
}
