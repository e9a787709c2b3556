import { execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import Docker from "dockerode";
import { buildImage as buildOn, follow, hasImage, pullImage, type Build } from "../../images/build";
import { cacheFolder, lock } from "../../tools/toolchain/cache";
import { onPath } from "../../tools/toolchain/installedEngine";

/**
 * A Docker engine for tests: the one that answers at `DOCKER_HOST` or at the usual socket, else one of our own with
 * its images in the cache, so that a second run builds nothing. Several processes share our own; the last ends it.
 */

export interface Engine {
  /** As `DOCKER_HOST` has it. */
  host: string;
  docker: Docker;
  /** Ends our own engine, containers and all, if nobody else uses it. */
  release(): Promise<void>;
  /** Our own alone: stops it as a host that shuts down does, and starts it again, once nobody else uses it. */
  restart?(): Promise<void>;
}

/** The address that this machine has in the engine's default network: containers reach it, and nobody else. */
export async function addressForContainers(docker: Docker): Promise<string> {
  const { IPAM } = (await docker.getNetwork("bridge").inspect()) as {
    IPAM: { Config: { Gateway: string }[] };
  };
  return IPAM.Config[0]?.Gateway ?? "";
}

/** Every image of ours stands on it. */
export const BASE = "debian:trixie-slim";

/** Why this machine has no engine and cannot start one, if so. */
export async function missingForEngine(): Promise<string | undefined> {
  if (await foreignEngine()) return undefined;
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "no Docker engine answers, and only root on Linux can start one: start it, or set DOCKER_HOST";
  const missing = ["dockerd", "debootstrap", "iptables"].filter((name) => onPath(name, sbin()).length === 0);
  return missing.length === 0
    ? undefined
    : `no Docker engine answers, and there is no ${missing.join(", ")}: apt-get install docker.io debootstrap iptables`;
}

/** @throws Error if none answers and none can be started */
export async function useEngine(): Promise<Engine> {
  const own = new OwnEngine(path.join(cacheFolder(), "docker-engine"));
  const found = await foreignEngine();
  if (found && found.host !== own.host) return { ...found, release: async () => undefined };
  await own.join();
  return { ...connect(own.host), release: () => own.leave(), restart: () => own.restart() };
}

function connect(host: string): { host: string; docker: Docker } {
  const socket = /^unix:\/\/(.*)/.exec(host)?.[1];
  const { hostname, port } = new URL(host);
  return { host, docker: new Docker(socket ? { socketPath: socket } : { host: hostname, port }) };
}

async function foreignEngine(): Promise<{ host: string; docker: Docker } | undefined> {
  const engine = connect(process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock");
  return (await answers(engine.docker)) ? engine : undefined;
}

function answers(docker: Docker): Promise<boolean> {
  return docker.ping().then(
    () => true,
    () => false,
  );
}

/** Root's tools may not be on the PATH of whoever started the tests. */
function sbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [process.env["PATH"], "/usr/sbin", "/sbin"].join(path.delimiter) };
}

class OwnEngine {
  readonly host: string;
  private readonly users: string;
  private readonly me: string;
  private readonly pidFile: string;

  constructor(private readonly folder: string) {
    this.host = `unix://${path.join(folder, "docker.sock")}`;
    this.users = path.join(folder, "users");
    this.me = path.join(this.users, identity(process.pid) ?? "");
    this.pidFile = path.join(folder, "docker.pid");
  }

  join(): Promise<void> {
    mkdirSync(this.users, { recursive: true });
    return this.alone(async () => {
      await writeFile(this.me, "");
      if (!(await answers(connect(this.host).docker))) await this.start();
    });
  }

  leave(): Promise<void> {
    return this.alone(async () => {
      await rm(this.me, { force: true });
      if (this.alive().length === 0) await this.stop();
    });
  }

  async restart(): Promise<void> {
    // Whoever started the tests holds the engine for all of them.
    const patient = [process.pid, process.ppid];
    for (let restarted = false; !restarted; await sleep(500)) {
      await this.alone(async () => {
        if (this.alive().some((pid) => !patient.includes(pid))) return;
        await this.stop();
        await this.start();
        restarted = true;
      });
    }
  }

  /** The processes that use the engine; of one that was killed its file is left. */
  private alive(): number[] {
    const users = readdirSync(this.users).map((user) => ({ user, pid: Number.parseInt(user, 10) }));
    return users.filter(({ user, pid }) => user === identity(pid)).map(({ pid }) => pid);
  }

  private async alone(work: () => Promise<void>): Promise<void> {
    const release = await lock(path.join(this.folder, "lock"), () => false);
    try {
      await work();
    } finally {
      await release?.();
    }
  }

  private async start(): Promise<void> {
    // What a killed one left would keep the new one from starting.
    await rm(this.pidFile, { force: true });
    const at = (name: string) => path.join(this.folder, name);
    await startDaemon(this.host, at("log"), {
      "data-root": at("data"),
      "exec-root": at("run"),
      pidfile: this.pidFile,
    });
  }

