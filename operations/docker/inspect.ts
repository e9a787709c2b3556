import { createServer } from "node:net";
import type Docker from "dockerode";
import { connect } from "./engine";
import { within } from "../within";
import { JOB_LABEL } from "./job";
import { dockerCommand, LABELS } from "../../components/contract/dockerTarget";

/** What a tenant needs of a host. */
export interface HostRequirements {
  tenant: string;
  /** That it publishes, each with the container that does, and the key that names it. */
  ports: { address: string; port: number; container: string; key: string }[];
  images: string[];
  /** Memory limits of all of its containers. */
  memoryGiB: number;
  /** Names of its containers; others of the same stack are known by them. */
  containers: string[];
  /** Names of its internal networks. */
  networks: string[];
}

/** Less than this free is too little for any tenant: images are about 3 GiB, and databases grow. */
const LEAST_DISK_GIB = 10;
/** Memory for the host itself. */
export const HOST_GIB = 1;
const GIB = 2 ** 30;
/** Seconds. */
const CONNECT_TIMEOUT = 20;

/**
 * Why a tenant cannot be on a host, with what to do about each; nothing if it can.
 * @param host as in `target.docker.host`
 */
export async function inspectHost(
  host: string,
  needs: HostRequirements,
  docker: Docker = connect(host),
): Promise<string[]> {
  let info: { MemTotal: number; DockerRootDir: string };
  try {
    const answer = (await within(CONNECT_TIMEOUT, docker.info())) as typeof info | undefined;
    if (!answer) throw new Error(`no answer within ${CONNECT_TIMEOUT} s`);
    info = answer;
  } catch (error) {
    return [`target.docker.host: "${host}"; ${unreachable(host, error as NodeJS.ErrnoException)}`];
  }
  const results = await Promise.all([
    memoryOnHost(docker, needs).then((taken) => memoryProblem(info.MemTotal, needs, taken)),
    ...needs.ports.map((port) => portProblem(docker, host, port)),
    ...needs.images.map((image) => imageProblem(docker, host, image)),
    diskProblem(docker, host, needs),
  ]);
  return results.filter((problem) => problem !== undefined);
}

/** Port of nothing: a host that is reached refuses the connection, one with a firewall before it does not answer. */
const KNOCK =
  'require("net").connect({host: process.argv[1], port: 9, timeout: 2000}).on("connect", () => end("reached"))' +
  '.on("error", ({code}) => end(code === "ECONNREFUSED" ? "reached" : "closed")).on("timeout", () => end("closed"));' +
  "function end(text) { console.log(text); process.exit() }";

/**
 * Internal networks of a tenant from which the host's own services are reached: Docker gives the host an address in each,
 * and leaves it to the host's firewall what is reached there (moby/libnetwork issue 2261).
 * @returns a sentence about each, with what to do
 */
export async function openNetworks(
  host: string,
  { networks, images, tenant }: Pick<HostRequirements, "networks" | "images" | "tenant">,
  docker: Docker = connect(host),
): Promise<string[]> {
  const image = images.find((name) => name.includes("jobs"));
  const internal = (await docker.listNetworks()).filter(
    ({ Name, Internal }) => Internal && networks.includes(Name),
  );
  const found: string[] = [];
  for (const { Name, Id, IPAM } of internal) {
    const address = IPAM?.Config?.[0]?.Gateway;
    if (!image || !address) continue;
    const run = { image, name: `${tenant}-knock`, command: ["node", "-e", KNOCK, address], network: Name };
    if ((await outputOf(docker, run).catch(() => "")) === "reached")
      found.push(
        `from the network ${Name} the host's own services are reached, at ${address}. Close the host's firewall to ` +
          `it, in a way that survives a restart: iptables -I INPUT -i br-${Id.slice(0, 12)} -j DROP`,
      );
  }
  return found;
}

function unreachable(host: string, error: NodeJS.ErrnoException): string {
  const said = error.message.split("\n").at(-1) ?? "";
  if (host.startsWith("ssh:")) {
    return `is not reached (${said}). Try: ssh ${host.slice(6).replace(/^(.*):(\d+)$/, "-p $2 $1")} docker version`;
  }
  switch (error.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return (
        "no Docker engine answers there. Start it (Linux: sudo systemctl start docker; macOS and Windows: Docker " +
        "Desktop), or name another host"
      );
    case "EACCES":
      return (
        "this account may not use the engine. Run as one that may: sudo usermod -aG docker $USER, then log in again; " +
        "members of that group are as good as root"
      );
    default:
      return `does not answer (${said}). Try: docker -H ${host} version`;
  }
}

/** Memory limits of the containers that are on a host already, in GiB. */
export interface TakenMemory {
  own: number;
  others: number;
}

/**
 * Other tenants and programs on the host have their memory, too. What the tenant has already it keeps, also on a host that
 * is too small: its other changes have to be possible.
 * @param bytes of the host
 */
export function memoryProblem(
  bytes: number,
  { memoryGiB }: Pick<HostRequirements, "memoryGiB">,
  { own, others }: TakenMemory,
): string | undefined {
  const there = bytes / GIB;
  if (there - HOST_GIB >= memoryGiB + others || (others > 0 && memoryGiB <= own)) return undefined;
  const taken = others > 0 ? `, other containers of the host take ${rounded(others)} GiB` : "";
  return (
    `servers: their sizes take ${memoryGiB} GiB of memory${taken}, and ${HOST_GIB} GiB is the host's own; it has ` +
    `${there.toFixed(1)} GiB. Choose smaller sizes or fewer servers, or a larger host`
  );
}

