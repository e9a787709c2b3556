import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

export const memoryLimit: ResourceValidationPolicy = {
  name: "memory-limit",
  description: "A container on Docker has a limit on memory, so that it cannot take that of other tenants.",
  validateResource: onEach("docker:index/container:Container", ({ name, props }) =>
    Number(props["memory"] ?? 0) > 0
      ? undefined
      : `container "${name}" has no limit on memory; allowed: a number of MiB. Set memory.`,
  ),
};
