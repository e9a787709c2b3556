import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { cached, contentHash } from "./cache";
import { Obstacle, type Engine, type WayContext } from "./engine";
import { isExecutable, onPath } from "./machine";
import { ENGINE_VERSION } from "./pins";
import type { Progress } from "./progress";

/** A Go module of our own that requires the engine's: `go.sum` holds the checksum of everything that goes in. */
const MODULE = path.join(__dirname, "engine");
const PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
/** As the official release is built, so that it is the same engine. */
const FLAGS = [
  "-mod=readonly",
  "-trimpath",
  "-tags=osusergo,grpcnotrace",
  `-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${ENGINE_VERSION}`,
];
/** Where Go's installers put it without touching PATH. */
const USUAL_PLACES = ["/usr/local/go/bin", "/usr/lib/go/bin", "/opt/homebrew/bin", "/snap/bin"];

/**
 * The same engine built by the machine's own Go out of whatever module proxy that is set to (`go env GOPROXY`).
 * The release's language host is not in the Go mirrors: ours goes beside it (`bundle.ts`).
 */
export async function buildFromSource({ cache, env, progress }: WayContext): Promise<Omit<Engine, "way">> {
  const go = findGo(env);
  const wanted = /^go (\S+)$/m.exec(readFileSync(path.join(MODULE, "go.mod"), "utf8"))?.[1];
  const remedy = `install Go ${wanted} or later (https://go.dev/dl/), with GOPROXY set to a mirror this machine reaches`;
  if (!go) {
    throw new Obstacle(`there is no \`go\` on PATH nor in ${USUAL_PLACES.join(", ")}`, remedy);
  }
  const hash = contentHash(
    [...FLAGS, process.platform, process.arch],
    ["go.mod", "go.sum"].map((file) => path.join(MODULE, file)),
  );
  try {
    const { folder, made } = await cached(cache, `engine-${ENGINE_VERSION}-source-${hash}`, {
      onWait: () =>
        progress.step(`Pulumi ${ENGINE_VERSION}: waiting for another process that is building it`),
      make: (folder) => build(go, path.join(folder, "pulumi"), env, progress),
    });
    return { pulumi: path.join(folder, "pulumi"), made };
  } catch (error) {
    throw new Obstacle((error as Error).message, remedy);
  }
}

export function findGo(env: NodeJS.ProcessEnv): string | undefined {
  const folders = [...USUAL_PLACES, path.join(homedir(), "go/bin"), path.join(homedir(), ".local/go/bin")];
  return [...onPath("go", env), ...folders.map((folder) => path.join(folder, "go"))].find(isExecutable);
}

async function build(go: string, output: string, env: NodeJS.ProcessEnv, progress: Progress): Promise<void> {
  const name = `Pulumi ${ENGINE_VERSION}`;
  // Lists what is to be compiled, for which it has to have every module.
  let downloads = 0;
  progress.step(`${name}: looking at its modules`);
  const stale = new Set<string>();
  await run(go, ["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", ...FLAGS, PACKAGE], env, {
    stdout: (line) => line && stale.add(line),
    stderr: (line) => {
      if (line.startsWith("go: downloading ")) progress.step(`${name}: downloading modules`, ++downloads);
    },
  });
  let compiled = 0;
  progress.step(`${name}: compiling`, 0, stale.size);
  await run(go, ["build", "-v", "-o", output, ...FLAGS, PACKAGE], env, {
    stderr: (line) => {
      if (!stale.has(line)) return;
      compiled++;
      // The program itself is the last package; after it there is linking, which says nothing.
      progress.step(`${name}: ${line === PACKAGE ? "linking" : "compiling"}`, compiled, stale.size);
    },
  });
  if (!existsSync(output)) throw new Error(`go build made no ${path.basename(output)}`);
}

interface Listeners {
  stdout?: (line: string) => void;
  stderr?: (line: string) => void;
}

/** @throws Error with Go's own complaints */
function run(go: string, args: string[], env: NodeJS.ProcessEnv, listeners: Listeners): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(go, args, { cwd: MODULE, env, stdio: ["ignore", "pipe", "pipe"] });
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