const rounded = (gib: number) => Math.round(gib * 10) / 10;

/** What comes back with the engine counts, whether it runs now or not; jobs, which end, do not. */
async function memoryOnHost(docker: Docker, { containers }: HostRequirements): Promise<TakenMemory> {
  const all = await docker.listContainers({ all: true });
  const isNamed = ({ Names, Labels }: Docker.ContainerInfo) =>
    containers.includes(Labels[LABELS.container] ?? Names[0]?.slice(1) ?? "");
  // A server that is taken out of the stack file has containers that no name of it leads to.
  const stacks = new Set(all.filter(isNamed).map(({ Labels }) => Labels[LABELS.stack]));
  stacks.delete(undefined);
  const taken: TakenMemory = { own: 0, others: 0 };
  for (const container of all.filter(({ Labels }) => Labels[JOB_LABEL] === undefined)) {
    // One that was removed meanwhile takes nothing.
    const found = await docker
      .getContainer(container.Id)
      .inspect()
      .catch(() => undefined);
    const { State, HostConfig } = found ?? {};
    const restart = HostConfig?.RestartPolicy?.Name;
    if (!State?.Running && (!restart || restart === "no")) continue;
    const isOwn = isNamed(container) || stacks.has(container.Labels[LABELS.stack] ?? "");
    taken[isOwn ? "own" : "others"] += (HostConfig?.Memory ?? 0) / GIB;
  }
  return taken;
}

/** What else is on a port, if anything. The tenant's own container may be. */
async function portProblem(
  docker: Docker,
  host: string,
  { address, port, container, key }: HostRequirements["ports"][number],
): Promise<string | undefined> {
  const containers = await docker.listContainers();
  const holder = containers.find(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === port));
  const name = holder?.Names[0]?.slice(1);
  // One of the tenant's own that somebody renamed gets its name back.
  if (name === container || holder?.Labels[LABELS.container] === container) return undefined;
  const remedy = "Stop it, or name another port";
  if (name)
    return `${key}: port ${port} is taken by the container ${name}. ${remedy}: ${dockerCommand(host)} stop ${name}`;
  // What is no container is seen only on this machine.
  if (!host.startsWith("unix:") || (await free(address, port))) return undefined;
  return `${key}: port ${port} of ${address} is taken by another program. ${remedy}`;
}

function free(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    // A port that only root may take is the engine's to take.
    probe.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "EACCES"));
    probe.listen(port, address, () => probe.close(() => resolve(true)));
  });
}

async function imageProblem(docker: Docker, host: string, image: string): Promise<string | undefined> {
  const there = await docker
    .getImage(image)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  if (there) return undefined;
  // Asks the registry, and fetches nothing.
  const asked = await docker
    .getImage(image)
    .distribution()
    .then(
      () => undefined,
      (error: Error) => error.message.replace(/^\(HTTP code \d+\) [a-z ]+ - /, "").trim(),
    );
  if (asked === undefined) return undefined;
  const remedy = image.startsWith("dhistance/")
    ? `Build it there: npm run images -- --host ${host}`
    : `Let the host reach the registry, load the image there (${dockerCommand(host)} load), or name another: target.docker.images`;
  return `target.docker.images: "${image}" is not on the host, and cannot be pulled (${asked}). ${remedy}`;
}

/** Asked of a container, which alone sees the host's disk; without an image of ours there is none to ask. */
async function diskProblem(
  docker: Docker,
  host: string,
  { images, tenant }: HostRequirements,
): Promise<string | undefined> {
  const image = images.find((name) => name.includes("jobs"));
  if (!image) return undefined;
  const run = {
    image,
    name: `${tenant}-disk`,
    command: ["stat", "-f", "-c", "%a %S", "/"],
    network: "none",
  };
  const free = await outputOf(docker, run).then(
    (output) => {
      const [blocks = NaN, size = NaN] = output.split(" ").map(Number);
      return blocks * size;
    },
    () => undefined,
  );
  if (free === undefined || free >= LEAST_DISK_GIB * GIB) return undefined;
  return (
    `target.docker.host: its disk has ${(free / GIB).toFixed(1)} GiB left, and a server needs ${LEAST_DISK_GIB} GiB to ` +
    `begin with. Free disk space (${dockerCommand(host)} system df shows what images take), or name another host`
  );
}

/** Runs a command in a container of its own, which may do nothing. @returns what it prints */
async function outputOf(
  docker: Docker,
  { image, name, command, network }: { image: string; name: string; command: string[]; network: string },
): Promise<string> {
  // One that was killed would keep the name.
  const left = await docker
    .getContainer(name)
    .inspect()
    .catch(() => undefined);
  if (left?.Config.Labels[JOB_LABEL] !== undefined)
    await docker.getContainer(left.Id).remove({ force: true });
  const container = await docker.createContainer({
    name,
    Labels: { [JOB_LABEL]: name },
    Image: image,
    Cmd: command,
    Tty: true,
    HostConfig: { NetworkMode: network, ReadonlyRootfs: true, CapDrop: ["ALL"] },
  });
  try {
    await container.start();
    await container.wait();
    return (await container.logs({ stdout: true })).toString().trim();
  } finally {
    await container.remove({ force: true, v: true });
  }
}
