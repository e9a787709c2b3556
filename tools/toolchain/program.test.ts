import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createRequire } from "node:module";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

/** Each test bundles and starts programs, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const LOADER = path.join(__dirname, "program.cjs");
let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "program-")));
  symlinkSync(path.join(__dirname, "../../node_modules"), path.join(folder, "node_modules"));
});
afterEach(() => {
  for (const temporary of [folder, made()]) rmSync(temporary, { recursive: true, force: true });
});

/** Where what is made of `main.ts` is kept. */
function made(): string {
  const { folderOf } = createRequire(__filename)(LOADER) as { folderOf: (entry: string) => string };
  return folderOf(path.join(folder, "main.ts"));
}

/** Runs `main.ts`'s `main` as Pulumi would, and gives what that returns and which TypeScript was loaded by itself. */
function run(
  files: Record<string, string>,
  env: Record<string, string> = {},
): { said: string; loaded: string[] } {
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
  const index = `
    const { main } = require(${JSON.stringify(LOADER)})(require.resolve("./main.ts"));
    Promise.resolve().then(main).catch((error) => error.stack).then((said) => {
      const loaded = Object.keys(require.cache).filter((file) => file.endsWith(".ts"));
      console.log(JSON.stringify({ said, loaded }));
    });`;
  writeFileSync(path.join(folder, "index.js"), index);
  const output = execFileSync(process.execPath, [path.join(folder, "index.js")], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return JSON.parse(output) as { said: string; loaded: string[] };
}

it("is one file, in which each of ours knows its own folder and Pulumi's SDK is the one that Pulumi runs", () => {
  const files = {
    "main.ts": `
      import { VpcArgs } from "@pulumi/aws/ec2";
      import * as pulumi from "@pulumi/pulumi";
      import { createRequire } from "node:module";
      export const main = async (): Promise<string> => {
        const { two } = await import("./two");
        const sdk = createRequire(__dirname + "/index.js")("@pulumi/pulumi");
        const same = sdk.CustomResource === pulumi.CustomResource;
        const args: VpcArgs = {};
        return JSON.stringify([two, __dirname, same, args]);
      };`,
    "two.ts": "export const two = 2 satisfies number;",
  };
  // The second time with the machine code of the first.
  for (let time = 0; time < 2; time++) {
    const { said, loaded } = run(files);
    expect([JSON.parse(said), loaded]).toEqual([[2, folder, true, {}], []]);
  }
});

it("is recreated when a file that it is made of has changed", () => {
  const main = 'import { word } from "./word"; export const main = () => word;';
  for (const word of ["before", "after", "before"]) {
    expect(run({ "main.ts": main, "word.ts": `export const word: string = "${word}";` })).toEqual({
      said: word,
      loaded: [],
    });
  }
});

it("names in a stack the TypeScript's lines, whose places it has kept from then on", () => {
  const files = {
    "main.ts": `
      import { z } from "zod";
      import { fail } from "./fail";
      export const main = () => fail(z.number().parse(1));`,
    "fail.ts": `
      interface Wrong { count: number }

      export const fail = (count: Wrong["count"]): never => {
        throw new Error("count is " + count);
      };`,
  };
  for (let time = 0; time < 2; time++) {
    const { said, loaded } = run(files);
    expect(said).toContain("Error: count is 1\n");
    expect(said).toContain(`at fail (${folder}/fail.ts:5:`);
    expect(said).toContain(`at main (${folder}/main.ts:4:`);
    expect(loaded).toEqual([]);
    // Without the map it is the kept places that are named.
    const [map = ""] = readdirSync(made()).filter((name) => name.endsWith(".map"));
    if (time === 0) rmSync(path.join(made(), map));
  }
});

it("loads the files themselves where no bundle can be made", () => {
  // A package that is not there until the program itself sees to it.
  const { said, loaded } = run({
    "main.ts": `
      const missing = () => require("not-installed");
      export const main = () => { try { missing(); } catch (error) { return (error as { code: string }).code; } };`,
  });
  expect(said).toBe("MODULE_NOT_FOUND");
  expect(loaded).toEqual([path.join(folder, "main.ts")]);
});

it("can be switched off: the files are loaded themselves, and Pulumi's SDK stays as it was published", () => {
  const files = {
    "main.ts": `
      import { debug } from "@pulumi/pulumi/log";
      import { two } from "./two";
      export const main = () => JSON.stringify([two, __dirname, debug.toString() === "() => Promise.resolve()"]);`,
    "two.ts": "export const two: number = 2;",
  };
  expect(JSON.parse(run(files).said)).toEqual([2, folder, true]);
  const { said, loaded } = run(files, { DHISTANCE_LOADER: "plain" });
  expect(JSON.parse(said)).toEqual([2, folder, false]);
  expect(loaded).toEqual([path.join(folder, "main.ts"), path.join(folder, "two.ts")]);
});
