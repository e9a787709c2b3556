import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";

export interface Ended {
  code: number | null;
  /** Both streams, as they came. */
  output: string;
}

/** Runs a command in a container that runs. */
export async function inside(container: Docker.Container, command: string[]): Promise<Ended> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const both = new PassThrough();
  container.modem.demuxStream(stream, both, both);
  stream.on("close", () => both.end()).on("end", () => both.end());
  const output = await text(both);
  return { code: (await exec.inspect()).ExitCode, output };
}
