import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { engineEnvironment, ensureToolchain, type Toolchain } from "../../tools/toolchain";

/** Helpers for tests that run the real Pulumi command line, with the rehearsal providers and a backend of their own. */

const ROOT = path.resolve(__dirname, "../..");

let ready: Promise<Toolchain> | undefined;
/** The toolchain, made sure of once for a test file. */
export const toolchain = (): Promise<Toolchain> => (ready ??= ensureToolchain({ quiet: true }));

export interface Backend {
  /** Everything of it, made for this test. */
  folder: string;
  /** For `pulumi`: the tools, the rehearsal providers, this backend. */
  env: NodeJS.ProcessEnv;
  remove: () => void;
}

/**
 * The engine writes the state at the end of a run alone, not after each of its hundreds of resources, which takes half
 * of a run's time. Not where things are made that a run which is killed would leave behind.
 */
const ONE_CHECKPOINT = { PULUMI_SKIP_CHECKPOINTS: "true" };

/** An empty backend in a temporary folder; `remove` it at the end. */
export async function newBackend(): Promise<Backend> {
  const folder = temporary("backend-");
  const env = {
    ...engineEnvironment(await toolchain(), { providers: "rehearsal", state: folder }),
    ...ONE_CHECKPOINT,
  };
  return { folder, env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * A project in a temporary folder that finds the checkout's `node_modules`.
 * @param files contents by path in that folder; `Pulumi.yaml` of a plain Node program unless given
 * @returns the folder, and how to remove it
 */
export function newProject(files: Record<string, string>): { folder: string; remove: () => void } {
  const folder = temporary("project-");
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  const all = {
    "Pulumi.yaml": "name: tiny\nruntime: { name: nodejs, options: { typescript: false } }\n",
    "package.json": '{ "name": "tiny", "main": "index.js" }\n',
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface RunOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** After this, the engine and all it has started are killed and the run is an error. Default 180. */
  timeoutSeconds?: number;
}

export interface Result {
  /** The exit code; null when it was ended by a signal. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs `pulumi` to its end, whatever its exit code.
 * @throws Error with all it has said when it takes longer than allowed
 */
export function pulumi(args: string[], options: RunOptions): Promise<Result> {
  return startPulumi(args, options).ended;
}

export interface Running {
  pid: number;
  ended: Promise<Result>;
  /** Resolves as soon as standard output matches; rejects when the run ends before. */
  until: (pattern: RegExp) => Promise<void>;
  /** Kills the engine alone, without a chance to clear up, as a crash does. */
  crash: () => void;
  /** Kills the engine and every process that it has started. */
  kill: () => void;
}

/** Starts `pulumi`, for tests that do something to it while it runs. */
export function startPulumi(args: string[], { cwd, env, timeoutSeconds = 180 }: RunOptions): Running {
  const child = spawn("pulumi", args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const result: Result = { code: null, stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  child.stdout.on("data", (text: Buffer) => {
    result.stdout += String(text);
    for (const listener of listeners) listener();
  });
  child.stderr.on("data", (text: Buffer) => (result.stderr += String(text)));
  const kill = () => killTree(child.pid);
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    kill();
  }, timeoutSeconds * 1000);
  const ended = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    // Not `close`: a process that outlives the engine would hold its output open.
    child.on("exit", (code) => {
      clearTimeout(limit);
      setImmediate(() => {
        if (!late) return resolve({ ...result, code });
        const said = `${result.stdout}\n${result.stderr}`;
        reject(new Error(`pulumi ${args.join(" ")} took longer than ${timeoutSeconds} s; it said:\n${said}`));
      });
    });
  });
  const until = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(result.stdout)) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
      ended.then(
        () =>
          reject(new Error(`pulumi ended before it said ${pattern}:\n${result.stdout}\n${result.stderr}`)),
        reject,
      );
    });
  return { pid: child.pid ?? 0, ended, until, kill, crash: () => void child.kill("SIGKILL") };
}

/** A stack's state, as `pulumi stack export` has it; secrets stay encrypted. */
export interface State {
  resources: {
    urn: string;
    type: string;
    custom: boolean;
    id?: string;
    inputs?: Record<string, unknown>;
    outputs?: Record<string, unknown>;
    parent?: string;
    /** URN and id of the provider that has it. */
    provider?: string;
    protect?: boolean;
  }[];
  pendingOperations: unknown[];
}

/** @throws Error with what `pulumi stack export` said when it fails */
export async function stateOf(stack: string, options: RunOptions): Promise<State> {
  const { code, stdout, stderr } = await pulumi(["stack", "export", "--stack", stack], options);
  if (code !== 0) throw new Error(`pulumi stack export: ${stderr}`);
  const { deployment } = JSON.parse(stdout) as {
    deployment: { resources?: State["resources"]; pending_operations?: unknown[] };
  };
  return { resources: deployment.resources ?? [], pendingOperations: deployment.pending_operations ?? [] };
}

/** A process and all it has started. Plugins are put in process groups of their own, so a group is not enough. */
export function processTree(root: number): number[] {
  const parents = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const tree = [root];
  for (const pid of tree)
    tree.push(...parents.filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

function killTree(root: number | undefined): void {
  if (root === undefined) return;
  for (const pid of processTree(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** macOS has a link in the way of its temporary folder, and Pulumi shows paths without links. */
function temporary(prefix: string): string {
  return realpathSync(mkdtempSync(path.join(tmpdir(), prefix)));
}
