import type * as pulumi from "@pulumi/pulumi";
import type { Plan } from "../../plans/plans";
import type { DockerTarget } from "./dockerTarget";
import type { Platform } from "./platform";

/** Where a tenant is on AWS. The tenant's region is that of the provider that its components inherit. */
export interface AwsTarget {
  kind: "aws";
  region: string;
  platform: Platform;
  /** ARN of the tenant's own KMS key: whoever destroys it makes the tenant's data unreadable. */
  keyArn: pulumi.Input<string>;
  /** ARN of the role in which ECS makes disks for tasks. */
  diskRoleArn: pulumi.Input<string>;
}

/** Every kind of target. A new one is a line here; the compiler then names every component that does not know it. */
export interface Targets {
  aws: AwsTarget;
  docker: DockerTarget;
}
export type TargetKind = keyof Targets;

/** Where a component makes its resources. */
export type Target = Targets[TargetKind];

/** Something that has another form on every kind of target. */
export type OnTarget<Forms extends Record<TargetKind, object>> = {
  [Kind in TargetKind]: { kind: Kind } & Forms[Kind];
}[TargetKind];

/** Nothing of interest to other components. */
export type Nothing = Record<never, never>;

/**
 * What a component consists of, for another component that makes its own resources on the same kind of target.
 * @throws Error if the two are not on the same kind: a tenant has one target
 */
export function resourcesOn<Kind extends TargetKind, Form extends { kind: TargetKind }>(
  kind: Kind,
  { resources }: { resources: Form },
): Extract<Form, { kind: Kind }> {
  if (resources.kind !== kind)
    throw new Error(`a component on ${kind} was given one on ${resources.kind}; a tenant has one target`);
  return resources as Extract<Form, { kind: Kind }>;
}

/** Whom a component works for. */
export interface TenantIdentity {
  /** The tenant's id. */
  id: string;
  plan: Plan;
}
