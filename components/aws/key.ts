import * as kms from "@pulumi/aws/kms";
import type * as pulumi from "@pulumi/pulumi";
import { policyDocument } from "./iam";

export interface KeyArgs {
  /** What is read under it, for people. */
  description: string;
  /** The alias without `alias/`. */
  alias: string;
  accountId: string;
  region: string;
  /** Log groups under this name may be encrypted with it, such as `/dhistance/moh`. */
  logGroups?: string;
  /** AWS services that use the key on their own account, such as `cloudwatch.amazonaws.com` writing to a topic. */
  services?: string[];
  /** 7 to 30: how long a scheduled deletion can still be called off. */
  deletionWindowInDays: number;
  tags: Record<string, string>;
}

/** A symmetric KMS key with yearly rotation and an alias. */
export function encryptionKey(name: string, args: KeyArgs, opts: pulumi.CustomResourceOptions): kms.Key {
  const { accountId, region, logGroups, services = [] } = args;
  const key = new kms.Key(
    name,
    {
      description: args.description,
      enableKeyRotation: true,
      deletionWindowInDays: args.deletionWindowInDays,
      policy: policyDocument([
        {
          // AWS's own default: without it a mistake in this policy would lock everybody out of the key for ever.
          sid: "AccountGovernsByIam",
          principal: { AWS: `arn:aws:iam::${accountId}:root` },
          actions: ["kms:*"],
          resources: ["*"],
        },
        ...(logGroups
          ? [
              {
                sid: "Logs",
                principal: { Service: `logs.${region}.amazonaws.com` },
                actions: [
                  "kms:Decrypt",
                  "kms:DescribeKey",
                  "kms:Encrypt",
                  "kms:GenerateDataKey*",
                  "kms:ReEncrypt*",
                ],
                resources: ["*"],
                conditions: {
                  ArnLike: {
                    "kms:EncryptionContext:aws:logs:arn": [
                      `arn:aws:logs:${region}:${accountId}:log-group:${logGroups}/*`,
                      `arn:aws:logs:${region}:${accountId}:log-group:/aws/rds/instance/*`,
                    ],
                  },
                },
              },
            ]
          : []),
        ...services.map((service) => ({
          principal: { Service: service },
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
          resources: ["*"],
        })),
      ]),
      tags: args.tags,
    },
    opts,
  );
  // Where the key outlives the stack, its alias does not: a new key would be refused the same one.
  new kms.Alias(
    `${name}-alias`,
    { name: `alias/${args.alias}`, targetKeyId: key.keyId },
    { ...opts, retainOnDelete: false },
  );
  return key;
}
