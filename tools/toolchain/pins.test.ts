import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { version as installed } from "@pulumi/pulumi/package.json";
import { ENGINE_VERSION } from "./pins";

const engine = (file: string) => readFileSync(path.join(__dirname, "mirror-only/engine", file), "utf8");
const MODULE = "github.com/pulumi/pulumi/pkg/v3";

it("pins one exact version in package.json, which is the installed SDK's", () => {
  expect(ENGINE_VERSION).toMatch(/^\d+\.\d+\.\d+$/);
  expect(installed).toBe(ENGINE_VERSION);
});

it("builds that version from source, with its checksum", () => {
  expect(engine("go.mod")).toContain(`require ${MODULE} v${ENGINE_VERSION}\n`);
  expect(engine("go.sum")).toContain(`${MODULE} v${ENGINE_VERSION} h1:`);
});

it("leaves no module of the build to be found elsewhere than in a mirror", () => {
  expect(engine("go.mod")).not.toMatch(/^replace\b/m);
});
