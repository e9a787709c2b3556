import { buildOwnImages, OWN_IMAGES } from "../../../images/build";
import { connect } from "../../../operations/docker/engine";
import { CommandError } from "../errors";
import type { Output } from "../output";

export interface ImagesOptions {
  host: string;
  network?: "host";
}

/** Builds our own images on a Docker host. */
export async function buildImages({ host, network }: ImagesOptions, output: Output): Promise<void> {
  const docker = connect(host);
  await docker.ping().catch((error: Error) => {
    throw new CommandError(`no Docker engine answers at ${host} (${error.message}).`, 1, { cause: error });
  });
  const built = await buildOwnImages(docker, network && { network });
  output.result({ images: OWN_IMAGES, built }, OWN_IMAGES.join("\n"));
}
