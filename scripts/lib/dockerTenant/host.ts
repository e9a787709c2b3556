import { buildOwnImages, hasImage, OWN_IMAGES, pullImage } from "../../../images/build";
import { connect } from "../../../operations/docker/engine";
import { inspectHost } from "../../../operations/docker/inspect";
import { requirementsOf } from "../../../stacks/tenant/hostRequirements";
import type { DockerTenant } from "../../../stacks/tenant/spec";
import { throttled } from "../progress";
import { notPossible } from "./project";

/**
 * Checks that the host can take the tenant.
 * @returns the images that are not on the host yet
 * @throws CommandError with every problem
 */
export async function checkHost(tenant: string, spec: DockerTenant): Promise<string[]> {
  const { host } = spec.target.docker;
  const requirements = requirementsOf(tenant, spec);
  const docker = connect(host);
  const there = await Promise.all(requirements.images.map((image) => hasImage(docker, image)));
  const missing = requirements.images.filter((_, index) => !there[index]);
  // No registry has our own images: they are built.
  const images = requirements.images.filter(
    (image) => !(missing.includes(image) && OWN_IMAGES.includes(image)),
  );
  const problems = await inspectHost(host, { ...requirements, images });
  if (problems.length > 0) throw notPossible(tenant, problems);
  return missing;
}

/**
 * Builds our own images where they are out of date, and pulls the others that are missing.
 * @returns the images that were built or pulled
 */
export async function fetchImages(
  tenant: string,
  spec: DockerTenant,
  missing: string[],
  report: (line: string) => void,
): Promise<string[]> {
  const docker = connect(spec.target.docker.host);
  const reportLine = throttled(report);
  const own = requirementsOf(tenant, spec).images.filter((image) => OWN_IMAGES.includes(image));
  const built = await buildOwnImages(docker, {
    images: own,
    report: (line) => reportLine(`building: ${line}`),
  });
  const others = missing.filter((image) => !own.includes(image));
  for (const image of others) {
    await pullImage(docker, image, (line) => reportLine(`pulling ${image}: ${line}`));
  }
  return [...built, ...others];
}
