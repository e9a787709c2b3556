import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { describe, expect, it, vi } from "vitest";
import { parseOptions } from "./options";
import {
  Children,
  configKey,
  outcome,
  resolveSdk,
  runArguments,
  runEnvironment,
  type Run,
} from "./runProgram";

/** Programs are started, which takes its time on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

const run: Run = {
  engine: "127.0.0.1:1",
  monitor: "127.0.0.1:2",
  organization: "organization",
  project: "hosting",
  stack: "moh",
  root: "/p",
  folder: "/p/stacks/tenant",
  entry: ".",
  args: [],
  dryRun: false,
  parallel: 8,
  config: new Map(),
  secretKeys: [],
};

describe("runArguments", () => {
  it("is the SDK's command line, Node's own arguments first", () => {
    const options = parseOptions({ nodeargs: "--inspect" });
    expect(runArguments("/sdk/run.js", { ...run, dryRun: true, args: ["a", "b"] }, options)).toEqual([
      "--inspect",
      "/sdk/run.js",
      ...["--monitor", "127.0.0.1:2", "--engine", "127.0.0.1:1", "--organization", "organization"],
      ...["--project", "hosting", "--root-directory", "/p", "--stack", "moh", "--pwd", "/p/stacks/tenant"],
      ...["--parallel", "8", "--dry-run", ".", "a", "b"],
    ]);
  });

  it("leaves out what the engine does not say", () => {
    const args = runArguments("/sdk/run.js", { ...run, organization: "", root: "" }, parseOptions({}));
    expect(args).not.toContain("--organization");
    expect(args).not.toContain("--root-directory");
    expect(args).not.toContain("--dry-run");
  });
});

describe("runEnvironment", () => {
  it("has the configuration under the SDK's keys, whatever is in a value", () => {
    const config = new Map([
      ["hosting:tenant", '{"a":"b:c"}'],
      ["aws:region", "eu-west-1"],
    ]);
    const env = runEnvironment({ config, secretKeys: ["hosting:key"] }, parseOptions({}));
    expect(JSON.parse(env["PULUMI_CONFIG"] ?? "")).toEqual({
      "hosting:config:tenant": '{"a":"b:c"}',
      "aws:config:region": "eu-west-1",
    });
    expect(JSON.parse(env["PULUMI_CONFIG_SECRET_KEYS"] ?? "")).toEqual(["hosting:key"]);
  });

  it("leaves keys that have the older form already", () => {
    expect(configKey("aws:config:region")).toBe("aws:config:region");
  });
});

describe("outcome", () => {
  it("is nothing for success, silent for what the user has seen, else the code or the signal", () => {
    expect(outcome(0, null, "warning")).toEqual({});
    expect(outcome(32, null, "")).toEqual({ bail: true });
    expect(outcome(1, null, "")).toEqual({ error: "Program exited with non-zero exit code: 1" });
    expect(outcome(null, "SIGKILL", "")).toEqual({ error: "Program was ended by SIGKILL" });
  });

  it("says what to do about a program that ran out of memory", () => {
    const stderr = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory";
    expect(outcome(null, "SIGABRT", stderr).error).toMatch(/nodeargs: --max-old-space-size/);
  });
});

describe("resolveSdk", () => {
  it("finds the SDK that the program has, and says what to do when it has none", () => {
    expect(resolveSdk("@pulumi/pulumi/cmd/run", __dirname, "npm ci")).toMatch(/cmd\/run\/index\.js$/);
    expect(() => resolveSdk("@pulumi/pulumi/cmd/run", tmpdir(), "pulumi install")).toThrow(
      `${tmpdir()} does not have the Pulumi SDK installed. Have you run pulumi install?`,
    );
  });
});

describe("Children", () => {
  const start = (script: string) =>
    spawn(process.execPath, ["--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  const alive = (pid = 0) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  it("lets a program end by itself, and ends one that does not", async () => {
    const children = new Children();
    const willing = start(
      `process.on("SIGINT", () => process.exit(5)); setInterval(() => undefined, 1000); console.log("up")`,
    );
    const unwilling = start(
      `process.on("SIGINT", () => undefined); setInterval(() => undefined, 1000); console.log("up")`,
    );
    for (const child of [willing, unwilling]) children.add(child);
    await Promise.all(
      [willing, unwilling].map((child) => new Promise((up) => child.stdout.once("data", up))),
    );
    await children.stop(500);
    expect([willing.exitCode, unwilling.signalCode]).toEqual([5, "SIGKILL"]);
    expect([alive(willing.pid), alive(unwilling.pid)]).toEqual([false, false]);
    await children.stop(); // there is none to wait for
  });
});
