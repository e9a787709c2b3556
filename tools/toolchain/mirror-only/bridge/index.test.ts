import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { Obstacle } from "../../engine";
import { AWS_VERSION, DOCKER_VERSION, ensureAwsPlugin, type PluginSource } from "./";

it("serves the versions that the SDKs ask for", () => {
  const tables = readFileSync(path.join(__dirname, "info.go"), "utf8");
  for (const [name, version] of Object.entries({ aws: AWS_VERSION, docker: DOCKER_VERSION })) {
    expect(tables).toMatch(new RegExp(`"${name}": +{"${version.replaceAll(".", "\\.")}",`));
  }
});

const closed = (name: string): PluginSource => ({
  name,
  find: async () => {
    throw new Obstacle(`${name} is closed`, `open ${name}`);
  },
});

it("takes the first way that is open", async () => {
  const ways = [closed("one"), { name: "two", find: async () => "/plugin" }, closed("three")];
  expect(await ensureAwsPlugin({ pulumi: "", quiet: true, ways })).toEqual({ plugin: "/plugin", way: "two" });
});

it("says what stood in each way", async () => {
  await expect(
    ensureAwsPlugin({ pulumi: "", quiet: true, ways: [closed("one"), closed("two")] }),
  ).rejects.toThrow(
    `no AWS provider ${AWS_VERSION} for the engine: each way to it was tried.
  1. one: one is closed
  2. two: two is closed
One of these is enough:
  - open one
  - open two`,
  );
});

it("does not take a failure for a closed way", async () => {
  const broken = { name: "one", find: () => Promise.reject(new Error("broken")) };
  const ways = [broken, { name: "two", find: async () => "/plugin" }];
  await expect(ensureAwsPlugin({ pulumi: "", quiet: true, ways })).rejects.toThrow("broken");
});
