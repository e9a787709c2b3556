/** What a stack's state says of a server's portable copies on AWS: where they are, their keys, and what can restore them. */
import { outputsIn, type Deployment } from "./deployment";

export interface ServerCopies {
  region: string;
  /** The copies in the cloud, as the jobs take them. */
  place: string;
  /** Secret. */
  repositoryPassword: string;
  /** PEM. */
  publicKey: string;
  /** The task that reaches the database, and where it runs. */
  task: {
    cluster: string;
    taskDefinition: string;
    subnets: string[];
    securityGroups: string[];
    assignPublicIp: boolean;
    logGroup: string;
    /** The database server's address and the database, as the task's own command has them. */
    server: string;
    database: string;
  };
  /** Containers on the customer's own hosts that keep copies, in the order of the spec. */
  agents: string[];
}

/**
 * @throws Error for a person when the state has no such server
 */
export function copiesOf(tenant: string, server: string, deployment: Deployment): ServerCopies {
  const vault = `${tenant}-vault`;
  const find = (type: string, name: string): Record<string, unknown> => {
    const outputs = outputsIn(deployment, type, name);
    if (!outputs)
      throw new Error(
        `stack ${tenant} has no ${name} (${type}): is there a server "${server}", and has pulumi up been run?`,
      );
    return outputs;
  };
  const schedule = find("aws:scheduler/schedule:Schedule", `${vault}-export-${server}`) as unknown as {
    target: { arn: string; ecsParameters: Parameters };
  };
  const { taskDefinitionArn, networkConfiguration } = schedule.target.ecsParameters;
  const definition = find("aws:ecs/taskDefinition:TaskDefinition", `${vault}-export-${server}`);
  const [container] = JSON.parse(String(definition["containerDefinitions"])) as [Container];
  const option = (name: string) => container.command[container.command.indexOf(name) + 1] ?? "";
  const { options } = container.logConfiguration;
  return {
    region: options["awslogs-region"] ?? "",
    place: option("--repository"),
    repositoryPassword: String(
      find("random:index/randomPassword:RandomPassword", `${vault}-repository-password`)["result"],
    ),
    publicKey: String(find("tls:index/privateKey:PrivateKey", `${vault}-signing-key`)["publicKeyPem"]),
    task: {
      cluster: schedule.target.arn,
      taskDefinition: taskDefinitionArn,
      ...{ subnets: networkConfiguration.subnets, securityGroups: networkConfiguration.securityGroups },
      assignPublicIp: networkConfiguration.assignPublicIp,
      logGroup: options["awslogs-group"] ?? "",
      ...{ server: option("--server"), database: option("--database") },
    },
    agents: (deployment.resources ?? [])
      .filter(({ type }) => type === "docker:index/container:Container")
      .map(({ urn }) => urn.slice(urn.lastIndexOf("::") + 2))
      .filter((name) => name.startsWith(`${vault}-agent-`))
      .sort(),
  };
}

interface Parameters {
  taskDefinitionArn: string;
  networkConfiguration: { subnets: string[]; securityGroups: string[]; assignPublicIp: boolean };
}

interface Container {
  command: string[];
  logConfiguration: { options: Record<string, string> };
}
