import { all, json, pattern, rule } from "../checks";
import type { ResourceType } from "../resource";
import { isObject, UNKNOWN } from "../values";
import { ACCOUNT, arn, input, output, regionOf } from "./names";

const ecsName = (path: string) => pattern(path, /^[\w-]{1,255}$/, "1 to 255 of A-Z a-z 0-9 _ -");

/** Vcpu units that Fargate offers, each with the least and the most memory in MiB. */
const FARGATE: Record<string, [number, number]> = {
  256: [512, 2048],
  512: [1024, 4096],
  1024: [2048, 8192],
  2048: [4096, 16_384],
  4096: [8192, 30_720],
  8192: [16_384, 61_440],
  16384: [32_768, 122_880],
};

/** What runs: clusters, services and tasks, schedules, images. */
export const compute: Record<string, ResourceType> = {
  "aws:ecs/cluster:Cluster": {
    replaceOn: ["name"],
    sets: ["settings"],
    autoName: { property: "name" },
    check: all(ecsName("name")),
    id: output("arn"),
    computed: {
      arn: arn("ecs", (r) => `cluster/${r.text("name")}`),
      settings: [{ name: "containerInsights", value: "disabled" }],
    },
  },
  "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
    untagged: true,
    required: ["clusterName"],
    replaceOn: ["clusterName"],
    sets: ["capacityProviders", "defaultCapacityProviderStrategies"],
    id: input("clusterName"),
  },
  "aws:ecs/taskDefinition:TaskDefinition": {
    required: ["containerDefinitions", "family"],
    replaceOn: [
      ...[
        "containerDefinitions",
        "cpu",
        "enableFaultInjection",
        "ephemeralStorage",
        "executionRoleArn",
        "family",
      ],
      ...["ipcMode", "memory", "networkMode", "pidMode", "placementConstraints", "proxyConfiguration"],
      ...["requiresCompatibilities", "runtimePlatform", "taskRoleArn", "volumes"],
    ],
    sets: ["placementConstraints", "requiresCompatibilities", "volumes"],
    json: ["containerDefinitions"],
    defaults: { skipDestroy: false, trackLatest: false },
    check: all(
      ecsName("family"),
      json("containerDefinitions"),
      containers,

      fargateSize,
    ),
    id: input("family"),
    computed: {
      arn: arn("ecs", (r) => `task-definition/${r.text("family")}:${output("revision")(r)}`),
      arnWithoutRevision: arn("ecs", (r) => `task-definition/${r.text("family")}`),
      enableFaultInjection: false,
      networkMode: "bridge",
      // A real account counts per family; between runs there is only the clock to go by.
      revision: () => Math.floor(Date.now() / 1000) - 1_700_000_000,
    },
  },
  "aws:ecs/service:Service": {
    replaceOn: [
      ...["cluster", "deploymentController.type", "iamRole", "launchType", "name", "schedulingStrategy"],
      "capacityProviderStrategies",
    ],
    sets: [
      ...[
        "alarms.alarmNames",
        "capacityProviderStrategies",
        "loadBalancers",
        "networkConfiguration.securityGroups",
      ],
      ...["networkConfiguration.subnets", "placementConstraints", "vpcLatticeConfigurations"],
    ],
    autoName: { property: "name" },
    defaults: {
      availabilityZoneRebalancing: "DISABLED",
      deploymentMaximumPercent: 200,
      deploymentMinimumHealthyPercent: 100,
      enableEcsManagedTags: false,
      enableExecuteCommand: false,
      schedulingStrategy: "REPLICA",
      waitForSteadyState: false,
    },
    check: all(
      ecsName("name"),

      (inputs) =>
        inputs["launchType"] === "FARGATE" && inputs["networkConfiguration"] === undefined
          ? { property: "networkConfiguration", reason: '"networkConfiguration" is required on FARGATE' }
          : undefined,
    ),
    id: output("arn"),
    computed: {
      arn: arn(
        "ecs",
        (r) => `service/${r.text("cluster").replace(/^.*\//, "") || "default"}/${r.text("name")}`,
      ),
      cluster: "default",
      iamRole: (r) =>
        `arn:aws:iam::${ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/${r.text("name")}`,
      launchType: "EC2",
      platformVersion: "LATEST",
      triggers: {},
    },
  },
  "aws:scheduler/schedule:Schedule": {
    untagged: true,
    required: ["flexibleTimeWindow", "scheduleExpression", "target"],
    replaceOn: ["groupName", "name", "namePrefix"],
    autoName: { property: "name" },
    json: ["target.input"],
    sets: [
      "target.ecsParameters.networkConfiguration.securityGroups",
      "target.ecsParameters.networkConfiguration.subnets",
    ],
    defaults: { scheduleExpressionTimezone: "UTC", state: "ENABLED" },
    check: all(
      pattern("name", /^[\w.-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -"),
      pattern("scheduleExpression", /^(at|cron|rate)\(.+\)$/, "at(…), cron(…) or rate(…)"),
      startsATask,
    ),
    id: (r) => `${output("groupName")(r)}/${r.text("name")}`,
    computed: {
      arn: arn("scheduler", (r) => `schedule/${output("groupName")(r)}/${r.text("name")}`),
      groupName: "default",
      namePrefix: "",
    },
  },
  "aws:scheduler/scheduleGroup:ScheduleGroup": {
    replaceOn: ["name", "namePrefix"],
    autoName: { property: "name" },
    check: all(pattern("name", /^[\w.-]{1,64}$/, "1 to 64 of A-Z a-z 0-9 _ . -")),
    id: input("name"),
    computed: {
      arn: arn("scheduler", (r) => `schedule-group/${r.text("name")}`),
      creationDate: () => new Date().toISOString(),
      lastModificationDate: () => new Date().toISOString(),
      namePrefix: "",
      state: "ACTIVE",
    },
  },
  "aws:ecr/repository:Repository": {
    replaceOn: ["encryptionConfigurations", "name"],
    autoName: { property: "name" },
    defaults: { imageTagMutability: "MUTABLE" },
    check: all(
      pattern(
        "name",
        /^(?=.{2,256}$)([a-z0-9]+([._-][a-z0-9]+)*\/)*[a-z0-9]+([._-][a-z0-9]+)*$/,
        "2 to 256 of a-z 0-9 and single . _ - / between them",
      ),
    ),
    id: input("name"),
    computed: {
      arn: arn("ecr", (r) => `repository/${r.text("name")}`),
      registryId: ACCOUNT,
      repositoryUrl: (r) => `${ACCOUNT}.dkr.ecr.${regionOf(r)}.amazonaws.com/${r.text("name")}`,
    },
  },
  "aws:ecr/repositoryPolicy:RepositoryPolicy": {
    untagged: true,
    required: ["policy", "repository"],
    replaceOn: ["repository"],
    json: ["policy"],
    check: all(json("policy")),
    id: input("repository"),
    computed: { registryId: ACCOUNT },
  },
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
    untagged: true,
    required: ["policy", "repository"],
    replaceOn: ["policy", "repository"],
    json: ["policy"],
    deleteBeforeReplace: true,
    check: all(json("policy")),
    id: input("repository"),
    computed: { registryId: ACCOUNT },
  },
};

