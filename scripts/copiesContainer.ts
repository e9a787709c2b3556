import type { ServerOnHost } from "../operations/docker/server";
import { dockerCommand } from "../components/contract/dockerTarget";

type Streams = [out: NodeJS.WritableStream, err: NodeJS.WritableStream];

/**
 * Runs a command in one of the containers that keep a server's copies, and shows what it says.
 * @returns its exit code
 * @throws Error for a person if there is no such container, or if it does not run
 */
export async function runIn(
  { docker, host }: ServerOnHost,
  name: string,
  Cmd: string[],
  [out, err]: Streams = [process.stdout, process.stderr],
): Promise<number> {
  const container = docker.getContainer(name);
  const { State } = await container.inspect().catch((error: Error & { statusCode?: number }) => {
    throw new Error(
      error.statusCode === 404
        ? `there is no container ${name} at ${host}: another tenant, server or host, or a server without copies`
        : `no Docker engine answers at ${host} (${error.message})`,
    );
  });
  if (!State.Running) throw new Error(`${name} does not run. Start it: ${dockerCommand(host)} start ${name}`);
  const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, out, err);
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  return (await exec.inspect()).ExitCode ?? 1;
}

/**
 * Runs the image's `copies` in the container that has the keys of the log's places.
 * @throws Error if it failed
 */
export async function copies(server: ServerOnHost, command: string[], streams?: Streams): Promise<void> {
  if ((await runIn(server, server.copies, ["copies", ...command], streams)) !== 0)
    throw new Error(`copies ${command[0]} did not succeed; the lines above say why`);
}
