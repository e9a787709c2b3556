import * as ec2 from "@pulumi/aws/ec2";
import * as vpc from "@pulumi/aws/vpc";
import type * as pulumi from "@pulumi/pulumi";
import { componentTags } from "../../aws/tags";
import type { ServerContext } from "./context";

export interface SecurityGroups {
  /** Ids of the groups. */
  tasks: pulumi.Output<string>;
  data: pulumi.Output<string>;
  rules: pulumi.Resource[];
}

/** Two groups: the tasks, which may go out, and the data, which let in the tasks and nothing else. */
export function securityGroups({ name, args, target, opts }: ServerContext): SecurityGroups {
  const { vpcId } = target.platform.network;
  const tags = componentTags(args.server);
  const group = (suffix: string, description: string) =>
    new ec2.SecurityGroup(
      `${name}-${suffix}`,
      { vpcId, description, revokeRulesOnDelete: true, tags: { ...tags, Name: `${name}-${suffix}` } },
      opts,
    ).id;
  const tasks = group("tasks", "Application and jobs");
  const data = group("data", "Database and files");
  const rules: pulumi.Resource[] = [];
  const outwards: Record<string, { port: number; description: string }> = {
    https: { port: 443, description: "Registry, secrets, logs, and what DHIS2 exchanges data with" },
    "mail-starttls": { port: 587, description: "Mail that DHIS2 sends" },
    "mail-tls": { port: 465, description: "Mail that DHIS2 sends" },
  };
  const open = Object.values(outwards).map(({ port }) => port);
  for (const port of args.outwardPorts ?? [])
    if (!open.includes(port)) outwards[`port-${port}`] = { port, description: "Named in DHIS2's settings" };
  for (const [what, { port, description }] of Object.entries(outwards)) {
    rules.push(
      new vpc.SecurityGroupEgressRule(
        `${name}-tasks-${what}`,
        {
          securityGroupId: tasks,
          description,
          ipProtocol: "tcp",
          fromPort: port,
          toPort: port,
          cidrIpv4: "0.0.0.0/0",
          tags,
        },
        opts,
      ),
    );
  }
  for (const [what, port] of Object.entries({ database: 5432, files: 2049 })) {
    const rule = { ipProtocol: "tcp", fromPort: port, toPort: port, tags };
    rules.push(
      new vpc.SecurityGroupEgressRule(
        `${name}-tasks-${what}`,
        { ...rule, securityGroupId: tasks, referencedSecurityGroupId: data, description: `To the ${what}` },
        opts,
      ),
      new vpc.SecurityGroupIngressRule(
        `${name}-data-${what}`,
        {
          ...rule,
          securityGroupId: data,
          referencedSecurityGroupId: tasks,
          description: `The ${what}, from tasks`,
        },
        opts,
      ),
    );
  }
  return { tasks, data, rules };
}
