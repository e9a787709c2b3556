import { execFile } from "node:child_process";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { EnvHttpProxyAgent, request } from "undici";
import { dependencies } from "../../../../package.json";
import { cached, cacheFolder, contentHash } from "../../cache";
import { Obstacle } from "../../engine";
import { isExecutable } from "../../installedEngine";
import { progressOn, silent, type Progress } from "../../progress";
import { findGo, goBuild } from "../../go";
import { findTerraformProvider, verify } from "./terraform";

/**
 * The real AWS and Docker providers as engine plugins, for machines that the engine cannot download the official ones
 * onto, and for tests that need them whatever the machine.
 */

/** Of the plugins: the SDKs' in package.json, the one place where they are pinned. */
export const AWS_VERSION = dependencies["@pulumi/aws"];
export const DOCKER_VERSION = dependencies["@pulumi/docker"];

/** A plugin to get. */
interface Wanted {
  name: "aws" | "docker";
  /** For a person. */
  title: string;
  version: string;
  /** Finds or builds the binary of Terraform's provider; `verify` throws if it is not the one that is pinned. */
  terraform: (context: Context) => Promise<{ binary: string; verify?: () => Promise<void> }>;
}

const AWS: Wanted = {
  name: "aws",
  title: "AWS",
  version: AWS_VERSION,
  terraform: async ({ env }) => {
    const { binary, sha256 } = findTerraformProvider(env);
    return { binary, verify: () => verify(binary, sha256) };
  },
};

const DOCKER: Wanted = {
  name: "docker",
  title: "Docker",
  version: DOCKER_VERSION,
  terraform: async (context) => ({ binary: await buildDockerProvider(context) }),
};

export interface Plugin {
  /** The path of a `pulumi-resource-NAME`. */
  plugin: string;
  /** How it was come by, such as `installed`. */
  way: string;
}

interface Context {
  wanted: Wanted;
  cache: string;
  env: NodeJS.ProcessEnv;
  progress: Progress;
  /** The path of an engine's command line, which downloads plugins. */
  pulumi: string;
}
export interface PluginSource {
  name: string;
  find: (context: Context) => Promise<string>;
}

/** Of the ways the one through Terraform's provider. */
export const BRIDGE = "Terraform's provider behind Pulumi's bridge";

export const PLUGIN_SOURCES: readonly PluginSource[] = [
  { name: "installed", find: findInstalled },
  { name: "official download", find: (context) => downloadOfficial(context) },
  { name: BRIDGE, find: buildBridge },
];

export interface PluginOptions {
  pulumi: string;
  /** No progress on standard error. Default false. */
  quiet?: boolean;
  env?: NodeJS.ProcessEnv;
  ways?: readonly PluginSource[];
}

/**
 * The AWS provider by the first way that leads to one; a bridge that has to be built takes minutes once.
 * @throws Error naming what stood in each way, and what would open it
 */
export function ensureAwsPlugin(options: PluginOptions): Promise<Plugin> {
  return ensurePlugin(AWS, options);
}

/** The same of the Docker provider. */
export function ensureDockerPlugin(options: PluginOptions): Promise<Plugin> {
  return ensurePlugin(DOCKER, options);
}

