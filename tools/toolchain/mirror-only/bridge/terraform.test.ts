import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Obstacle } from "../../engine";
import { findTerraformProvider, MIRROR_VARIABLE, terraformPlatform, verify } from "./terraform";

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "mirror-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function layMirror(...at: string[]): string {
  const place = path.join(folder, ...at, "registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64");
  mkdirSync(place, { recursive: true });
  const binary = path.join(place, "terraform-provider-aws_v5.100.0_x5");
  writeFileSync(binary, "not the provider");
  chmodSync(binary, 0o755);
  return binary;
}
const nowhere = { XDG_DATA_HOME: "/nowhere", XDG_DATA_DIRS: "/nowhere" };

describe("where Terraform's provider is found", () => {
  it("in the mirror that the variable names, and only there", () => {
    const binary = layMirror("mine");
    layMirror("root", "other");
    const roots = [path.join(folder, "root")];
    const env = { ...nowhere, [MIRROR_VARIABLE]: path.join(folder, "mine") };
    expect(findTerraformProvider(env, roots, "linux_amd64").binary).toBe(binary);
    const wrong = { ...nowhere, [MIRROR_VARIABLE]: path.join(folder, "none") };
    expect(() => findTerraformProvider(wrong, roots, "linux_amd64")).toThrow(
      `${MIRROR_VARIABLE}=${folder}/none`,
    );
  });
  it("in Terraform's own mirror for everyone", () => {
    const binary = layMirror("share", "terraform/plugins");
    const env = { ...nowhere, XDG_DATA_DIRS: `/nowhere:${path.join(folder, "share")}` };
    expect(findTerraformProvider(env, [], "linux_amd64").binary).toBe(binary);
  });
  it("in a folder of a conventional root, whatever its name", () => {
    const binary = layMirror("root", "any-name");
    expect(
      findTerraformProvider(nowhere, ["/nowhere", path.join(folder, "root")], "linux_amd64").binary,
    ).toBe(binary);
  });
  it("says what to do where there is none, or no checksum", () => {
    const find = (platform: string) => () => findTerraformProvider(nowhere, [path.join(folder)], platform);
    expect(find("linux_amd64")).toThrow(Obstacle);
    expect(find("linux_amd64")).toThrow(
      "there is no registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/",
    );
    expect(find("plan9_mips")).toThrow("no checksum of Terraform's AWS provider is known for plan9_mips");
  });
});

it("refuses a binary with another checksum", async () => {
  const binary = layMirror();
  await expect(verify(binary, "00")).rejects.toThrow(/has sha256 [0-9a-f]{64}, pinned is 00: not used/);
});

it("names platforms as Terraform does", () => {
  expect(terraformPlatform("darwin", "arm64")).toBe("darwin_arm64");
  expect(terraformPlatform("linux", "x64")).toBe("linux_amd64");
});
