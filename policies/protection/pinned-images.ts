import type { ResourceValidationPolicy } from "@pulumi/policy";
import { onEachContainer } from "./containers";

export const pinnedImages: ResourceValidationPolicy = {
  name: "pinned-images",
  description: "A container's image is named by its version or digest.",
  validateResource: onEachContainer(({ name, image }) =>
    isPinned(image)
      ? undefined
      : `container "${name}" has the image ${image}; allowed: a version, such as postgres:17.6, or a digest.`,
  ),
};

/** Tags that name whatever is newest. */
const MOVING = new Set(["latest", "stable", "main", "master", "edge", "nightly", "dev"]);

/** The part after the last slash may have a tag; before it, a colon is a registry's port. */
function isPinned(image: string): boolean {
  if (/sha256:[0-9a-f]{64}$/.test(image)) return true;
  const [, tag = "latest"] = (image.split("/").at(-1) ?? "").split(":");
  return !MOVING.has(tag);
}
