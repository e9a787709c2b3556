import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type Docker from "dockerode";
import { DEFAULT_IMAGES } from "../components/docker/target";
import { bundle } from "../jobs/bundle";

export interface Build {
  /** The folder that the Dockerfile and what it copies are in. */
  context: string;
  /** Those of its files that are sent. @default all */
  files?: string[];
  args?: Record<string, string>;
  /** The network in which it reaches Debian's packages. @default the engine's own */
  network?: "host";
}

/**
 * Builds an image; what is unchanged comes out of the engine's own cache.
 * @throws Error with the end of the build's output
 */
export async function buildImage(docker: Docker, tag: string, build: Build): Promise<void> {
  const { context, files = readdirSync(context), args = {}, network } = build;
  const output = await docker.buildImage(
    { context, src: files },
    { t: tag, buildargs: args, forcerm: true, ...(network && { networkmode: network }) },
  );
  await follow(docker, output).catch((error: Error) => {
    throw new Error(`building ${tag}: ${error.message}`);
  });
}

/** Our own images, under the names that the components use. */
export async function buildOwnImages(docker: Docker, network?: "host"): Promise<void> {
  const how = network ? { network } : {};
  await buildImage(docker, DEFAULT_IMAGES.postgres, { context: path.join(__dirname, "postgres"), ...how });
  const context = mkdtempSync(path.join(tmpdir(), "jobs-image-"));
  try {
    await bundle(context);
    copyFileSync(path.join(__dirname, "jobs/Dockerfile"), path.join(context, "Dockerfile"));
    await buildImage(docker, DEFAULT_IMAGES.jobs, { context, ...how });
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** Reads an answer of the engine's to its end, which is where it says what went wrong. */
export function follow(docker: Docker, output: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(
      output,
      (error: Error | null, lines: { stream?: string; error?: string }[]) => {
        const failed = error?.message ?? lines?.findLast((line) => line.error)?.error;
        if (!failed) return resolve();
        const last = (lines ?? []).map(({ stream }) => stream ?? "").join("");
        reject(new Error(`${failed}\n${last.slice(-2000)}`));
      },
    );
  });
}
