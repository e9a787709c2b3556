/**
 * A simulated ECS, and the part of CloudWatch Logs that shows what its tasks say: the AWS SDK asks it over HTTP as it asks
 * AWS, and a task is a real process of the jobs' command line, with the environment that its definition gives it.
 */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { createInterface } from "node:readline";
import type { RunTaskCommandInput, Task, UpdateServiceCommandInput } from "@aws-sdk/client-ecs";
import { EcsService, type Application } from "./ecsService";

/** A container of a task definition, as ECS has it. */
export interface Container {
  name: string;
  command: string[];
  environment: { name: string; value: string }[];
  secrets: { name: string; valueFrom: string }[];
  mountPoints: { sourceVolume: string; containerPath: string }[];
  logConfiguration: { options: Record<string, string> };
}

export interface EcsWorld {
  cluster: string;
  /** Containers by the ARN of their task definition. */
  definitions: Record<string, Container[]>;
  /** The value of a secret, as a definition refers to it. */
  secret(valueFrom: string): string;
  /** The program of a job, by the name the image has it under. */
  program(job: string): string;
  /** Directories of this machine that stand for a definition's volumes. */
  volumes: Record<string, string>;
  /** What the task's role and the image give it. */
  environment: NodeJS.ProcessEnv;
  /** Of the cluster's one service. */
  application: Application;
}

export interface EcsOnThisMachine {
  /** For `AWS_ENDPOINT_URL_ECS` and `AWS_ENDPOINT_URL_CLOUDWATCH_LOGS`. */
  url: string;
  /** What tasks were started with, in order. */
  started: RunTaskCommandInput[];
  /** What began and ended, in order, such as `application down`, `backup restore began`, `backup restore ended with 0`. */
  events: string[];
  service: EcsService;
  stop(): Promise<void>;
}

interface Run {
  task: Task & { taskArn: string };
  log: { group: string; stream: string; lines: string[] };
}

/** An error as AWS answers one. */
class Answer extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

