import { createHash } from "node:crypto";
import { createReadStream, readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Obstacle } from "../../engine";
import { isExecutable } from "../../installedEngine";

/** Names the directory of a Terraform filesystem mirror, which is looked into before the usual places. */
export const MIRROR_VARIABLE = "DHISTANCE_TERRAFORM_MIRROR";

export const TERRAFORM_AWS_VERSION = "5.100.0";
/**
 * By platform, the sha256 of the provider's binary. That of linux_amd64 was derived from the release: the binary and
 * its LICENSE.txt give `h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=`, as Terraform's lock files have it.
 */
const CHECKSUMS: Record<string, string> = {
  linux_amd64: "8cb98768bcea942df561a918d65a8751f787ab348f7498bdfe6667dffcebd528",
};

/** Under which a mirror may have been laid down by whoever set the machine up. */
const ROOTS = ["/opt", "/srv", "/usr/local", "/usr/local/share", "/usr/share", "/usr/lib"];

/**
 * The binary of Terraform's AWS provider.
 * @throws Obstacle if there is none in any of the places
 */
export function findTerraformProvider(
  env: NodeJS.ProcessEnv,
  roots: readonly string[] = ROOTS,
  platform = terraformPlatform(),
): { binary: string; sha256: string } {
  const sha256 = CHECKSUMS[platform];
  const remedy =
    `set ${MIRROR_VARIABLE} to a Terraform filesystem mirror that holds registry.terraform.io/hashicorp/aws ` +
    `${TERRAFORM_AWS_VERSION} (terraform providers mirror makes one)`;
  if (!sha256) {
    throw new Obstacle(
      `no checksum of Terraform's AWS provider is known for ${platform}, only for ${Object.keys(CHECKSUMS).join(", ")}`,
      remedy,
    );
  }
  const inMirror = path.join(
    "registry.terraform.io/hashicorp/aws",
    TERRAFORM_AWS_VERSION,
    platform,
    `terraform-provider-aws_v${TERRAFORM_AWS_VERSION}_x5`,
  );
  const named = env[MIRROR_VARIABLE];
  const mirrors = named ? [path.resolve(named)] : [...usualMirrors(env), ...roots.flatMap(withFolders)];
  const binary = mirrors.map((mirror) => path.join(mirror, inMirror)).find(isExecutable);
  if (!binary) {
    const where = named
      ? `${MIRROR_VARIABLE}=${named}`
      : `Terraform's usual mirrors or a folder of ${roots.join(", ")}`;
    throw new Obstacle(`there is no ${inMirror} in ${where}`, remedy);
  }
  return { binary, sha256 };
}

/** @throws Error if the binary is another one */
export async function verify(binary: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(binary, { highWaterMark: 1 << 20 }), hash);
  const actual = hash.digest("hex");
  if (actual !== sha256) throw new Error(`${binary} has sha256 ${actual}, pinned is ${sha256}: not used`);
}

/** Where Terraform itself looks without being told. */
function usualMirrors({ TF_PLUGIN_CACHE_DIR, XDG_DATA_HOME, XDG_DATA_DIRS }: NodeJS.ProcessEnv): string[] {
  const shared = (XDG_DATA_DIRS || "/usr/local/share:/usr/share").split(":");
  const data = [XDG_DATA_HOME || path.join(homedir(), ".local/share"), ...shared];
  return [
    ...(TF_PLUGIN_CACHE_DIR ? [TF_PLUGIN_CACHE_DIR] : []),
    path.join(homedir(), ".terraform.d/plugins"),
    path.join(homedir(), ".terraform.d/plugin-cache"),
    ...data.map((folder) => path.join(folder, "terraform/plugins")),
  ];
}

function withFolders(root: string): string[] {
  try {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [root, ...folders.map(({ name }) => path.join(root, name))];
  } catch {
    return [];
  }
}

/** As Terraform names platforms, such as `linux_amd64`. */
export function terraformPlatform(platform: string = process.platform, arch: string = process.arch): string {
  return `${platform}_${{ x64: "amd64", ia32: "386" }[arch] ?? arch}`;
}
