import * as secretsmanager from "@pulumi/aws/secretsmanager";
import * as pulumi from "@pulumi/pulumi";

export interface SecretArgs {
  description: string;
  keyArn: pulumi.Input<string>;
  tags: Record<string, string>;
}

/** A secret under the tenant's key, without a value; `secretValue` sets it. */
export function emptySecret(name: string, args: SecretArgs, opts: pulumi.CustomResourceOptions) {
  return new secretsmanager.Secret(
    name,
    {
      description: args.description,
      kmsKeyId: args.keyArn,
      recoveryWindowInDays: 7,
      tags: args.tags,
    },
    opts,
  );
}

/** A secret as a container's `secrets` refer to it, in this very version: a new value makes a new task definition. */
export interface SecretValue {
  /** The whole value. */
  whole: pulumi.Output<string>;
  /** One key of a value that is a JSON object. */
  key(name: string): pulumi.Output<string>;
}

export function secretValue(
  name: string,
  secret: { id: pulumi.Output<string> },
  value: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): SecretValue {
  const version = new secretsmanager.SecretVersion(
    name,
    { secretId: secret.id, secretString: pulumi.secret(value) },
    opts,
  );
  return {
    whole: pulumi.interpolate`${version.arn}:::${version.versionId}`,
    key: (key) => pulumi.interpolate`${version.arn}:${key}::${version.versionId}`,
  };
}
