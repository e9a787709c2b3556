import * as pulumi from "@pulumi/pulumi";
import { taskRun } from "../../aws/taskRun";
import { runOnce } from "../../aws/runOnce";
import { container, fargateTask } from "../../aws/task";
import { APPLICATION_PORT } from "../../contract/application";
import type { RecordArgs } from "../../doOnce";
import { secureAfterStartCommand, secureBeforeStartCommand, SECRETS } from "../../jobs";
import { SIZE_TERMS } from "../../../plans/sizes";
import type { ApplicationContext } from "./context";
import type { Dhis2Task } from "./dhis2Task";

/**
 * A first start of DHIS2 in a task of its own, which nothing but the job in it reaches, while the service is stopped. The
 * tasks of the service begin after it, each with an empty cache of accounts. Once for each database that comes.
 */
export function secureAdmin(
  { name, args, target, opts: { parent }, data, redis }: ApplicationContext,
  { containers, ...dhis2 }: Dhis2Task,
  { because, dependsOn }: { because: RecordArgs["because"]; dependsOn: pulumi.Resource[] },
): pulumi.Resource {
  const opts = { parent, dependsOn };
  const { startSeconds } = SIZE_TERMS[args.size].application;
  const { region, platform } = target;
  const job = (what: string, command: pulumi.Input<string[]>, passwords: (keyof typeof SECRETS & string)[]) =>
    container({
      name: what,
      image: platform.images.jobs,
      command,
      secrets: Object.fromEntries(
        passwords.map((password) => [SECRETS[password], data.passwords.key(password)]),
      ),
      volumes: { [`scratch-${what}`]: "/tmp" },
      logGroup: data.logs.name,
      region,
      essential: what !== BEFORE_START,
    });
  const task = fargateTask(
    `${name}-secure-admin`,
    {
      ...dhis2,
      containers: [
        job(
          BEFORE_START,
          secureBeforeStartCommand(
            data.database.address,
            redis && pulumi.interpolate`rediss://${redis.host}:${redis.port}`,
          ),
          ["role", "admin", "formerAdmin", ...(redis ? (["redis"] as const) : [])],
        ),
        ...containers([BEFORE_START]),
        // The task ends with it.
        job(
          "secure-admin",
          pulumi.output(secureAfterStartCommand(`http://127.0.0.1:${APPLICATION_PORT}`, startSeconds)),
          ["admin"],
        ),
      ],
      volumes: [...(dhis2.volumes ?? []), `scratch-${BEFORE_START}`, "scratch-secure-admin"],
    },
    opts,
  );
  return runOnce(
    `${name}-secured`,
    target,
    {
      title: `replacement of ${args.server}'s default administrator password`,
      task: taskRun(target, {
        container: "secure-admin",
        taskDefinition: task.arn,
        securityGroup: data.securityGroupId,
        logGroup: data.logs.name,
        patience: startSeconds + 600,
      }),
      because,
      stops: `${name}-application`,
    },
    opts,
  );
}

/** The container of that task that works on the database. */
const BEFORE_START = "secure-before-start";
