import type { ServerOnHost } from "../components/docker/server";

/**
 * Runs the image's `copies` in the container that has the keys, and shows what it says.
 * @throws Error if it failed, or if there is no such container
 */
export async function copies(
  { docker, host, copies }: ServerOnHost,
  command: string[],
  [out, err]: [NodeJS.WritableStream, NodeJS.WritableStream] = [process.stdout, process.stderr],
): Promise<void> {
  const container = docker.getContainer(copies);
  const { State } = await container.inspect().catch((error: Error & { statusCode?: number }) => {
    throw new Error(
      error.statusCode === 404
        ? `there is no container ${copies} at ${host}: another tenant, server or host, or a server without copies`
        : `no Docker engine answers at ${host} (${error.message})`,
    );
  });
  if (!State.Running) throw new Error(`${copies} does not run. Start it: docker start ${copies}`);
  const Cmd = ["copies", ...command];
  const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, out, err);
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  const { ExitCode } = await exec.inspect();
  if (ExitCode !== 0) throw new Error(`copies ${command[0]} did not succeed; the lines above say why`);
}
