import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildOwnImages } from "../../images/build";
import { ensureToolchain } from "../../toolchain";
import { DOCKER_VERSION, ensureDockerPlugin } from "../../toolchain/bridge";
import { TestTenants } from "../engine/tenants";
import { buildImage, ensureBase, hasImage, useEngine, type Engine } from "./engine";

/** The real engines, Pulumi's and Docker's, and the real Docker provider between them. */
export interface World {
  engine: Engine;
  tenants: TestTenants;
  /** For `target.docker`. */
  images: { gateway: string; dhis2: string };
  end(): Promise<void>;
}

/** The versions of DHIS2 that tests use. */
export const VERSIONS = ["42.5.2", "42.6.0"] as const;
const STAND_IN = "dhistance-test/dhis2-stand-in";
const PUBLIC_GATEWAY = "caddy:2.10.2";
const OWN_GATEWAY = "dhistance-test/caddy:debian";

/**
 * The images, the Pulumi engine and the provider, made if they are not there: minutes the first time.
 * @throws Error that says what this machine lacks
 */
export async function prepareWorld(engine: Engine, { quiet }: { quiet: boolean }) {
  const images = await buildAll(engine);
  const { pulumi, rehearsal } = await ensureToolchain({ quiet });
  const { plugin } = await ensureDockerPlugin({ pulumi, quiet });
  return { images, plugin, rehearsal: rehearsal as string };
}

export async function startWorld(): Promise<World> {
  const engine = await useEngine();
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "docker-")));
  let tenants: TestTenants | undefined;
  const end = async () => {
    tenants?.remove();
    rmSync(folder, { recursive: true, force: true });
    await engine.release();
  };
  try {
    const { images, plugin, rehearsal } = await prepareWorld(engine, { quiet: true });
    const home = engineHome(path.join(folder, "home"), rehearsal, plugin);
    tenants = await TestTenants.start({
      platform: false,
      env: { PULUMI_HOME: home, DOCKER_HOST: undefined },
    });
    return { engine, tenants, images, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function buildAll({ docker }: Engine): Promise<World["images"]> {
  await ensureBase(docker);
  await buildOwnImages(docker, "host");
  for (const version of VERSIONS) {
    const context = path.join(__dirname, "stand-in");
    await buildImage(docker, `${STAND_IN}:${version}`, { context, args: { VERSION: version } });
  }
  const gateway = (await hasImage(docker, PUBLIC_GATEWAY)) ? PUBLIC_GATEWAY : OWN_GATEWAY;
  if (gateway === OWN_GATEWAY)
    await buildImage(docker, gateway, { context: path.join(__dirname, "gateway") });
  return { gateway, dhis2: STAND_IN };
}

/** A Pulumi home with the real Docker provider; `random` and `tls` of the rehearsal are real as well. */
function engineHome(home: string, rehearsal: string, docker: string): string {
  const at = (name: string) => path.join(home, "plugins", name);
  const name = `resource-docker-v${DOCKER_VERSION}`;
  // Folders of their own: the engine takes no notice of links among its plugins.
  for (const folder of readdirSync(path.join(rehearsal, "plugins")).filter((other) => other !== name)) {
    mkdirSync(at(folder), { recursive: true });
    for (const file of readdirSync(path.join(rehearsal, "plugins", folder))) {
      symlinkSync(path.join(rehearsal, "plugins", folder, file), path.join(at(folder), file));
    }
  }
  mkdirSync(at(name), { recursive: true });
  for (const file of readdirSync(path.dirname(docker))) {
    symlinkSync(path.join(path.dirname(docker), file), path.join(at(name), file));
  }
  return home;
}

/** Takes away whatever a tenant has on an engine, in whatever state a test left it. */
export async function sweep({ docker }: Engine, tenant: string): Promise<void> {
  const ours = (name: string) => name.startsWith(`${tenant}-`);
  for (const { Id, Names } of await docker.listContainers({ all: true }))
    if (Names.some((name) => ours(name.slice(1))))
      await docker.getContainer(Id).remove({ force: true, v: true });
  for (const { Id, Name } of await docker.listNetworks())
    if (ours(Name)) await docker.getNetwork(Id).remove();
  const { Volumes } = await docker.listVolumes();
  for (const { Name } of Volumes ?? []) if (ours(Name)) await docker.getVolume(Name).remove();
}

/** Ports that nobody has, each another. */
export async function freePorts(): Promise<{ http: number; https: number }> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return (server.address() as AddressInfo).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { http: ports[0] as number, https: ports[1] as number };
}
