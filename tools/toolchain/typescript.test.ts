import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

/** Each test starts programs, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "typescript-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs files that follow the loader, from a plain `index.js` as Pulumi does, and gives what it prints. */
function run(files: Record<string, string>): string {
  const loader = JSON.stringify(path.join(__dirname, "typescript.cjs"));
  const sdk = JSON.stringify(path.join(__dirname, "../..", "package.json"));
  const index = `require(${loader}); const sdk = require("node:module").createRequire(${sdk});\n`;
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, name), name === "index.js" ? index + content : content);
  }
  return execFileSync(process.execPath, [path.join(folder, "index.js")], {
    encoding: "utf8",
    timeout: 50_000,
  });
}

it("loads TypeScript by import, require and import(), each file knowing its own folder", () => {
  const said = run({
    "index.js": 'require("./main").main().then(console.log)',
    "main.ts": `
      import { one } from "./one";
      export const main = async (): Promise<string> => {
        const { two } = await import("./two");
        return JSON.stringify([one, two, __dirname]);
      };`,
    "one.ts": "export enum Size { Small = 1 }; export const one: Size = Size.Small;",
    "two.ts": "export const two = 2 satisfies number;",
  });
  expect(JSON.parse(said)).toEqual([1, 2, folder]);
});

it("takes a changed file for what it is now", () => {
  const index = 'console.log(require("./main").word)';
  expect(run({ "index.js": index, "main.ts": 'export const word: string = "before";' })).toBe("before\n");
  expect(run({ "index.js": index, "main.ts": 'export const word: string = "after";' })).toBe("after\n");
  expect(run({ "index.js": index, "main.ts": 'export const word: string = "before";' })).toBe("before\n");
});

it("names in a stack the TypeScript's lines, and packages' files as they are", () => {
  const said = run({
    "index.js": `
      const { fail } = require("./main");
      process.on("uncaughtException", (error) => { console.log(error.stack); process.exit(); });
      sdk("@pulumi/pulumi").output(1).apply(fail);`,
    "main.ts": `
      interface Wrong { count: number }

      export const fail = (count: Wrong["count"]): never => {
        throw new Error("count is " + count);
      };`,
  });
  expect(said).toContain("Error: count is 1\n");
  expect(said).toContain(`at fail (${folder}/main.ts:5:`);
  expect(said).toMatch(/node_modules\/@pulumi\/pulumi\/output\.js:\d+/);
});

it("keeps what Pulumi does with an uncaught error from never ending", () => {
  // Pulumi's source maps would make of its frame `…/node_modules/@pulumi/output.ts`, on which Node 20 hangs.
  const said = run({
    "index.js": `
      const { inspect } = require("node:util");
      process.on("uncaughtException", (error) => { console.log(inspect(error, { colors: true })); process.exit(); });
      sdk("@pulumi/pulumi").output(1).apply(() => { throw new Error("told"); });`,
  });
  expect(said).toContain("told");
});

it("fails a program that leaves promises, and says how many", () => {
  const index = (promises: string) => `
    const { debuggablePromise } = sdk("@pulumi/pulumi/runtime/debuggable");
    console.error = console.log;
    for (const promise of [${promises}]) debuggablePromise(promise);
    // After Pulumi's own listener, which the first promise adds.
    process.on("exit", () => { console.log(process.exitCode ?? 0); process.exitCode = 0; });`;
  const never = "new Promise(() => undefined)";
  const said = run({ "index.js": index(`Promise.resolve(), ${never}, Promise.resolve(), ${never}`) });
  expect(said).toMatch(/detected that 2 promises were still active[^]*\n1\n$/);
  expect(run({ "index.js": index("Promise.resolve(), Promise.resolve()") })).toBe("0\n");
});

it("leaves a promise that fails, and that nobody has waited for, to fail the program", () => {
  const said = run({
    "index.js": `
      const { debuggablePromise } = sdk("@pulumi/pulumi/runtime/debuggable");
      process.on("unhandledRejection", (error) => console.log("unhandled:", error.message));
      debuggablePromise(Promise.resolve());
      debuggablePromise(Promise.reject(new Error("told")));`,
  });
  expect(said).toBe("unhandled: told\n");
});

it("leaves the compiler unloaded until a function is to be serialised, which then works", () => {
  const said = run({
    "index.js": `
      const pulumi = sdk("@pulumi/pulumi");
      const heavy = () => Object.keys(require.cache).filter((file) => /typescript.lib|npmcli.arborist/.test(file)).length;
      const before = heavy();
      (async () => {
        const { text } = await pulumi.runtime.serializeFunction((x) => x + 1);
        const paths = await pulumi.runtime.computeCodePaths({ extraIncludePaths: [${JSON.stringify(__filename)}] });
        console.log(JSON.stringify({ before, after: heavy() > 0, text, paths: paths.size > 0 }));
      })();`,
  });
  const { text, ...others } = JSON.parse(said) as { text: string };
  expect(others).toEqual({ before: 0, after: true, paths: true });
  expect(text).toContain("(x) => x + 1");
});
