import path from "node:path";
import { createReadStream, statSync } from "node:fs";
import { PassThrough } from "node:stream";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import { LAST_LINES } from "../lastWords";
import { RunFailed } from "../runFailed";
import { within } from "../within";
import { connect } from "./engine";
import { dockerCommand } from "../../components/contract/dockerTarget";

/** A container that is run to its end. */
export interface JobRun {
  host: string;
  /** Of the container; one of this name that still runs is waited for, not a second one started. */
  name: string;
  image: string;
  command: string[];
  /** The only network it is in; `none` for none. */
  network: string;
  /** What is no secret, by variable. */
  environment?: Record<string, string>;
  /** Passwords by variable. They are seen by whoever may ask the engine, which is root, while the job runs. */
  secrets?: Record<string, string>;
  /** Named volumes by the path they are at. */
  volumes?: Record<string, string>;
  /** A file of this machine that is laid at that path before the start. */
  file?: { from: string; to: string };
  /** @default 65534:65534 */
  user?: string;
  /** Capabilities besides none. */
  capabilities?: string[];
  /** MiB. */
  memory: number;
  /** After so many seconds nobody waits for it any longer. */
  patience: number;
}

export const JOB_LABEL = "dhistance.job";

/**
 * Runs a job to its end and takes its container away.
 * @param show is given each line that it prints, as it prints it
 * @throws RunFailed if it could not be started, if it failed, or if patience ran out
 */
export async function runJob(
  title: string,
  run: JobRun,
  show: (line: string) => Promise<void>,
  docker: Docker = connect(run.host),
): Promise<void> {
  const container = (await running(docker, title, run)) ?? (await started(docker, title, run));
  const output: string[] = [];
  const followed = follow(docker, container, async (line) => {
    output.push(line);
    output.splice(0, output.length - LAST_LINES);
    await show(line);
  });
  const end = await within(run.patience, container.wait() as Promise<{ StatusCode: number }>);
  if (!end) {
    throw new RunFailed(
      `${title} still runs after ${run.patience} s, as ${run.name}. Run this again: it will wait for it.`,
    );
  }
  await followed;
  const { State } = await container.inspect();
  await container.remove({ v: true, force: true });
  if (end.StatusCode === 0) return;
  const why = State.OOMKilled ? `more than ${run.memory} MiB of memory` : `exit code ${end.StatusCode}`;
  throw new RunFailed([`${title} failed (${why})`, ...output].join("\n"));
}

/** The container of a `pulumi up` that was killed, if it still runs; of one that has ended nobody saw how. */
async function running(docker: Docker, title: string, run: JobRun): Promise<Docker.Container | undefined> {
  const container = docker.getContainer(run.name);
  const found = await container.inspect().catch(() => undefined);
  if (!found) return undefined;
  const label = found.Config.Labels[JOB_LABEL];
  if (label === undefined) {
    throw new RunFailed(
      `${title} needs the container name ${run.name}, which a container of somebody else's has (image ` +
        `${found.Config.Image}). It is left as it is. If nobody needs it, remove it: ` +
        `${dockerCommand(run.host)} rm --force ${run.name}`,
    );
  }
  if (found.State.Running && label === labelOf(run)) return container;
  await container.remove({ v: true, force: true });
  return undefined;
}

/** Tells one job from another of the same name; no secret is in it. */
function labelOf({ image, command }: JobRun): string {
  return JSON.stringify([image, command]);
}

async function started(docker: Docker, title: string, run: JobRun): Promise<Docker.Container> {
  let container: Docker.Container | undefined;
  try {
    container = await docker.createContainer({
      name: run.name,
      Image: run.image,
      Cmd: run.command,
      User: run.user ?? "65534:65534",
      Env: Object.entries({ ...run.environment, ...run.secrets }).map(([name, value]) => `${name}=${value}`),
      Labels: { [JOB_LABEL]: labelOf(run) },
      HostConfig: {
        NetworkMode: run.network,
        Binds: Object.entries(run.volumes ?? {}).map(([at, volume]) => `${volume}:${at}`),
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: run.capabilities ?? [],
        SecurityOpt: ["no-new-privileges:true"],
        Memory: run.memory * 2 ** 20,
        MemorySwap: run.memory * 2 ** 20,
        PidsLimit: 512,
      },
    });
    if (run.file) await copy(container, run.file.from, run.file.to);
    await container.start();
    return container;
  } catch (error) {
    await container?.remove({ v: true, force: true }).catch(() => undefined);
    throw new RunFailed(`${title} could not be started: ${(error as Error).message}`);
  }
}

/** Streams a file of this machine into a volume of a container, readable for its user. */
async function copy(container: Docker.Container, from: string, to: string): Promise<void> {
  const archive = pack();
  const { size } = statSync(from);
  const entry = archive.entry({ name: path.posix.basename(to), size, mode: 0o444 }, () => archive.finalize());
  const source = createReadStream(from).on("error", (error) => archive.destroy(error));
  source.pipe(entry);
  await container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: path.posix.dirname(to) });
}

/** Gives each line of output as it comes, to the end. */
async function follow(
  docker: Docker,
  container: Docker.Container,
  show: (line: string) => Promise<void>,
): Promise<void> {
  const lines = new PassThrough();
  const output = await container.logs({ follow: true, stdout: true, stderr: true });
  docker.modem.demuxStream(output, lines, lines);
  output.on("end", () => lines.end());
  output.on("error", (error) => lines.destroy(error));
  let rest = "";
  for await (const data of lines) {
    const parts = (rest + String(data)).split(/\r?\n/);
    rest = parts.pop() ?? "";
    for (const line of parts) await show(line);
  }
  if (rest) await show(rest);
}
