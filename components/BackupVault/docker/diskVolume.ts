import { Volume } from "@pulumi/docker/volume";
import type * as pulumi from "@pulumi/pulumi";
import type { DockerBackups } from "../../contract/dockerTarget";

/** The location on disk of one container: a folder in the directory of the stack file, or a volume. */
export function diskVolume(
  name: string,
  { path }: DockerBackups["disk"],
  folder: string,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  const bind = path && {
    driver: "local",
    driverOpts: { type: "none", o: "bind", device: `${path}/${folder}` },
  };
  return new Volume(name, { name, ...bind }, opts).name;
}
