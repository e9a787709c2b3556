import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { resourcesOn } from "./target";

const ROOT = path.resolve(__dirname, "../..");
const FOLDER = path.join(ROOT, `node_modules/.cache/third-target-${process.pid}`);
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

/** The files of the checkout that do not compile, with what is said of each, when some code is added. */
function refused(code: string): Map<string, string> {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, "added.ts"), code);
  writeFileSync(
    path.join(FOLDER, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions: { incremental: false, types: ["node"], typeRoots: ["../../@types"] },
      include: ["added.ts", "../../../components/*/index.ts", "../../../stacks/tenant/program.ts"],
      exclude: [],
    }),
  );
  const tsc = path.join(ROOT, "node_modules/typescript-native/bin/tsc");
  const { stdout } = spawnSync(tsc, ["--noEmit", "--pretty", "false", "-p", FOLDER], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const errors = [...stdout.matchAll(/^(\S+?)\(\d+,\d+\): error (.*)$/gm)];
  return new Map(errors.map(([, file = "", message = ""]) => [file, message]));
}

describe("another kind of target", () => {
  it("does not compile until every component, and the program, knows it", () => {
    const without = refused(`
      declare module "../../../components/contract/target" {
        interface Targets { kubernetes: { kind: "kubernetes" } }
      }
      export {};
    `);
    const components = readdirSync(path.join(ROOT, "components"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^[A-Z]/.test(entry.name))
      .map(({ name }) => `components/${name}/index.ts`);
    expect(components).toHaveLength(6);
    for (const file of components) expect(without.get(file), file).toContain("kubernetes");
    expect(without.get("stacks/tenant/program.ts")).toContain("'Tenants'");
  });
});

describe("resourcesOn", () => {
  const component = { resources: { kind: "docker", volume: "data" } as const };

  it("gives what a component consists of to one on the same kind of target", () => {
    expect(resourcesOn("docker", component)).toEqual({ kind: "docker", volume: "data" });
  });

  it("refuses a component on another kind", () => {
    expect(() => resourcesOn("aws", component)).toThrow(
      "a component on aws was given one on docker; a tenant has one target",
    );
  });
});
