/** What a stack's state says of a server on AWS: where its portable copies are, their keys, and what a restore needs. */
import type { TaskDisk } from "../operations/aws/taskRequest";
import { placeIn, requestIn } from "../operations/aws/taskRequest";
import { adminPassword } from "../components/DataManagementServer/adminPassword";
import { outputsIn, type Deployment } from "./deployment";

export interface ServerOnAws {
  name: string;
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
    /** With room for the whole dump. */
    disk?: TaskDisk;
    logGroup: string;
    /** The database server's address and the database, as the task's own command has them. */
    server: string;
    database: string;
  };
  /** The task that replaces DHIS2's default password, in the same place. */
  secureAdmin: string;
  /** Of the application, in the task's cluster. */
  service: {
    arn: string;
    /** Tasks that are to run. */
    desiredCount: number;
    /** The longest that a start may take. */
    startSeconds: number;
  };
  /** Where the application answers. */
  url: string;
  /** Of DHIS2's account `admin`; secret. */
  adminPassword: string;
  /** Containers on the customer's own hosts that keep copies. */
  agents: string[];
}

/**
 * @throws Error for a person when the state has no such server
 */
export function serverIn(deployment: Deployment, tenant: string, name: string): ServerOnAws {
  const vault = `${tenant}-vault`;
  const find = (type: string, resource: string): Record<string, unknown> => {
    const outputs = outputsIn(deployment, type, resource);
    if (!outputs)
      throw new Error(
        `stack ${tenant} has no ${resource} (${type}): is there a server "${name}", and has pulumi up been run?`,
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
    throw new Error(
      `stack ${tenant} was last updated by an older version of DHIStance: run pulumi up first.`,
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
    place: option("--repository"),
    repositoryPassword: password(`${vault}-repository-password`),
    publicKey: String(find("tls:index/privateKey:PrivateKey", `${vault}-signing-key`)["publicKeyPem"]),
    task: {
      ...placeIn(requestIn(input)),
      logGroup: options["awslogs-group"] ?? "",
      ...{ server: option("--server"), database: option("--database") },
    },
    secureAdmin: String(secureAdmin["arn"]),
    service: {
      arn: String(service["arn"]),
      // The state was refreshed while a restore that was cut off had left it stopped.
      desiredCount: Number(service["desiredCount"]) || 1,
      startSeconds: Number(service["healthCheckGracePeriodSeconds"]),
    },
    url: servers?.[name]?.url ?? "",
    adminPassword: adminPassword(password(`${tenant}-${name}-admin-password`)),
    agents: (deployment.resources ?? [])
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