function containers(inputs: Record<string, unknown>) {
  const text = inputs["containerDefinitions"];
  const list = typeof text === "string" ? parsed(text) : undefined;
  if (list === undefined) return undefined;
  const faulty = !Array.isArray(list) || list.some((one) => !isObject(one) || !one["name"] || !one["image"]);
  return faulty
    ? {
        property: "containerDefinitions",
        reason: "allowed: a JSON list of containers, each with a name and an image",
      }
    : undefined;
}

/** The scheduler checks a call of another service when it is made: its names begin with a capital. */
function startsATask({ target }: Record<string, unknown>) {
  if (!isObject(target as never)) return undefined;
  const { arn: called, input: given } = target as Record<string, unknown>;
  if (called !== "arn:aws:scheduler:::aws-sdk:ecs:runTask" || given === UNKNOWN) return undefined;
  const request = parsed(String(given));
  const missing = isObject(request as never) ? !("TaskDefinition" in (request as object)) : true;
  return missing
    ? {
        property: "target.input",
        reason: "Invalid RequestJson provided. Reason missing field TaskDefinition",
      }
    : undefined;
}

function fargateSize(inputs: Record<string, unknown>) {
  const compatibilities = inputs["requiresCompatibilities"];
  if (!Array.isArray(compatibilities) || !compatibilities.includes("FARGATE")) return undefined;
  for (const key of ["cpu", "memory"]) {
    if (inputs[key] === undefined) return { property: key, reason: `"${key}" is required on FARGATE` };
  }
  return rule("memory", `what Fargate offers with cpu ${String(inputs["cpu"])}`, (memory) => {
    const [least, most] = FARGATE[String(inputs["cpu"])] ?? [Infinity, 0];
    return Number(memory) >= least && Number(memory) <= most;
  })({ memory: String(inputs["memory"]) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
