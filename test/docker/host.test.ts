import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectHost, type HostRequirements } from "../../operations/docker/inspect";
import { BASE, startSmallEngine, type Engine } from "./engine";
import { freePlace, startWorld, VERSIONS, type World } from "./world";

/** What is said of a host that cannot take a tenant, by a real engine where there is one to ask. */
let world: World;
let engine: Engine;
let place: Awaited<ReturnType<typeof freePlace>>;
let folder: string;
let taken: Server;
beforeAll(async () => {
  world = await startWorld();
  engine = world.engine;
  place = await freePlace();
  folder = mkdtempSync(path.join(tmpdir(), "host-"));
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  taken?.close();
  rmSync(folder, { recursive: true, force: true });
  await world?.end();
});

const wanted = (port: number, container: string): HostRequirements["ports"][number] => ({
  ...{ address: "127.0.0.1", port, container, key: "target.docker.published.https" },
});
const needs = (change: Partial<HostRequirements> = {}): HostRequirements => ({
  tenant: "tierhost",
  ports: [],
  images: [BASE],
  memoryGiB: 1,
  containers: ["tierhost-gateway"],
  networks: [],
  ...change,
});

it("nothing is said of a host that has what is needed", async () => {
  expect(await inspectHost(engine.host, needs())).toEqual([]);
});

it("no engine", async () => {
  expect(await inspectHost(`unix://${path.join(folder, "none.sock")}`, needs())).toEqual([
    expect.stringMatching(/none\.sock"; no Docker engine answers there\. Start it .*or name another host$/),
  ]);
});

it("a socket that is not this account's to use", async () => {
  const socket = path.join(folder, "closed.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o600);
  chmodSync(folder, 0o755);
  // As root everything is allowed, so another account asks.
  const program = `require("tsx/cjs"); process.setuid?.(65534);
    require("./operations/docker/inspect").inspectHost("unix://${socket}", ${JSON.stringify(needs())}).then((all) => console.log(JSON.stringify(all)))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], {
    cwd: path.resolve(__dirname, "../.."),
  });
  server.close();
  expect(JSON.parse(stdout)).toEqual([
    expect.stringMatching(/closed\.sock"; this account may not use the engine\. .*usermod -aG docker/),
  ]);
});

it("an SSH host that is not reached", async () => {
  const { port } = taken.address() as AddressInfo;
  taken.on("connection", (socket) => socket.destroy());
  expect(await inspectHost(`ssh://ops@127.0.0.1:${port}`, needs())).toEqual([
    expect.stringMatching(
      /^target\.docker\.host: "ssh:\/\/ops@127\.0\.0\.1:\d+"; is not reached \(.+\)\. Try: ssh -p \d+ ops@127\.0\.0\.1 docker version$/,
    ),
  ]);
});

