import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument } from "./iam";
import { componentTags } from "./tags";

/** The role in which ECS makes disks for tasks, encrypted under one key, and deletes them again. */
export function diskRole(
  name: string,
  { region, keyArn }: { region: string; keyArn: pulumi.Input<string> },
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const forDisks = { StringEquals: { "kms:ViaService": `ec2.${region}.amazonaws.com` } };
  const role = new iam.Role(
    name,
    {
      description: "Taken by ECS to make disks for tasks",
      // As AWS documents it: it does not say that ECS names an account when it takes this role. To pass it to a task
      // takes a right of this account.
      assumeRolePolicy: policyDocument([
        { principal: { Service: "ecs.amazonaws.com" }, actions: ["sts:AssumeRole"] },
      ]),
      tags: componentTags(),
    },
    opts,
  );
  const policy = new iam.RolePolicy(
    `${name}-policy`,
    {
      role: role.name,
      // What EBS asks of whoever makes an encrypted volume (EBS user guide, Requirements for EBS encryption).
      policy: policyDocument([
        { sid: "FindKey", actions: ["kms:DescribeKey"], resources: [keyArn] },
        {
          sid: "EncryptDisks",
          actions: [
            "kms:Decrypt",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
          ],
          resources: [keyArn],
          conditions: forDisks,
        },
        {
          sid: "LetDisksBeRead",
          actions: ["kms:CreateGrant"],
          resources: [keyArn],
          conditions: { ...forDisks, Bool: { "kms:GrantIsForAWSResource": "true" } },
        },
      ]),
    },
    opts,
  );
  const attached = new iam.RolePolicyAttachment(
    `${name}-volumes`,
    {
      role: role.name,
      // AWS's own wording: volumes that ECS has made, and no others.
      policyArn: "arn:aws:iam::aws:policy/service-role/AmazonECSInfrastructureRolePolicyForVolumes",
    },
    opts,
  );
  return pulumi.all([role.arn, policy.id, attached.id]).apply(([arn]) => arn);
}
