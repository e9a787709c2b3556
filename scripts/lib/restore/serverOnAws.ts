/** A server on AWS as a stack's state describes it: its portable backups, their keys, and what a restore needs. */
import { whereIn, requestIn, type TaskDisk } from "../../../operations/aws/taskRequest";
import { adminPassword } from "../../../components/DataManagementServer/adminPassword";
import { UsageError } from "../errors";
import { outputsIn, type StackState } from "../pulumi/stackState";

export interface ServerOnAws {
  name: string;
  region: string;
  /** The repository in the cloud, as the jobs name it. */
  repository: string;
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
    /** With capacity for the whole dump. */
    disk?: TaskDisk;
    logGroup: string;
    /** The database server's address and the database, as in the task's own command. */
    server: string;
    database: string;
  };
  /** The task that replaces DHIS2's default password; it runs in the same network. */
  secureAdmin: string;
  /** Of the application, in the task's cluster. */
  service: {
    arn: string;
    /** How many tasks should run. */
    desiredCount: number;
    /** The longest time of a start. */
    startSeconds: number;
  };
  /** Address of the application. */
  url: string;
  /** Password of DHIS2's account `admin`. Secret. */
  adminPassword: string;
  /** Containers on the customer's hosts that keep backups. */
  agents: string[];
}

/** @throws UsageError if the state has no such server, or is of an older version */
export function serverIn(state: StackState, tenant: string, name: string): ServerOnAws {
  const vault = `${tenant}-vault`;
  const find = (type: string, resource: string): Record<string, unknown> => {
    const outputs = outputsIn(state, type, resource);
    if (!outputs)
      throw new UsageError(
        `stack ${tenant} has no ${resource} (${type}). Check the name of server "${name}", and run pulumi up.`,
      );
    return outputs;
  };
  const password = (resource: string) =>
    String(find("random:index/randomPassword:RandomPassword", resource)["result"]);
  const schedule = find("aws:scheduler/schedule:Schedule", `${vault}-export-${name}`) as unknown as {
    target: { input?: string };
  };
  const { input } = schedule.target;
  if (input === undefined)
    throw new UsageError(
      `stack ${tenant} was last updated by an older version of DHIStance; run pulumi up first.`,
    );
  const definition = find("aws:ecs/taskDefinition:TaskDefinition", `${vault}-export-${name}`);
  const [container] = JSON.parse(String(definition["containerDefinitions"])) as [Container];
  const option = (flag: string) => container.command[container.command.indexOf(flag) + 1] ?? "";
  const { options } = container.logConfiguration;
  const service = find("aws:ecs/service:Service", `${tenant}-${name}-application`);
  const secureAdmin = find("aws:ecs/taskDefinition:TaskDefinition", `${tenant}-${name}-secure-admin`);
  const { servers } = find("pulumi:pulumi:Stack", `dhistance-${tenant}`) as {
    servers?: Record<string, { url: string }>;
  };
  return {
    name,
    region: options["awslogs-region"] ?? "",
    repository: option("--repository"),
    repositoryPassword: password(`${vault}-repository-password`),
    publicKey: String(find("tls:index/privateKey:PrivateKey", `${vault}-signing-key`)["publicKeyPem"]),
    task: {
      ...whereIn(requestIn(input)),
      logGroup: options["awslogs-group"] ?? "",
      server: option("--server"),
      database: option("--database"),
    },
    secureAdmin: String(secureAdmin["arn"]),
    service: {
      arn: String(service["arn"]),
      // 0 if the state was refreshed after an interrupted restore had left the service stopped.
      desiredCount: Number(service["desiredCount"]) || 1,
      startSeconds: Number(service["healthCheckGracePeriodSeconds"]),
    },
    url: servers?.[name]?.url ?? "",
    adminPassword: adminPassword(password(`${tenant}-${name}-admin-password`)),
    agents: (state.resources ?? [])
      .filter(({ type }) => type === "docker:index/container:Container")
      .map(({ urn }) => urn.slice(urn.lastIndexOf("::") + 2))
      .filter((each) => each.startsWith(`${vault}-agent-`))
      .sort(),
  };
}

interface Container {
  command: string[];
  logConfiguration: { options: Record<string, string> };
}
