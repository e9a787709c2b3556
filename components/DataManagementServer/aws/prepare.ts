import type * as pulumi from "@pulumi/pulumi";
import { taskRun } from "../../aws/taskRun";
import { runOnce } from "../../aws/runOnce";
import type { SecretValue } from "../../aws/secret";
import { componentTags } from "../../aws/tags";
import { container, fargateTask } from "../../aws/task";
import { DATABASE, prepareCommand, ROLE, SECRETS } from "../../jobs";
import type { ServerContext } from "./context";

interface Preparation {
  /** Of the database. */
  host: pulumi.Output<string>;
  passwords: SecretValue;
  executionRoleArn: pulumi.Output<string>;
  logGroup: pulumi.Output<string>;
  securityGroup: pulumi.Output<string>;
  /** The rules by which the task reaches the database. */
  dependsOn: pulumi.Resource[];
}

/** Role, database and extensions. */
export function prepareOnAws(
  { name, args, target, opts }: ServerContext,
  { host, passwords, executionRoleArn, logGroup, securityGroup, dependsOn }: Preparation,
): pulumi.Resource {
  const task = fargateTask(
    `${name}-prepare`,
    {
      cpu: 256,
      memory: 512,
      executionRoleArn,
      containers: [
        container({
          name: "prepare",
          image: target.platform.images.jobs,
          command: prepareCommand(host),
          secrets: {
            [SECRETS.administrator]: passwords.key("administrator"),
            [SECRETS.role]: passwords.key("role"),
          },
          volumes: { scratch: "/tmp" },
          logGroup,
          region: target.region,
        }),
      ],
      volumes: ["scratch"],
      tags: componentTags(args.server),
    },
    opts,
  );
  return runOnce(
    `${name}-prepared`,
    target,
    {
      title: `preparation of ${args.server}'s database`,
      task: taskRun(target, {
        container: "prepare",
        taskDefinition: task.arn,
        securityGroup,
        logGroup,
        patience: 900,
      }),
      // The version of the secret changes with each password in it, and PostgreSQL needs the new one of the role.
      because: { database: DATABASE, role: ROLE, passwords: passwords.whole },
    },
    { ...opts, dependsOn },
  );
}
