import { spawn } from "node:child_process";
import { Agent } from "node:http";
import { Duplex, PassThrough } from "node:stream";
import Docker from "dockerode";

/**
 * A client of a host's engine. Over SSH it goes as Docker's own clients do, through the machine's `ssh` with its
 * configuration, known hosts and agent, so that whoever can `docker -H ssh://…` can do this.
 * @param host `unix:///path/to/socket` or `ssh://user@host[:port]`
 */
export function connect(host: string): Docker {
  const { protocol, hostname, pathname } = new URL(host);
  switch (protocol) {
    case "unix:":
      // Without `host: undefined` the one of DOCKER_HOST would count for more.
      return client({ socketPath: pathname, host: undefined });
    case "ssh:":
      return client({ protocol: "http", host: hostname, port: 80, agent: new SshAgent(host) });
    default:
      throw new Error(`"${host}" is not a Docker host that can be reached; allowed: unix://… or ssh://…`);
  }
}

/** The types know nothing of an agent. */
function client(options: Record<string, unknown>): Docker {
  return new Docker(options as Docker.DockerOptions);
}

/** In seconds: a host that does not answer by then is taken not to. */
const CONNECT_TIMEOUT = 15;

/** Every connection is an `ssh` that talks to the engine's socket on the host. */
class SshAgent extends Agent {
  constructor(private readonly host: string) {
    super({ keepAlive: false });
  }

  override createConnection(_: unknown, done?: (error: Error | null, stream: Duplex) => void): Duplex {
    const { username, hostname, port } = new URL(this.host);
    const options = ["BatchMode=yes", `ConnectTimeout=${CONNECT_TIMEOUT}`];
    const ssh = spawn(
      "ssh",
      [
        ...options.flatMap((option) => ["-o", option]),
        ...(port ? ["-p", port] : []),
        ...(username ? ["-l", username] : []),
        ...["--", hostname, "docker system dial-stdio"],
      ],
      { stdio: "pipe" },
    );
    // Its input and output end before it has, and what it has said is worth more than that the connection was closed.
    const answers = ssh.stdout.pipe(new PassThrough(), { end: false });
    const questions = new PassThrough();
    questions.pipe(ssh.stdin.on("error", () => undefined));
    const stream = Duplex.from({ readable: answers, writable: questions });
    let said = "";
    ssh.stderr.on("data", (data) => (said += data));
    ssh.on("error", (error) => stream.destroy(error));
    ssh.on("close", (code) => {
      if (code) stream.destroy(new Error(said.trim() || `ssh ended with ${code}`));
      else answers.end();
    });
    stream.on("close", () => ssh.kill());
    done?.(null, stream);
    return stream;
  }
}
