import { randomUUID } from "node:crypto";
import type Docker from "dockerode";
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
  { streams: [out, err] = [process.stdout, process.stderr], mayEnd = false }: RunInOptions = {},
): Promise<number> {
  const container = docker.getContainer(name);
  const { State } = await container.inspect().catch((error: DockerError) => {
    throw noContainer(name, host, error);
  });
  if (!State.Running) {
    throw new CommandError(`${name} does not run. Start it: ${dockerCommand(host)} start ${name}`);
  }
  const marked = mayEnd ? stoppable(container) : undefined;
  const exec = await container.exec({
    Cmd: marked ? [...marked.command, ...Cmd] : Cmd,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, out, err);
  const interrupted = () => void marked?.end().finally(() => process.exit(130));
  if (marked) process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    await new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
  return (await exec.inspect()).ExitCode ?? 1;
}

export interface RunInOptions {
  streams?: Streams;
  /** Ctrl-C here ends it there as well. It has to tolerate that at any time. @default false */
  mayEnd?: boolean;
}

/** Docker cannot end a command in a container. Its shell, which leads a group of its own, leaves its process id there. */
function stoppable(container: Docker.Container): { command: string[]; end: () => Promise<void> } {
  const file = `/tmp/started-${randomUUID()}`;
  return {
    command: ["sh", "-c", `echo $$ >${file}; "$@"; code=$?; rm ${file}; exit $code`, "sh"],
    end: async () => {
      const Cmd = ["sh", "-c", `kill -s TERM -- "-$(cat ${file})"; rm ${file}`];
      const exec = await container.exec({ Cmd });
      await exec.start({ Detach: true });
    },
  };
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
export async function runPitr(
  server: ServerOnHost,
  command: string[],
  options?: RunInOptions,
): Promise<void> {
  if ((await runIn(server, server.pitr, [...PITR, ...command], options)) !== 0)
    throw new CommandError(`${command[0]} of ${server.name} failed; see the output above.`);
}
