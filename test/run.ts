import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pc from "picocolors";
import { onPath } from "../tools/toolchain/installedEngine";

/**
 * `npm test`: every check and every tier that this machine can run, side by side. A tier that it cannot run is
 * named with the reason; in CI (`CI=true`) that is a failure. `npm test -- unit engine` runs only those.
 */

const LANES = ["engine", "jobs", "docker"] as const;

interface Tier {
  name: string;
  what: string;
  /** Tiers of one lane run one after another, lanes side by side: most of the docker and jobs tiers is waiting. */
  lane: (typeof LANES)[number];
  /** What this machine lacks for it, if anything. */
  lacking?: () => string | undefined | Promise<string | undefined>;
}

const TIERS: Tier[] = [
  { name: "unit", lane: "engine", what: "pure functions; components under strict mocks" },
  { name: "engine", lane: "engine", what: "the real Pulumi engine with rehearsal providers" },
  {
    name: "jobs",
    lane: "jobs",
    what: "the data jobs on a real PostgreSQL with PostGIS, restic and an S3 server",
    lacking: async () => postgresql() ?? (await copyTools()),
  },
  {
    name: "emulator",
    lane: "engine",
    what: "the real AWS provider before an emulated AWS",
    lacking: emulator,
  },
  {
    name: "docker",
    lane: "docker",
    what: "a tenant on a real Docker engine, by the real provider",
    lacking: docker,
  },
];

function postgresql(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root).filter((v) => existsSync(path.join(root, v, "bin/initdb")))
    : [];
  const postgis = versions.some((v) => existsSync(`/usr/share/postgresql/${v}/extension/postgis.control`));
  return postgis
    ? undefined
    : "no PostgreSQL server with PostGIS: apt-get install postgresql postgis postgresql-15-postgis-3";
}

/** Builds what this machine has not: minutes the first time, nothing after that. */
async function copyTools(): Promise<string | undefined> {
  const { ensureTool } = await import("../jobs/testing/tools");
  const { progressOn } = await import("../tools/toolchain/progress");
  const progress = progressOn();
  try {
    for (const tool of ["restic", "versitygw"] as const) await ensureTool(tool, progress);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    progress.clear();
  }
}

/** Makes what it needs, too: minutes the first time, nothing after that. */
async function emulator(): Promise<string | undefined> {
  const { prepareWorld } = await import("./emulator/world");
  return prepareWorld({ quiet: false }).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** Makes what it needs, too: minutes the first time, seconds after that. */
async function docker(): Promise<string | undefined> {
  const { missingForEngine, useEngine } = await import("./docker/engine");
  const lacking = await missingForEngine();
  if (lacking) return lacking;
  const { prepareWorld } = await import("./docker/world");
  const engine = await useEngine();
  return prepareWorld(engine, { quiet: false })
    .then(
      () => undefined,
      (error: Error) => error.message,
    )
    .finally(() => engine.release());
}

interface Result {
  passed: number;
  failed: number;
  /** Tiers that this machine cannot run. */
  leftOut: string[];
}

const CHECKS: [name: string, command: string[]][] = [
  ["types", ["../typescript-native/bin/tsc", "--noEmit"]],
  ["lint", ["eslint", "--cache", "--cache-location", "node_modules/.cache/eslint/", "."]],
  ["format", ["prettier", "--check", "."]],
  ["words", ["cspell", "lint", "--no-progress", "--no-summary"]],
  // Who may import whom, and that nothing imports in a circle: `.dependency-cruiser.cjs`.
  ["imports", ["depcruise", "--output-type", "err", "."]],
];

async function main(names: string[]): Promise<void> {
  const unknown = names.filter((name) => !TIERS.some((tier) => tier.name === name));
  if (unknown.length)
    throw new Error(`no tier ${unknown.join(", ")}; there are ${TIERS.map((t) => t.name).join(", ")}`);
  const chosen = TIERS.filter(({ name }) => names.length === 0 || names.includes(name));
  for (const { name, what } of chosen) console.log(`${pc.bold(name.padEnd(8))} ${what}`);

  const results = await Promise.all([
    ...LANES.map((lane) => run(chosen.filter((tier) => tier.lane === lane))),
    ...(names.length === 0 ? [checks()] : []),
  ]);
  const leftOut = results.flatMap((result) => result.leftOut);
  for (const reason of leftOut) console.log(pc.yellow(reason));
  const sum = (of: "passed" | "failed"): number => results.reduce((all, result) => all + result[of], 0);
  const passed = sum("passed");
  const failed = sum("failed") + (process.env["CI"] === "true" ? leftOut.length : 0);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

async function run(tiers: Tier[]): Promise<Result> {
  const leftOut: string[] = [];
  const running: string[] = [];
  for (const { name, lacking } of tiers) {
    const reason = await lacking?.();
    if (reason) leftOut.push(`${name} was left out: ${reason}`);
    else running.push(name);
  }
  return { ...(running.length > 0 ? await vitest(running) : { passed: 0, failed: 0 }), leftOut };
}

async function vitest(projects: string[]): Promise<Omit<Result, "leftOut">> {
  const folder = mkdtempSync(path.join(tmpdir(), "tests-"));
  const report = path.join(folder, "report.json");
  try {
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const code = await command(
      ["vitest", "run", ...projects.flatMap((name) => ["--project", name]), ...reporters],
      "inherit",
    );
    if (!existsSync(report)) return { passed: 0, failed: 1 };
    const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync(report, "utf8")) as {
      numPassedTests: number;
      numFailedTests: number;
      success: boolean;
    };
    // An error outside any test fails the run without failing a test.
    const elsewhere = numFailedTests === 0 && (!success || code !== 0) ? 1 : 0;
    return { passed: numPassedTests, failed: numFailedTests + elsewhere };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One after another: each takes a core. */
async function checks(): Promise<Result> {
  const result: Result = { passed: 0, failed: 0, leftOut: [] };
  const shell = onPath("shellcheck", process.env)[0];
  if (!shell) result.leftOut.push("shell was left out: no shellcheck: apt-get install shellcheck");
  const lines = [...CHECKS, ...(shell ? [["shell", [shell, "-x", ...shellScripts()]] as const] : [])];
  for (const [name, line] of lines) {
    const code = await command([...line], "pipe");
    result[code === 0 ? "passed" : "failed"]++;
    console.log(code === 0 ? pc.green(`✓ ${name}`) : pc.red(`✗ ${name}: ${line.join(" ")}`));
  }
  return result;
}

/** Every file of the checkout that a shell runs. */
function shellScripts(): string[] {
  const root = path.join(__dirname, "..");
  const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" }).trim().split("\n");
  return files.filter((file) => /^#!.*\b(ba)?sh\b/.test(firstLine(path.join(root, file))));
}

function firstLine(file: string): string {
  return existsSync(file) ? (readFileSync(file, "latin1").split("\n", 1)[0] ?? "") : "";
}

/** Runs a command of `node_modules/.bin`, or by its path; its output is shown at its end unless it went straight through. */
function command([name = "", ...args]: string[], output: "inherit" | "pipe"): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(path.resolve(__dirname, "../node_modules/.bin", name), args, {
      cwd: path.join(__dirname, ".."),
      stdio: ["ignore", output, output],
    });
    let text = "";
    child.stdout?.on("data", (data) => (text += data));
    child.stderr?.on("data", (data) => (text += data));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code !== 0) process.stdout.write(text);
      resolve(code ?? 1);
    });
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(pc.red(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
});
