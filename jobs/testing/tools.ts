/**
 * What tests need besides PostgreSQL: restic, an S3 server, an ACME server and the DNS server that goes with it. Built
 * once from their sources, which every Go mirror has, into the cache of tools; a restic on this machine that is new
 * enough is taken instead.
 */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { cached, cacheFolder, contentHash } from "../../tools/toolchain/cache";
import { findGo, goBuild } from "../../tools/toolchain/go";
import { onPath } from "../../tools/toolchain/installedEngine";
import { silent, type Progress } from "../../tools/toolchain/progress";

/** What is built, by the folder in `tools/` that has its modules. */
const TOOLS = {
  /** The version in Debian 13, which is the one in our images. */
  restic: ["restic", "github.com/restic/restic/cmd/restic"],
  versitygw: ["versitygw", "github.com/versity/versitygw/cmd/versitygw"],
  pebble: ["pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble"],
  "pebble-challtestsrv": ["pebble", "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv"],
} as const;

type Tool = keyof typeof TOOLS;

const FLAGS = ["-trimpath", "-ldflags=-s -w"];

/** Path of a tool; minutes the first time. @throws Error, saying what is missing on this machine */
export async function ensureTool(tool: Tool, progress: Progress = silent): Promise<string> {
  const own = tool === "restic" ? onPath("restic", process.env).find(isNewEnough) : undefined;
  if (own) return own;
  const go = findGo(process.env);
  if (!go) throw new Error(`there is neither ${tool} nor Go to build it with: https://go.dev/dl/`);
  const [folderOfModules, target] = TOOLS[tool];
  const module = path.join(__dirname, "tools", folderOfModules);
  const files = ["go.mod", "go.sum"].map((file) => path.join(module, file));
  const name = `${tool}-${contentHash([...FLAGS, process.platform, process.arch], files)}`;
  const { folder } = await cached(cacheFolder(), name, {
    onWait: () => progress.step(`${tool}: waiting for another process that is building it`),
    make: (folder) => {
      const build = {
        name: tool,
        ...{ module, target },
        flags: FLAGS,
        output: path.join(folder, tool),
      };
      return goBuild(go, build, process.env, progress);
    },
  });
  return path.join(folder, tool);
}

/** 0.17 says by its exit code what is wrong; Debian 12 has 0.14. */
function isNewEnough(restic: string): boolean {
  const [, minor] = /restic 0\.(\d+)/.exec(execFileSync(restic, ["version"], { encoding: "utf8" })) ?? [];
  return Number(minor) >= 17;
}

/** Puts restic on the PATH of this process and of what it starts. */
export async function useRestic(): Promise<void> {
  const folder = path.dirname(await ensureTool("restic"));
  process.env["PATH"] = [folder, process.env["PATH"]].join(path.delimiter);
}
