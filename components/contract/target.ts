import type * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../plans/plans";
import type { Platform } from "./platform";
import type { DockerTarget } from "./dockerTarget";

/** A tenant's place on AWS. The tenant's region is that of the provider its components inherit. */
export interface AwsTarget {
  kind: "aws";
  region: string;
  platform: Platform;
  /** ARN of the tenant's own KMS key: whoever destroys it makes the tenant's data unreadable. */
  keyArn: pulumi.Input<string>;
  /** ARN of the role in which ECS makes disks for tasks. */
  diskRoleArn: pulumi.Input<string>;
}

/** Where a component makes its resources. Only the component's `index.ts` asks which kind it is. */
export type Target = AwsTarget | DockerTarget;

/** What every component is told about whom it works for. */
export interface TenantIdentity {
  /** The tenant's id. */
  id: string;
  plan: Plan;
}
