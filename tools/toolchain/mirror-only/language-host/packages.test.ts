import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installation } from "./installation";
import { parseOptions } from "./options";
import { dependencies, pluginOf, pluginPackages } from "./packages";

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "packages-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, content: unknown): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), typeof content === "string" ? content : JSON.stringify(content));
}
const install = (where: string, name: string, manifest: object) =>
  write(`${where}/node_modules/${name}/package.json`, { name, ...manifest });

describe("pluginPackages", () => {
  it("finds what a program can load, also from the workspace above it; the nearest counts", () => {
    install(".", "@pulumi/aws", { version: "7.0.0", pulumi: { resource: true } });
    install(".", "@pulumi/pulumi", { version: "3.0.0" });
    install(".", "plain", { version: "1.0.0" });
    install("app", "@pulumi/aws", { version: "6.0.0", pulumi: { resource: true } });
    install("app", "@acme/pulumi-dns", {
      version: "v1.0.0",
      pulumi: { resource: true, name: "dns", server: "https://plugins.acme.example" },
    });
    write("node_modules/broken/package.json", "{");
    expect(pluginPackages(path.join(root, "app/src")).sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: "aws", version: "v6.0.0" },
      { name: "dns", version: "v1.0.0", server: "https://plugins.acme.example" },
    ]);
  });

  it("finds the SDKs of this project", () => {
    expect(pluginPackages(__dirname).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["aws", "docker", "random", "tls"]),
    );
  });
});

describe("pluginOf", () => {
  it("takes the plugin's own version before the package's, and its parameters", () => {
    const parameterization = { name: "cloudinit", version: "2.0.0", value: "e30=" };
    const pulumi = { resource: true, name: "terraform-provider", version: "1.1.0", parameterization };
    expect(pluginOf({ name: "@pulumi/cloudinit", version: "2.0.0", pulumi })).toEqual({
      name: "terraform-provider",
      version: "v1.1.0",
      parameterization,
    });
  });

  it("does not list a package that does not say it is a plugin, or has no name", () => {
    expect(pluginOf({ name: "@pulumi/x", version: "1.0.0", pulumi: { resource: false } })).toBeUndefined();
    expect(pluginOf({ name: "@acme/x", version: "1.0.0", pulumi: { resource: true } })).toBeUndefined();
    expect(pluginOf({ name: "@pulumi/x", pulumi: { resource: true } })).toBeUndefined();
  });
});

describe("dependencies", () => {
  it("are those the program names, at their installed versions, or all there are", () => {
    write("app/package.json", {
      dependencies: { left: "^1.0.0", missing: "1" },
      devDependencies: { right: "*" },
    });
    install(".", "left", { version: "1.2.3" });
    install("app", "right", { version: "4.5.6" });
    install(".", "of-left", { version: "7.8.9" });
    const app = path.join(root, "app");
    const direct = [
      { name: "left", version: "1.2.3" },
      { name: "right", version: "4.5.6" },
    ];
    expect(dependencies(app, false)).toEqual(direct);
    expect(dependencies(app, true)).toEqual([direct[0], { name: "of-left", version: "7.8.9" }, direct[1]]);
  });
});

describe("installation", () => {
  it("goes by the lock file, and happens where that is", () => {
    write("pnpm-lock.yaml", "");
    const folder = path.join(root, "app");
    expect(installation(folder, parseOptions({ production: true }))).toEqual({
      command: "pnpm",
      args: ["install", "--production"],
      folder: root,
    });
  });

  it("is npm's without one, and whose the options say before all", () => {
    const folder = path.join(root, "app");
    expect(installation(folder, parseOptions({}))).toEqual({ command: "npm", args: ["install"], folder });
    write("app/yarn.lock", "");
    expect(installation(folder, parseOptions({ packagemanager: "bun" })).command).toBe("bun");
  });
});