async function ensurePlugin(
  wanted: Wanted,
  { pulumi, quiet = false, env = process.env, ways = PLUGIN_SOURCES }: PluginOptions,
): Promise<Plugin> {
  const progress = quiet ? silent : progressOn();
  const obstacles: [string, Obstacle][] = [];
  try {
    for (const { name, find } of ways) {
      try {
        return { plugin: await find({ wanted, cache: cacheFolder(env), env, progress, pulumi }), way: name };
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
      `no ${wanted.title} provider ${wanted.version} for the engine: each way to it was tried.`,
      ...obstacles.map(([way, { message }], i) => `  ${i + 1}. ${way}: ${message}`),
      "One of these is enough:",
      ...obstacles.map(([, { remedy }]) => `  - ${remedy}`),
    ].join("\n"),
  );
}

/** Where a Pulumi home has it. */
function inHome({ name, version }: Wanted): string {
  return `plugins/resource-${name}-v${version}/pulumi-resource-${name}`;
}

async function findInstalled({ wanted, env }: Context): Promise<string> {
  const plugin = path.join(env["PULUMI_HOME"] || path.join(homedir(), ".pulumi"), inHome(wanted));
  if (isExecutable(plugin)) return plugin;
  throw new Obstacle(
    `there is no ${plugin}`,
    `pulumi plugin install resource ${wanted.name} ${wanted.version}`,
  );
}

const OFFICIAL = "https://get.pulumi.com/releases/plugins";
/** A machine without a way out has to learn so quickly, in ms; the engine would try five times. */
const CONNECT_TIMEOUT = 4_000;
const DOWNLOAD_TIMEOUT = 600_000;

/** The engine's own download and its own checks: there is no checksum of it that could be pinned here. */
export async function downloadOfficial(
  { wanted, cache, env, progress, pulumi }: Context,
  origin = OFFICIAL,
): Promise<string> {
  const { name, title, version } = wanted;
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_TIMEOUT },
    headersTimeout: CONNECT_TIMEOUT,
  });
  const platform = `${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  const url = `${origin}/pulumi-resource-${name}-v${version}-${platform}.tar.gz`;
  try {
    const { statusCode, body } = await request(url, { method: "HEAD", dispatcher });
    await body.dump();
    if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
    const { folder } = await cached(cache, `${name}-${version}-official`, {
      make: async (folder) => {
        progress.step(`${title} provider ${version}: downloading`);
        await promisify(execFile)(pulumi, ["plugin", "install", "resource", name, version], {
          env: { ...env, PULUMI_HOME: folder, PULUMI_SKIP_UPDATE_CHECK: "true" },
          timeout: DOWNLOAD_TIMEOUT,
        });
      },
    });
    return path.join(folder, inHome(wanted));
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

/** This folder's Go program built by the machine's own Go, with a provider's binary beside it. */
async function buildBridge(context: Context): Promise<string> {
  const { wanted, cache, env, progress } = context;
  const { name, title, version } = wanted;
  const terraform = await wanted.terraform(context);
  const go = goOf(env);
  const sources = readdirSync(__dirname).filter(
    (file) => /\.go$|^go\.(mod|sum)$/.test(file) && !file.endsWith("_test.go"),
  );
  const { size, mtimeMs } = statSync(terraform.binary);
  const start = launcher(wanted, terraform.binary);
  const hash = contentHash(
    [...FLAGS, process.platform, process.arch, start, String(size), String(mtimeMs)],
    sources.sort().map((file) => path.join(__dirname, file)),
  );
  const doing = `${title} provider: Terraform's, behind Pulumi's bridge`;
  const { folder } = await cached(cache, `${name}-${version}-bridge-${hash}`, {
    onWait: () => progress.step(`${doing}: waiting for another process that is building it`),
    make: async (folder) => {
      progress.step(`${doing}: checking its binary`);
      await terraform.verify?.();
      const output = path.join(folder, "bridge");
      await goBuild(go, { name: doing, module: __dirname, target: ".", flags: FLAGS, output }, env, progress);
      writeFileSync(path.join(folder, `pulumi-resource-${name}`), start, { mode: 0o755 });
    },
  });
  return path.join(folder, `pulumi-resource-${name}`);
}

function goOf(env: NodeJS.ProcessEnv): string {
  const go = findGo(env);
  if (go) return go;
  throw new Obstacle(
    "there is no Go to build the bridge with",
    "install Go 1.25 or later: https://go.dev/dl/",
  );
}

/** A Go module of its own that requires Terraform's Docker provider, whose source Go's mirrors have. */
const DOCKER_MODULE = path.join(__dirname, "docker");
const DOCKER_BINARY = "terraform-provider-docker";

/** Terraform's Docker provider, built; go.sum has the checksum of all that goes into it. */
async function buildDockerProvider({ cache, env, progress }: Context): Promise<string> {
  const go = goOf(env);
  const files = ["go.mod", "go.sum"].map((file) => path.join(DOCKER_MODULE, file));
  const hash = contentHash([...FLAGS, process.platform, process.arch], files);
  const name = "Docker provider of Terraform";
  const { folder } = await cached(cache, `terraform-docker-${hash}`, {
    onWait: () => progress.step(`${name}: waiting for another process that is building it`),
    make: (folder) => {
      const target = "github.com/terraform-providers/terraform-provider-docker";
      const output = path.join(folder, DOCKER_BINARY);
      return goBuild(go, { name, module: DOCKER_MODULE, target, flags: FLAGS, output }, env, progress);
    },
  });
  return path.join(folder, DOCKER_BINARY);
}

/** Names another AWS provider's binary for the bridge to run, such as one under a debugger. */
export const BINARY_VARIABLE = binaryVariable(AWS);

function binaryVariable({ name }: Wanted): string {
  return `DHISTANCE_TERRAFORM_PROVIDER_${name.toUpperCase()}`;
}

/** Tells the bridge where the provider is; the engine knows of no such setting. */
function launcher(wanted: Wanted, binary: string): string {
  const quoted = `'${binary.replaceAll("'", String.raw`'\''`)}'`;
  const variable = binaryVariable(wanted);
  return `#!/bin/sh
own=${quoted}
DHISTANCE_TERRAFORM_PROVIDER="\${${variable}:-$own}" exec "\${0%/*}/bridge" "$@"
`;
}
