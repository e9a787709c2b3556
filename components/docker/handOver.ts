import * as pulumi from "@pulumi/pulumi";
import type { DockerTarget } from "../contract/dockerTarget";
import { runOnce } from "./runOnce";

/** Gives volumes to the user that the application runs as: new ones are root's, and another image has another user. */
export function handOver(
  name: string,
  target: DockerTarget,
  args: { volumes: pulumi.Output<string>[]; user: pulumi.Input<number>; jobs: pulumi.Output<string> },
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const volumes = pulumi.all(args.volumes);
  return runOnce(
    name,
    target,
    {
      title: "change of the files' owner",
      job: pulumi.all([args.jobs, volumes, args.user]).apply(([image, volumes, user]) => ({
        name,
        image,
        command: [
          "chown",
          "--recursive",
          `${user}:${user}`,
          ...volumes.map((_, index) => `/volumes/${index}`),
        ],
        network: "none",
        volumes: Object.fromEntries(volumes.map((volume, index) => [`/volumes/${index}`, volume])),
        // Only root gives away what is not its own, and for no more than that is it root here.
        user: "0:0",
        capabilities: ["CHOWN", "DAC_READ_SEARCH"],
        memory: 64,
        patience: 3600,
      })),
      because: { volumes: volumes.apply((names) => names.join(" ")), user: args.user },
    },
    opts,
  );
}
