import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { EnvHttpProxyAgent, request } from "undici";
import { dependencies } from "../../package.json";
import { cached, cacheFolder, contentHash } from "../cache";
import { Obstacle } from "../engine";
import { isExecutable } from "../machine";
import { progressOn, silent, type Progress } from "../progress";
import { findGo } from "../go";
import { findTerraformProvider, verify } from "./terraform";

/**
 * The real AWS provider as an engine plugin, for machines that the engine cannot download the official one onto, and
 * for tests that need one whatever the machine.
 */

/** Of the plugin: the SDK's in package.json, the one place where it is pinned. */
export const AWS_VERSION = dependencies["@pulumi/aws"];

export interface AwsPlugin {
  /** The path of a `pulumi-resource-aws`. */
  plugin: string;
  /** How it was come by, such as `installed`. */
  way: string;
}

interface Context {
  cache: string;
  env: NodeJS.ProcessEnv;
  progress: Progress;
  /** The path of an engine's command line, which downloads plugins. */
  pulumi: string;
}
export interface PluginWay {
  name: string;
  find: (context: Context) => Promise<string>;
}

export const PLUGIN_WAYS: readonly PluginWay[] = [
  { name: "installed", find: findInstalled },
  { name: "official download", find: (context) => downloadOfficial(context) },
  { name: "Terraform's provider behind Pulumi's bridge", find: buildBridge },
];

export interface AwsPluginOptions {
  pulumi: string;
  /** No progress on standard error. Default false. */
  quiet?: boolean;
  env?: NodeJS.ProcessEnv;
  ways?: readonly PluginWay[];
}

/**
 * The AWS provider by the first way that leads to one; a bridge that has to be built takes minutes once.
 * @throws Error naming what stood in each way, and what would open it
 */
export async function ensureAwsPlugin({
  pulumi,
  quiet = false,
  env = process.env,
  ways = PLUGIN_WAYS,
}: AwsPluginOptions): Promise<AwsPlugin> {
  const progress = quiet ? silent : progressOn();
  const obstacles: [string, Obstacle][] = [];
  try {
    for (const { name, find } of ways) {
      try {
        return { plugin: await find({ cache: cacheFolder(env), env, progress, pulumi }), way: name };
      } catch (error) {
        if (!(error instanceof Obstacle)) throw error;
        obstacles.push([name, error]);
      }
    }
  } finally {
    progress.clear();
  }
  throw new Error(
    [
      `no AWS provider ${AWS_VERSION} for the engine: each way to it was tried.`,
      ...obstacles.map(([way, { message }], i) => `  ${i + 1}. ${way}: ${message}`),
      "One of these is enough:",
      ...obstacles.map(([, { remedy }]) => `  - ${remedy}`),
    ].join("\n"),
  );
}

const inHome = `plugins/resource-aws-v${AWS_VERSION}/pulumi-resource-aws`;

async function findInstalled({ env }: Context): Promise<string> {
  const plugin = path.join(env["PULUMI_HOME"] || path.join(homedir(), ".pulumi"), inHome);
  if (isExecutable(plugin)) return plugin;
  throw new Obstacle(`there is no ${plugin}`, `pulumi plugin install resource aws ${AWS_VERSION}`);
}

const OFFICIAL = "https://get.pulumi.com/releases/plugins";
/** A machine without a way out has to learn so quickly, in ms; the engine would try five times. */
const CONNECT_TIMEOUT = 4_000;
const DOWNLOAD_TIMEOUT = 600_000;

/** The engine's own download, which checks what it is told to: no checksum of it could be had to pin here. */
export async function downloadOfficial(
  { cache, env, progress, pulumi }: Context,
  origin = OFFICIAL,
): Promise<string> {
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_TIMEOUT },
    headersTimeout: CONNECT_TIMEOUT,
  });
  const platform = `${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const url = `${origin}/pulumi-resource-aws-v${AWS_VERSION}-${platform}.tar.gz`;
  try {
    const { statusCode, body } = await request(url, { method: "HEAD", dispatcher });
    await body.dump();
    if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
    const { folder } = await cached(cache, `aws-${AWS_VERSION}-official`, {
      make: async (folder) => {
        progress.step(`AWS provider ${AWS_VERSION}: downloading`);
        await promisify(execFile)(pulumi, ["plugin", "install", "resource", "aws", AWS_VERSION], {
          env: { ...env, PULUMI_HOME: folder, PULUMI_SKIP_UPDATE_CHECK: "true" },
          timeout: DOWNLOAD_TIMEOUT,
        });
      },
    });
    return path.join(folder, inHome);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new Obstacle(
      `${url}: ${message || code}`,
      `let this machine reach ${url} (HTTPS_PROXY is honoured)`,
    );
  } finally {
    await dispatcher.close();
  }
}

/** As small as it gets: it is read at every start. */
const FLAGS = ["-mod=readonly", "-trimpath", "-tags=osusergo,grpcnotrace", "-ldflags=-s -w"];

/** This folder's Go program built by the machine's own Go, with a provider's binary that is on the machine. */
async function buildBridge({ cache, env, progress }: Context): Promise<string> {
  const { binary, sha256 } = findTerraformProvider(env);
  const go = findGo(env);
  if (!go)
    throw new Obstacle(
      "there is no Go to build the bridge with",
      "install Go 1.25 or later: https://go.dev/dl/",
    );
  const sources = readdirSync(__dirname).filter(
    (file) => /\.go$|^go\.(mod|sum)$/.test(file) && !file.endsWith("_test.go"),
  );
  const { size, mtimeMs } = statSync(binary);
  const hash = contentHash(
    [...FLAGS, process.platform, process.arch, launcher(binary), String(size), String(mtimeMs)],
    sources.sort().map((file) => path.join(__dirname, file)),
  );
  const doing = "AWS provider: Terraform's, behind Pulumi's bridge";
  const { folder } = await cached(cache, `aws-${AWS_VERSION}-bridge-${hash}`, {
    onWait: () => progress.step(`${doing}: waiting for another process that is building it`),
    make: async (folder) => {
      progress.step(`${doing}: checking its binary`);
      await verify(binary, sha256);
      progress.step(`${doing}: building, minutes the first time`);
      await promisify(execFile)(go, ["build", ...FLAGS, "-o", path.join(folder, "bridge"), "."], {
        cwd: __dirname,
        env,
        maxBuffer: 1 << 26,
      });
      if (!existsSync(path.join(folder, "bridge"))) throw new Error("go build made no bridge");
      writeFileSync(path.join(folder, "pulumi-resource-aws"), launcher(binary), { mode: 0o755 });
    },
  });
  return path.join(folder, "pulumi-resource-aws");
}

/** Tells the bridge where the provider is; the engine knows of no such setting. */
function launcher(binary: string): string {
  const quoted = `'${binary.replaceAll("'", String.raw`'\''`)}'`;
  return `#!/bin/sh\nDHISTANCE_TERRAFORM_PROVIDER_AWS=${quoted} exec "\${0%/*}/bridge" "$@"\n`;
}
