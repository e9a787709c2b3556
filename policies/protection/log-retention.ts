import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEach } from "../onEach";

export const logRetention: ResourceValidationPolicy = {
  name: "log-retention",
  description: "Logs are deleted after a time, and on Docker before they fill the disk.",
  validateResource: [
    onEach("aws:cloudwatch/logGroup:LogGroup", ({ name, props }) =>
      Number(props["retentionInDays"] ?? 0) > 0
        ? undefined
        : `log group "${name}" is kept for ever; allowed: a number of days, such as 90. Set retentionInDays.`,
    ),
    onEach("docker:index/container:Container", ({ name, props }) => {
      const options = (props["logOpts"] ?? {}) as Record<string, string>;
      const unlimited =
        [undefined, "json-file"].includes(props["logDriver"] as undefined) && !options["max-size"];
      return unlimited
        ? `container "${name}" has logs without a limit; allowed: logOpts with max-size, such as 10m.`
        : undefined;
    }),
  ],
};