describe("a host that lacks something", () => {
  it("memory", async () => {
    expect(await inspectHost(engine.host, needs({ memoryGiB: 4096 }))).toEqual([
      expect.stringMatching(
        /^servers: their sizes take 4096 GiB of memory, .* it has [\d.]+ GiB\. Choose smaller sizes/,
      ),
    ]);
  });

  it("memory, which other containers of the host have", async () => {
    const GIB = 2 ** 30;
    const { MemTotal } = (await engine.docker.info()) as { MemTotal: number };
    const create = (name: string, labels: Record<string, string>) =>
      engine.docker.createContainer({
        name,
        Image: BASE,
        Labels: labels,
        Cmd: ["sleep", "60"],
        HostConfig: { Memory: MemTotal - 3 * GIB, RestartPolicy: { Name: "always" } },
      });
    const other = await create("other-hmis-database", {});
    try {
      expect(await inspectHost(engine.host, needs({ memoryGiB: 3 }))).toEqual([
        expect.stringMatching(
          /^servers: their sizes take 3 GiB of memory, other containers of the host take [\d.]+ GiB, and 1 GiB/,
        ),
      ]);
      const containers = ["other-hmis-database"];
      expect(await inspectHost(engine.host, needs({ memoryGiB: 3, containers }))).toEqual([]);
    } finally {
      await other.remove({ force: true });
    }
  });

  it("a port, taken by a program", async () => {
    const { port } = taken.address() as AddressInfo;
    expect(await inspectHost(engine.host, needs({ ports: [wanted(port, "tierhost-gateway")] }))).toEqual([
      `target.docker.published.https: port ${port} of 127.0.0.1 is taken by another program. Stop it, or name another port`,
    ]);
  });

  it("a port, taken by another tenant's container, but not by its own", async () => {
    const container = await engine.docker.createContainer({
      name: "tierhost-gateway",
      Image: BASE,
      Cmd: ["sleep", "60"],
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] }, Init: true },
      ExposedPorts: { "80/tcp": {} },
    });
    try {
      await container.start();
      const { NetworkSettings } = await container.inspect();
      const port = Number(NetworkSettings.Ports["80/tcp"]?.[0]?.HostPort);
      const asked = (container: string) =>
        inspectHost(engine.host, needs({ ports: [wanted(port, container)] }));
      expect(await asked("tierhost-gateway")).toEqual([]);
      expect(await asked("other-gateway")).toEqual([
        expect.stringContaining(`port ${port} is taken by the container tierhost-gateway.`),
      ]);
    } finally {
      await container.remove({ force: true });
    }
  });

  it("disk, and all else: a whole up is refused for it at once, before anything is made", async ({
    skip,
  }) => {
    skip(!world.engine.restart, "the engine is not the tests' own, and another one takes root to start");
    const small = await startSmallEngine(path.join(folder, "small"), world.engine, {
      ...{ sizeMiB: 700, image: BASE },
    });
    try {
      // It is asked of a container from the jobs image; any with a shell's tools will do.
      await small.docker.getImage(BASE).tag({ repo: "jobs", tag: "1" });
      const { port } = taken.address() as AddressInfo;
      const bought = { plan: "enterprise", maxServers: 20 } as const;
      const stack = await world.tenants.stack("tierhost", bought, (spec) => {
        const { published, monitoring } = place;
        spec.target = {
          docker: {
            ...{ host: small.host, certificates: { private: {} }, images: { jobs: "jobs:1" }, monitoring },
            published: { ...published, https: port },
          },
        };
        spec.backups = { locations: [] };
        spec.servers = Array.from({ length: 20 }, (_, index) => ({
          ...{ name: `s${index}`, dhis2: VERSIONS.current, size: "large", hostname: `s${index}.moh.test` },
        }));
      });
      const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview");
      expect(code).not.toBe(0);
      const said = stdout + stderr;
      expect(said).toMatch(/was refused: \d problems; nothing was changed\./);
      for (const problem of [
        /- servers: their sizes take \d+(\.\d+)? GiB of memory/,
        /- target\.docker\.published\.https: port \d+ of 127\.0\.0\.1 is taken by another program/,
        /- target\.docker\.images: "dhis2\/core:42\.5\.2" is not on the host, and cannot be pulled/,
        /- target\.docker\.host: its disk has 0\.\d GiB left, and a server needs 10 GiB to begin with\. Free disk space/,
      ])
        expect(said).toMatch(problem);
      expect((await stack.state()).resources.map(({ type }) => type)).not.toContainEqual(
        expect.stringMatching(/^(docker|random|tls):/),
      );
      expect(await small.docker.listContainers({ all: true })).toEqual([]);
      expect((await small.docker.listVolumes()).Volumes ?? []).toEqual([]);
      expect((await small.docker.listNetworks()).map(({ Name }) => Name).sort()).toEqual(["host", "none"]);
    } finally {
      await small.stop();
    }
  });

  it("an image", async () => {
    const images = ["registry.invalid/dhis2/core:42.5.2", "dhistance/nowhere:1"];
    const problems = await inspectHost(engine.host, needs({ images }));
    expect(problems).toEqual([
      expect.stringMatching(
        /"registry\.invalid\/dhis2\/core:42\.5\.2" is not on the host, and cannot be pulled \(.+\)\. Let the host reach the registry/,
      ),
      expect.stringMatching(/"dhistance\/nowhere:1" is not on the host.*npm run images -- --host unix:/),
    ]);
  });
});