  private async stop(): Promise<void> {
    await stopDaemon(this.pidFile);
  }
}

async function startDaemon(
  host: string,
  logFile: string,
  options: Record<string, string>,
  [program, ...before]: [string, ...string[]] = ["dockerd"],
): Promise<void> {
  const log = openSync(logFile, "w");
  const daemon = spawn(
    program,
    [...before, ...Object.entries({ host, ...options }).map(([name, value]) => `--${name}=${value}`)],
    { detached: true, stdio: ["ignore", log, log], env: sbin() },
  );
  closeSync(log);
  daemon.unref();
  const { docker } = connect(host);
  for (let tries = 0; tries < 300; tries++) {
    if (await answers(docker)) return;
    if (daemon.exitCode !== null) break;
    await sleep(200);
  }
  throw new Error(`dockerd does not answer:\n${readFileSync(logFile, "utf8").slice(-2000)}`);
}

/** Asks a daemon to end, and waits until it has. */
async function stopDaemon(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  if (!alive(pid)) return;
  process.kill(pid);
  while (alive(pid)) await sleep(100);
}

/**
 * An engine whose disk is small and lies in memory, with one image of another engine's. It has no network.
 * @param folder empty; root alone can do this
 */
export async function startSmallEngine(
  folder: string,
  from: Engine,
  { sizeMiB, image }: { sizeMiB: number; image: string },
): Promise<{ host: string; docker: Docker; stop(): Promise<void> }> {
  const at = (name: string) => path.join(folder, name);
  const run = promisify(execFile);
  const host = `unix://${at("docker.sock")}`;
  mkdirSync(at("data"), { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "tmpfs", at("data")], { env: sbin() });
  const stop = async () => {
    await stopDaemon(at("pid"));
    await run("umount", [at("data")], { env: sbin() });
  };
  try {
    // In a network namespace of its own: an engine takes away the bridges and rules of another that it finds.
    await startDaemon(
      host,
      at("log"),
      {
        "data-root": at("data"),
        "exec-root": at("run"),
        pidfile: at("pid"),
        ...{ bridge: "none", iptables: "false", ip6tables: "false" },
      },
      ["unshare", "--net", "dockerd"],
    );
    const { docker } = connect(host);
    await follow(docker, await docker.loadImage(await from.docker.getImage(image).get()));
    return { host, docker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A process, also told from a later one that has its number: the moment of its start is the 22nd field (proc(5)). */
function identity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${pid}-${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * Debian 13 to build on: pulled, else made of the same packages where only a mirror of them is in reach.
 * @throws Error if it can be had in neither way
 */
export async function ensureBase(docker: Docker): Promise<void> {
  const release = await lock(path.join(tmpdir(), "dhistance-base.lock"), () => false);
  try {
    if (await hasImage(docker, BASE)) return;
    const pulled = await pullImage(docker, BASE).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (pulled === undefined) return;
    if (onPath("debootstrap", sbin()).length === 0)
      throw new Error(`${BASE} cannot be pulled (${pulled}), and there is no debootstrap to make it with`);
    await debootstrap(docker);
  } finally {
    await release?.();
  }
}

async function debootstrap(docker: Docker): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "trixie-"));
  const run = promisify(execFile);
  const options = { env: sbin(), maxBuffer: 1 << 26 };
  try {
    await run(
      "debootstrap",
      ["--variant=minbase", "trixie", folder, "http://deb.debian.org/debian"],
      options,
    );
    // As the official image has them; the list that debootstrap leaves is without security updates.
    await rm(path.join(folder, "etc/apt/sources.list"), { force: true });
    await writeFile(
      path.join(folder, "etc/apt/sources.list.d/debian.sources"),
      [
        ["debian", "trixie trixie-updates"],
        ["debian-security", "trixie-security"],
      ]
        .map(([at, suites]) =>
          [
            "Types: deb",
            `URIs: http://deb.debian.org/${at}`,
            `Suites: ${suites}`,
            "Components: main",
            "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
          ].join("\n"),
        )
        .join("\n"),
    );
    const leftOut = [
      "./var/cache/apt/archives/*",
      "./var/lib/apt/lists/*",
      "./usr/share/doc/*",
      "./usr/share/man/*",
    ];
    const tar = spawn(
      "tar",
      ["-C", folder, "--numeric-owner", ...leftOut.map((it) => `--exclude=${it}`), "-c", "."],
      {
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const [repo, tag] = BASE.split(":");
    await follow(docker, await docker.importImage(tar.stdout, { repo, tag, changes: 'CMD ["bash"]' }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Builds an image on `BASE`, with the machine's network, through which it reaches Debian's packages. */
export async function buildImage(docker: Docker, tag: string, build: Omit<Build, "network">): Promise<void> {
  await ensureBase(docker);
  await buildOn(docker, tag, { ...build, network: "host" });
}
