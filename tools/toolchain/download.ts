import { createHash } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar";
import type { Dispatcher } from "undici";
import { cached } from "./cache";
import { hostBeside, Obstacle, type Engine, type SourceContext } from "./engineSource";
import { pulumiVersion } from "./installedEngine";
import { ENGINE_VERSION } from "./pins";

/**
 * The official archives carry the engine and its language hosts. Their checksums are published with the release
 * and cannot be derived here, so none is pinned: the archive comes from Pulumi's own download site and is held to
 * the list at GitHub, where the release is signed. One of the two altered alone is refused.
 */
export interface Origins {
  archives: string;
  checksums: string;
}

const OFFICIAL: Origins = {
  archives: "https://get.pulumi.com/releases/sdk",
  checksums: `https://github.com/pulumi/pulumi/releases/download/v${ENGINE_VERSION}`,
};

/** Of the cache. */
export const ENTRY = `engine-${ENGINE_VERSION}-official`;

/** A machine without a way out has to learn so quickly, in ms. */
const CONNECT_TIMEOUT = 4_000;
/** Between two pieces of an archive, in ms. */
const STALL_TIMEOUT = 30_000;

/** The official archive for this platform. `HTTPS_PROXY` and `NO_PROXY` are honoured. */
export async function download(
  { cache, progress }: SourceContext,
  origins: Origins = OFFICIAL,
): Promise<Omit<Engine, "way">> {
  const archive = archiveName(ENGINE_VERSION, process.platform, process.arch);
  const url = `${origins.archives}/${archive}`;
  const remedy = `let this machine reach ${url} and ${origins.checksums} (HTTPS_PROXY is honoured)`;
  // Loaded here, for it takes longer to load than all else that a run with nothing to do needs.
  const { EnvHttpProxyAgent } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: CONNECT_TIMEOUT },
    headersTimeout: STALL_TIMEOUT,
    bodyTimeout: STALL_TIMEOUT,
  });
  const doing = `downloading Pulumi ${ENGINE_VERSION}`;
  try {
    const { folder, made } = await cached(cache, ENTRY, {
      onWait: () => progress.step(`${doing}: waiting for another process that is at it`),
      make: async (folder) => {
        const sums = await text(`${origins.checksums}/pulumi-${ENGINE_VERSION}-checksums.txt`, dispatcher);
        const expected = checksumOf(archive, sums);
        const file = path.join(folder, archive);
        const actual = await fetchTo(file, url, dispatcher, (done, total) =>
          progress.step(doing, done, total),
        );
        if (actual !== expected) {
          throw new Error(`${url} has sha256 ${actual}, published is ${expected}: not used`);
        }
        await extract({ file, cwd: folder, strip: 1 });
        await rm(file);
        const pulumi = path.join(folder, "pulumi");
        if (!existsSync(hostBeside(pulumi)))
          throw new Error(`${url} holds no ${path.basename(hostBeside(pulumi))}`);
        const version = await pulumiVersion(pulumi);
        if (version !== ENGINE_VERSION) throw new Error(`the pulumi of ${url} is ${version}`);
      },
    });
    return { pulumi: path.join(folder, "pulumi"), made };
  } catch (error) {
    throw new Obstacle(reason(error), remedy);
  } finally {
    await dispatcher.close();
  }
}

/** @throws Obstacle for a platform that has no official archive */
export function archiveName(version: string, platform: string, arch: string): string {
  if (!["linux", "darwin"].includes(platform) || !["x64", "arm64"].includes(arch)) {
    throw new Obstacle(`there is no archive for ${platform} ${arch}`, "use Linux or macOS on x64 or arm64");
  }
  return `pulumi-v${version}-${platform}-${arch}.tar.gz`;
}

/** The sha256 of a file in a list as `sha256sum` writes it. */
export function checksumOf(file: string, list: string): string {
  for (const line of list.split("\n")) {
    const [sum, name] = line.trim().split(/\s+\*?/);
    if (name === file && /^[0-9a-f]{64}$/.test(sum ?? "")) return sum as string;
  }
  throw new Error(`the published checksums do not name ${file}`);
}

async function get(url: string, dispatcher: Dispatcher, redirects = 3): Promise<Dispatcher.ResponseData> {
  const { request } = await import("undici");
  const response = await request(url, { dispatcher });
  const location = response.headers["location"];
  if (response.statusCode >= 300 && response.statusCode < 400 && location && redirects > 0) {
    await response.body.dump();
    return get(new URL(String(location), url).href, dispatcher, redirects - 1);
  }
  if (response.statusCode !== 200) {
    await response.body.dump();
    throw new Error(`${url} answers ${response.statusCode}`);
  }
  return response;
}

async function text(url: string, dispatcher: Dispatcher): Promise<string> {
  return (await get(url, dispatcher)).body.text();
}

/** @returns the sha256 of what came; `report` gets its size in MB */
async function fetchTo(
  file: string,
  url: string,
  dispatcher: Dispatcher,
  report: (done: number, total?: number) => void,
): Promise<string> {
  const { body, headers } = await get(url, dispatcher);
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  const total = megabytes(Number(headers["content-length"] ?? 0)) || undefined;
  const hash = createHash("sha256");
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, pass) {
      hash.update(chunk);
      size += chunk.length;
      report(megabytes(size), total);
      pass(null, chunk);
    },
  });
  await pipeline(body as Readable, count, createWriteStream(file));
  return hash.digest("hex");
}

/** The innermost cause says what happened; undici's own message is often empty. */
function reason(error: unknown): string {
  const { cause, message, code } = error as Error & { cause?: unknown; code?: string };
  if (cause instanceof Error) return reason(cause);
  return message || code || String(error);
}
