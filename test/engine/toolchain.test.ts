import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureToolchain } from "../../tools/toolchain";
import { newBackend, newProject, processTree, pulumi, startPulumi, stateOf, type Backend } from "./pulumi";

/** The engine runs programs and policy packs of ours by way of the language host that is beside it. */

let backend: Backend;
const removals: (() => void)[] = [];
beforeAll(async () => {
  backend = await newBackend();
});
afterAll(() => {
  for (const remove of removals) remove();
  backend.remove();
});

/** A project with a stack; `run` runs `pulumi` on it. */
async function project(name: string, files: Record<string, string>) {
  const { folder, remove } = newProject({
    ...files,
    "Pulumi.yaml": `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\n`,
  });
  removals.push(remove);
  const options = { cwd: folder, env: backend.env };
  const run = (...args: string[]) => pulumi([...args, "--non-interactive", "--stack", "one"], options);
  expect(await pulumi(["stack", "init", "one"], options)).toMatchObject({ code: 0 });
  return { folder, options, run };
}

describe("a program", () => {
  it("is previewed, brought up once and destroyed, with its configuration and secrets", async () => {
    const { run, options } = await project("whole", {
      "index.js": `
        const pulumi = require("@pulumi/pulumi");
        const random = require("@pulumi/random");
        const config = new pulumi.Config();
        module.exports = async () => ({
          greeting: config.require("greeting"),
          key: config.requireSecret("key"),
          pet: new random.RandomId("pet", { byteLength: 4 }).hex,
          where: [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/"),
        });`,
    });
    await run("config", "set", "greeting", "hello: world");
    await run("config", "set", "--secret", "key", "not for all eyes");

    const preview = await run("preview");
    expect(preview).toMatchObject({ code: 0 });
    expect(preview.stdout).toContain("2 to create");
    expect((await stateOf("one", options)).resources).toEqual([]);

    const up = await run("up", "--yes", "--skip-preview");
    expect(up).toMatchObject({ code: 0 });
    expect(up.stdout).toMatch(/greeting: "hello: world"/);
    expect(up.stdout).toMatch(/where\s*: "organization\/whole\/one"/);
    expect(up.stdout).toMatch(/key\s*: \[secret\]/);
    expect(up.stdout).not.toContain("warning");
    const { resources } = await stateOf("one", options);
    expect(JSON.stringify(resources)).not.toContain("not for all eyes");
    expect((await pulumi(["stack", "output", "--show-secrets", "key"], options)).stdout.trim()).toBe(
      "not for all eyes",
    );

    expect((await run("up", "--yes", "--skip-preview")).stdout).toMatch(/2 unchanged/);
    expect(await run("destroy", "--yes", "--skip-preview")).toMatchObject({ code: 0 });
    expect((await stateOf("one", options)).resources).toEqual([]);
  });

  it("written in TypeScript is named by its own lines when it throws, and what it printed is shown", async () => {
    const { run } = await project("throws", {
      "index.js": `
        require(${JSON.stringify(path.resolve(__dirname, "../../tools/toolchain/typescript.cjs"))});
        module.exports = require("./program").program;`,
      "program.ts": `
        interface Args { servers: number }
        const refuse = ({ servers }: Args): never => {
          throw new Error(\`\${servers} servers are too many\`);
        };
        export const program = async () => {
          console.log("said aloud");
          console.error("said in sorrow");
          return refuse({ servers: 3 });
        };`,
    });
    const { code, stdout } = await run("preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain("3 servers are too many");
    expect(stdout).toMatch(/at refuse .*program\.ts:4:/);
    expect(stdout).toContain("said aloud");
    expect(stdout).toContain("said in sorrow");
    // The language host adds nothing to what the program has said itself.
    expect(stdout).not.toContain("non-zero exit code");
  });

  it("sends the SDK's debug messages only when they are wanted", async () => {
    const { options } = await project("debugs", {
      "index.js": `
        require(${JSON.stringify(path.resolve(__dirname, "../../tools/toolchain/typescript.cjs"))});
        require("@pulumi/pulumi");`,
    });
    const args = ["preview", "--debug", "--non-interactive", "--stack", "one"];
    const message = /RegisterResourceOutputs RPC finished/;
    expect((await pulumi(args, options)).stdout).not.toMatch(message);
    const debugging = { ...options, env: { ...options.env, DHISTANCE_DEBUG: "true" } };
    expect((await pulumi(args, debugging)).stdout).toMatch(message);
  });

  it("that ends without a word is reported with its exit code", async () => {
    const { run } = await project("ends", { "index.js": "process.exit(7);" });
    const { code, stdout } = await run("preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain("Program exited with non-zero exit code: 7");
  });

  it("names the wrong runtime option", async () => {
    const { run, folder } = await project("options", { "index.js": "" });
    execFileSync("sed", ["-i.bak", "s/typescript: false/nodeargs: 7/", path.join(folder, "Pulumi.yaml")]);
    const { code, stderr } = await run("preview");
    expect(code).not.toBe(0);
    expect(stderr).toContain("runtime option nodeargs is 7; it has to be a string");
  });

  it("does not outlive an engine that is killed, and neither do providers", async () => {
    const { options } = await project("orphan", {
      "index.js": `
        const { RandomId } = require("@pulumi/random");
        new RandomId("pet", { byteLength: 8 }).urn.apply(() => console.log("program " + process.pid + " waits"));
        module.exports = () => new Promise(() => setInterval(() => undefined, 1000));`,
    });
    const running = startPulumi(["preview", "--non-interactive", "--stack", "one"], options);
    await running.until(/program \d+ waits/);
    const before = processTree(running.pid);
    const commands = execFileSync("ps", ["-o", "args=", "-p", before.join(",")], { encoding: "utf8" });
    expect(commands).toMatch(/pulumi-resource-random .*\n(.*\n)*.*\/providers /);
    running.crash();
    await running.ended;
    await expect.poll(() => before.filter(isAlive), { timeout: 20_000 }).toEqual([]);
    const desks = path.join(options.env["PULUMI_HOME"] ?? "", "running");
    expect(readdirSync(desks).filter((desk) => desk.startsWith(`${running.pid}-`))).toEqual([]);
  });
});

describe("a policy pack", () => {
  const pack = {
    "policies/PulumiPolicy.yaml":
      "runtime: { name: nodejs, options: { typescript: false } }\nmain: index.js\n",
    "policies/package.json": '{ "name": "pack", "version": "1.0.0", "main": "index.js" }',
    "policies/index.js": `
      const pulumi = require("@pulumi/pulumi");
      const { PolicyPack } = require("@pulumi/policy");
      new PolicyPack("limits", {
        policies: [{
          name: "few-bytes",
          description: "An id has as many bytes as the stack's configuration allows.",
          enforcementLevel: "mandatory",
          validateResource: ({ type, props }, report) => {
            const allowed = Number(new pulumi.Config("limited").require("bytes"));
            if (type === "random:index/randomId:RandomId" && props.byteLength > allowed)
              report("stack " + pulumi.getStack() + " has " + props.byteLength + " bytes, allowed is " + allowed);
          },
        }],
      });`,
  };

  it("is run with the stack's name and configuration, lets through what complies and stops what does not", async () => {
    const { run, options } = await project("limited", {
      ...pack,
      "index.js": `
        const pulumi = require("@pulumi/pulumi");
        const { RandomId } = require("@pulumi/random");
        new RandomId("pet", { byteLength: new pulumi.Config().requireNumber("wanted") });`,
    });
    await run("config", "set", "bytes", "8");
    await run("config", "set", "wanted", "8");
    const compliant = await run("up", "--yes", "--skip-preview", "--policy-pack", "policies");
    expect(compliant).toMatchObject({ code: 0, stderr: "" });
    expect(compliant.stdout).toMatch(/limits.*\(local: policies\)/);
    expect((await stateOf("one", options)).resources.map(({ type }) => type)).toContain(
      "random:index/randomId:RandomId",
    );

    await run("config", "set", "wanted", "9");
    const refused = await run("preview", "--policy-pack", "policies");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout).toContain("stack one has 9 bytes, allowed is 8");
  });

  it("that cannot start stops the preview with its own complaint", async () => {
    const { run } = await project("broken", {
      ...pack,
      "policies/index.js": 'throw new Error("this pack is broken");',
      "index.js": "",
    });
    const { code, stdout, stderr } = await run("preview", "--policy-pack", "policies");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain("this pack is broken");
  });
});

describe("ensureToolchain", () => {
  it("does nothing when all is there", async () => {
    const present = await ensureToolchain({ quiet: true });
    const { cache, bin, rehearsal } = present;
    const content = () =>
      [bin, rehearsal ?? cache].flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: "utf8" })
          .filter((file) => !file.startsWith("workspaces"))
          .map((file) => [file, statSync(path.join(folder, file)).mtimeMs]),
      );
    const before = content();
    const entries = readdirSync(cache);
    expect(await ensureToolchain({ quiet: true })).toEqual(present);
    expect(content()).toEqual(before);
    expect(readdirSync(cache)).toEqual(entries);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
