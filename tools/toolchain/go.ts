import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { isExecutable, onPath } from "./installedEngine";
import type { Progress } from "./progress";

/** Where Go's installers put it without touching PATH. */
export const USUAL_PLACES = [
  "/usr/local/go/bin",
  "/usr/lib/go/bin",
  "/opt/homebrew/bin",
  "/snap/bin",
  path.join(homedir(), "go/bin"),
];

/** The machine's own Go: the first on PATH, else where it usually is. */
export function findGo(env: NodeJS.ProcessEnv, places: readonly string[] = USUAL_PLACES): string | undefined {
  return [...onPath("go", env), ...places.map((folder) => path.join(folder, "go"))].find(isExecutable);
}

export interface GoBuild {
  /** For a person. */
  name: string;
  /** The folder with `go.mod` and `go.sum`, which holds the checksum of everything that goes in. */
  module: string;
  /** What to build, such as `.`. */
  target: string;
  flags: readonly string[];
  output: string;
}

/**
 * Builds a program out of whatever module proxy Go is set to (`go env GOPROXY`), telling how far it is.
 * @throws Error with Go's own complaints
 */
export async function goBuild(
  go: string,
  { name, module, target, flags, output }: GoBuild,
  env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<void> {
  const run = (args: string[], listeners: Listeners) => runGo(go, args, module, env, listeners);
  // Lists what is to be compiled, for which it has to have every module.
  progress.step(`${name}: looking at its modules`);
  let downloads = 0;
  const packages: string[] = [];
  await run(
    ["list", "-mod=readonly", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", ...flags, target],
    {
      stdout: (line) => line && packages.push(line),
      stderr: (line) => {
        if (line.startsWith("go: downloading ")) progress.step(`${name}: downloading modules`, ++downloads);
      },
    },
  );
  // The program itself comes last. Most of its time is linking, which Go does not report.
  const waiting = new Set(packages.slice(0, -1));
  const total = waiting.size;
  const tell = () => {
    if (waiting.size === 0) progress.step(`${name}: linking`);
    else progress.step(`${name}: compiling`, total - waiting.size, total);
  };
  tell();
  await run(["build", "-mod=readonly", "-v", "-o", output, ...flags, target], {
    stderr: (line) => waiting.delete(line) && tell(),
  });
  if (!existsSync(output)) throw new Error(`go build made no ${path.basename(output)}`);
}

interface Listeners {
  stdout?: (line: string) => void;
  stderr?: (line: string) => void;
}

function runGo(
  go: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  listeners: Listeners,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(go, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const last: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => listeners.stdout?.(line));
    createInterface({ input: child.stderr }).on("line", (line) => {
      last.push(line);
      if (last.length > 5) last.shift();
      listeners.stderr?.(line);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`go ${args[0]} ended with ${signal ?? code}: ${last.join("; ")}`));
    });
  });
}
