import { dockerCommand } from "../../../components/contract/dockerTarget";
import type { ServerOnHost } from "../../../operations/docker/server";
import { CommandError } from "../errors";

export type Streams = [out: NodeJS.WritableStream, err: NodeJS.WritableStream];

/**
 * Runs a command in one of a server's backup containers and passes its output on.
 * @returns its exit code
 * @throws CommandError if there is no such container, or if it does not run
 */
export async function runIn(
  { docker, host }: ServerOnHost,
  name: string,
  Cmd: string[],
  [out, err]: Streams = [process.stdout, process.stderr],
): Promise<number> {
  const container = docker.getContainer(name);
  const { State } = await container.inspect().catch((error: DockerError) => {
    throw noContainer(name, host, error);
  });
  if (!State.Running) {
    throw new CommandError(`${name} does not run. Start it: ${dockerCommand(host)} start ${name}`);
  }
  const exec = await container.exec({ Cmd, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, out, err);
  await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  return (await exec.inspect()).ExitCode ?? 1;
}

type DockerError = Error & { statusCode?: number };

/** Why a container could not be looked at. */
export function noContainer(name: string, host: string, error: DockerError): CommandError {
  const message =
    error.statusCode === 404
      ? `there is no container ${name} at ${host}. Check tenant, server and host; a server without backups has no such container.`
      : `no Docker engine answers at ${host} (${error.message}).`;
  return new CommandError(message, 1, { cause: error });
}

/** A container made before `pitr` had this name has the program as `copies`, until the next `pulumi up`. */
const PITR = ["sh", "-c", 'command -v pitr >/dev/null || exec copies "$@"; exec pitr "$@"', "pitr"];

/**
 * Runs a command of point-in-time recovery in the container with the keys of the repositories.
 * @throws CommandError if it failed
 */
export async function runPitr(server: ServerOnHost, command: string[], streams?: Streams): Promise<void> {
  if ((await runIn(server, server.pitr, [...PITR, ...command], streams)) !== 0)
    throw new CommandError(`${command[0]} of ${server.name} failed; see the output above.`);
}
