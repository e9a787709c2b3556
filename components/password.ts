import type * as pulumi from "@pulumi/pulumi";
import { RandomPassword } from "@pulumi/random/randomPassword";

/** A random password of letters and digits, which need no quoting anywhere. */
export function randomPassword(
  name: string,
  length: number,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return new RandomPassword(name, { length, special: false }, opts).result;
}
