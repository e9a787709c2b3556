import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

/** A statement of an IAM policy, in the order a person reads it. */
export interface Statement {
  sid?: string;
  /** @default "Allow" */
  effect?: "Allow" | "Deny";
  /** Who; only in policies of resources. `{ Service: "…" }`, `{ AWS: "…" }` or `"*"` in a denial. */
  principal?: pulumi.Input<string> | Record<string, pulumi.Input<string>>;
  actions: string[];
  resources?: pulumi.Input<string>[];
  /** Operator, key, values: `{ StringEquals: { "aws:SourceAccount": "…" } }`. */
  conditions?: Record<string, Record<string, pulumi.Input<string | string[]>>>;
}

export function policyDocument(statements: Statement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: statements.map(({ sid, effect, principal, actions, resources, conditions }) => ({
      ...(sid && { Sid: sid }),
      Effect: effect ?? "Allow",
      ...(principal && { Principal: principal }),
      Action: actions,
      ...(resources && { Resource: resources }),
      ...(conditions && { Condition: conditions }),
    })),
  });
}

export interface ServiceRoleArgs {
  /** The AWS service that takes the role, such as `ecs-tasks.amazonaws.com`. */
  service: string;
  /** The account on whose behalf alone the service may take it. */
  accountId: string;
  statements: Statement[];
  tags: Record<string, string>;
}

/**
 * A role for an AWS service with one inline policy.
 * @returns its ARN, known once the policy is in force
 */
export function serviceRole(
  name: string,
  { service, accountId, statements, tags }: ServiceRoleArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const role = new iam.Role(
    name,
    {
      assumeRolePolicy: policyDocument([
        {
          principal: { Service: service },
          actions: ["sts:AssumeRole"],
          // Otherwise another account could have the service use our role (the confused deputy).
          conditions: { StringEquals: { "aws:SourceAccount": accountId } },
        },
      ]),
      tags,
    },
    opts,
  );
  const policy = new iam.RolePolicy(
    `${name}-policy`,
    { role: role.name, policy: policyDocument(statements) },
    opts,
  );
  return pulumi.all([role.arn, policy.id]).apply(([arn]) => arn);
}

/** What a key is used for by whoever reads or writes data under it through `service`. */
export function useKey(keyArn: pulumi.Input<string>, service: string, region: string): Statement {
  return {
    sid: "UseKey",
    actions: ["kms:Decrypt", "kms:GenerateDataKey"],
    resources: [keyArn],
    conditions: { StringEquals: { "kms:ViaService": `${service}.${region}.amazonaws.com` } },
  };
}
