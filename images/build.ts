import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type Docker from "dockerode";
import { DEFAULT_IMAGES } from "../components/contract/dockerTarget";
import { bundle, bundleForPostgres } from "../jobs/bundle";
import { contentHash } from "../tools/toolchain/cache";

export interface Build {
  /** The folder that the Dockerfile and what it copies are in. */
  context: string;
  /** Those of its files that are sent. @default all */
  files?: string[];
  args?: Record<string, string>;
  labels?: Record<string, string>;
  /** The stage of the Dockerfile that it ends with. @default the last */
  target?: string;
  /** The network in which it reaches Debian's packages. @default the engine's own */
  network?: "host";
  /** Told what the engine says meanwhile. */
  report?: Report;
}

export type Report = (line: string) => void;

/**
 * Builds an image; what is unchanged comes out of the engine's own cache.
 * @throws Error with the end of the build's output
 */
export async function buildImage(docker: Docker, tag: string, build: Build): Promise<void> {
  const { context, files = readdirSync(context), args = {}, labels = {}, target, network, report } = build;
  const output = await docker.buildImage(
    { context, src: files },
    {
      t: tag,
      buildargs: args,
      labels,
      forcerm: true,
      ...(target && { target }),
      ...(network && { networkmode: network }),
    },
  );
  await follow(docker, output, report).catch((error: Error) => {
    throw new Error(`building ${tag}: ${error.message}`);
  });
}

/** Those that are built here, under the names that the components use. */
export const OWN_IMAGES: readonly string[] = [
  DEFAULT_IMAGES.postgres,
  DEFAULT_IMAGES.jobs,
  DEFAULT_IMAGES.drill,
  DEFAULT_IMAGES.monitoring,
];

/** On an image of ours: what it was built from, so that one of an older checkout can be recognised. */
const CONTENT = "dhistance.content";

/**
 * Our own images, or some of them: those that are not there, or were built from other files.
 * @returns which were built now
 */
export async function buildOwnImages(
  docker: Docker,
  { images = OWN_IMAGES, ...how }: Pick<Build, "network" | "report"> & { images?: readonly string[] } = {},
): Promise<string[]> {
  const built: string[] = [];
  const build = async (name: string, context: string, target?: string) => {
    const files = readdirSync(context).sort();
    const content = contentHash(
      files,
      files.map((file) => path.join(context, file)),
    );
    if ((await labelsOf(docker, name))?.[CONTENT] === content) return;
    await buildImage(docker, name, {
      ...{ context, labels: { [CONTENT]: content }, ...how },
      ...(target && { target }),
    });
    built.push(name);
  };
  if (images.includes(DEFAULT_IMAGES.postgres))
    await withContext(async (context) => {
      cpSync(path.join(__dirname, "postgres"), context, { recursive: true });
      await bundleForPostgres(context);
      await build(DEFAULT_IMAGES.postgres, context);
    });
  if (images.includes(DEFAULT_IMAGES.monitoring))
    await build(DEFAULT_IMAGES.monitoring, path.join(__dirname, "monitoring"));
  const ofJobs = (["jobs", "drill"] as const).filter((stage) => images.includes(DEFAULT_IMAGES[stage]));
  if (ofJobs.length > 0)
    await withContext(async (context) => {
      await bundle(context);
      copyFileSync(path.join(__dirname, "jobs/Dockerfile"), path.join(context, "Dockerfile"));
      for (const stage of ofJobs) await build(DEFAULT_IMAGES[stage], context, stage);
    });
  return built;
}

/** With an empty folder, for what an image is built from. */
async function withContext(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "image-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function labelsOf(docker: Docker, name: string): Promise<Record<string, string> | undefined> {
  const found = await docker
    .getImage(name)
    .inspect()
    .catch(() => undefined);
  return found?.Config.Labels ?? undefined;
}

/** Fetches an image from its registry. */
export async function pullImage(docker: Docker, name: string, report?: Report): Promise<void> {
  await follow(docker, await docker.pull(name), report);
}

export function hasImage(docker: Docker, name: string): Promise<boolean> {
  return docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** A line of a build, or of a download, with how far it has come. */
interface Said {
  stream?: string;
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
}

/** Reads an answer of the engine's to its end, which is where it says what went wrong. */
export function follow(docker: Docker, output: NodeJS.ReadableStream, report?: Report): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      output,
      (error: Error | null, lines: Said[]) => {
        const failed = error?.message ?? lines?.findLast((line) => line.error)?.error;
        if (!failed) return resolve();
        const last = (lines ?? []).map(({ stream }) => stream ?? "").join("");
        reject(new Error(`${failed}\n${last.slice(-2000)}`));
      },
      (said: Said) => {
        const line = lineOf(said);
        if (line) report?.(line);
      },
    );
  });
}

function lineOf({ stream, status, id, progressDetail: { current, total } = {} }: Said): string | undefined {
  if (stream) return stream.trim();
  const far = current && total ? ` ${Math.floor((100 * current) / total)} %` : "";
  return status && `${id ? `${id}: ` : ""}${status}${far}`;
}