export async function ecsOnThisMachine(world: EcsWorld): Promise<EcsOnThisMachine> {
  const runs: Run[] = [];
  const started: RunTaskCommandInput[] = [];
  const events: string[] = [];
  const tell = (event: string) => void events.push(event);
  const service = new EcsService(world.application, tell);
  const found = (name: string | undefined) => {
    if (name !== world.application.arn) throw new Answer("ServiceNotFoundException", "Service not found.");
    return service;
  };

  const calls: Record<string, (input: never) => object | Promise<object>> = {
    UpdateService: (input: UpdateServiceCommandInput) => found(input.service).update(input),
    DescribeServices: ({ services: [name] }: { services: string[] }) => found(name).describe(),
    RunTask: (input: RunTaskCommandInput) => {
      started.push(input);
      const run = runTask(world, input, `${runs.length + 1}`.padStart(32, "0"), tell);
      runs.push(run);
      return { tasks: [run.task], failures: [] };
    },
    ListTasks: (input: { startedBy?: string; serviceName?: string; desiredStatus?: string }) => ({
      taskArns: input.serviceName
        ? service.list(input.desiredStatus)
        : runs
            .filter(({ task }) => task.lastStatus === "RUNNING" && task.startedBy === input.startedBy)
            .map(({ task }) => task.taskArn),
    }),
    DescribeTasks: async ({ tasks }: { tasks: string[] }) => ({
      tasks: [
        ...runs.filter(({ task }) => tasks.includes(task.taskArn)).map(({ task }) => task),
        ...(await service.tasks(tasks)),
      ],
    }),
    GetLogEvents: (input: { logGroupName: string; logStreamName: string; nextToken?: string }) => {
      const found = runs.find(
        ({ log }) => log.group === input.logGroupName && log.stream === input.logStreamName,
      );
      if (!found?.log.lines.length)
        throw new Answer("ResourceNotFoundException", "The specified log stream does not exist.");
      const { lines } = found.log;
      const events = lines.slice(Number(input.nextToken ?? 0)).map((message) => ({ message }));
      return { events, nextForwardToken: `${lines.length}` };
    },
  };

  const server = createServer((request, response) => {
    const call = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
      response.end(JSON.stringify(body));
    };
    json(request)
      .then(async (input) => {
        const handle = calls[call];
        if (!handle) throw new Answer("UnknownOperationException", call);
        answer(200, await handle(input as never));
      })
      .catch((error: Error) => {
        const type = error instanceof Answer ? error.type : "ServerException";
        answer(400, { __type: type, message: error.message });
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ started, events, service },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function runTask(
  world: EcsWorld,
  input: RunTaskCommandInput,
  id: string,
  tell: (event: string) => void,
): Run {
  if (input.cluster !== world.cluster) throw new Answer("ClusterNotFoundException", "Cluster not found.");
  const containers = world.definitions[input.taskDefinition ?? ""];
  const container = containers?.at(-1);
  if (!containers || !container) throw new Answer("ClientException", "Unable to describe task definition.");
  const { name, logConfiguration } = container;
  const { options } = logConfiguration;
  const run: Run = {
    task: {
      taskArn: `${world.cluster.replace(":cluster/", ":task/")}/${id}`,
      startedBy: input.startedBy,
      lastStatus: "RUNNING",
      containers: [{ name, lastStatus: "RUNNING" }],
    },
    log: {
      group: options["awslogs-group"] ?? "",
      stream: `${options["awslogs-stream-prefix"]}/${name}/${id}`,
      lines: [],
    },
  };
  void runContainers(world, input, containers, run, tell).then((exitCode) =>
    Object.assign(run.task, {
      lastStatus: "STOPPED",
      stoppedReason: "Essential container in task exited",
      containers: [{ name, lastStatus: "STOPPED", ...(exitCode !== undefined && { exitCode }) }],
    }),
  );
  return run;
}

/**
 * One after another: each of ours is waited for, and of the application, which is simulated, only its start.
 * @returns the exit code of the last, if it came to run
 */
async function runContainers(
  world: EcsWorld,
  input: RunTaskCommandInput,
  containers: Container[],
  run: Run,
  tell: (event: string) => void,
): Promise<number | undefined> {
  let starts = false;
  try {
    for (const container of containers) {
      const last = container === containers.at(-1);
      if (container.name === "dhis2") {
        await world.application.start();
        starts = true;
      }
      // What lays dhis.conf, gives volumes away, and watches the start has nothing to do here.
      if (["dhis2", "configure", "watch-start"].includes(container.name)) continue;
      const code = await runContainer(world, input, container, last ? run.log.lines : [], tell);
      if (last) return code;
      if (code !== 0) return undefined;
    }
    return undefined;
  } finally {
    if (starts) await world.application.stop();
  }
}

function runContainer(
  world: EcsWorld,
  input: RunTaskCommandInput,
  { name, command, environment, secrets, mountPoints }: Container,
  lines: string[],
  tell: (event: string) => void,
): Promise<number> {
  const override = input.overrides?.containerOverrides?.find((each) => each.name === name);
  const [job = "", ...parameters] = override?.command ?? command;
  const at = (argument: string) => {
    const volume = mountPoints.find(({ containerPath }) => containerPath === argument)?.sourceVolume ?? "";
    return world.volumes[volume] ?? argument;
  };
  const child = spawn(process.execPath, [world.program(job), ...parameters.map(at)], {
    env: {
      ...world.environment,
      ...Object.fromEntries(
        [...environment, ...(override?.environment ?? [])].map((each) => [each.name, each.value]),
      ),
      ...Object.fromEntries(secrets.map((each) => [each.name, world.secret(each.valueFrom)])),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const what = `${job} ${parameters[0] ?? ""}`;
  tell(`${what} began`);
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  return new Promise((resolve) =>
    child.on("close", (code) => {
      tell(`${what} ended with ${code ?? 137}`);
      resolve(code ?? 137);
    }),
  );
}
