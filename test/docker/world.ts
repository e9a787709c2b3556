import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildOwnImages, hasImage } from "../../images/build";
import { freePort } from "../../jobs/testing/postgres";
import { ensureToolchain } from "../../tools/toolchain";
import { ensureDockerHome } from "../../tools/toolchain/dockerHome";
import { TestTenants } from "../engine/tenants";
import { buildImage, ensureBase, useEngine, type Engine } from "./engine";

/** The real engines, Pulumi's and Docker's, and the real Docker provider between them. */
export interface World {
  engine: Engine;
  tenants: TestTenants;
  /** For `target.docker`. */
  images: { gateway: string; dhis2: string };
  end(): Promise<void>;
}

/** The versions of DHIS2 that tests bring up; `later` is a release of the same major as `current`. */
export const VERSIONS = { current: "42.5.2", later: "42.6.0", newest: "43.1.0", oldest: "41.9.1" } as const;
const STAND_IN = "dhistance-test/dhis2-stand-in";
const PUBLIC_GATEWAY = "caddy:2.10.2";
const OWN_GATEWAY = "dhistance-test/caddy:debian";

/**
 * The images, the Pulumi engine and the provider, made if they are not there: minutes the first time.
 * @throws Error that says what this machine lacks
 */
export async function prepareWorld(engine: Engine, { quiet }: { quiet: boolean }) {
  const images = await buildAll(engine);
  return { images, home: await ensureDockerHome(await ensureToolchain({ quiet }), { quiet }) };
}

export async function startWorld(): Promise<World> {
  const engine = await useEngine();
  let tenants: TestTenants | undefined;
  const end = async () => {
    tenants?.remove();
    await engine.release();
  };
  try {
    const { images, home } = await prepareWorld(engine, { quiet: true });
    tenants = await TestTenants.start({
      platform: false,
      // Its runs are killed, and what they have made has to be in the state.
      env: { PULUMI_HOME: home, DOCKER_HOST: undefined, PULUMI_SKIP_CHECKPOINTS: undefined },
    });
    return { engine, tenants, images, end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function buildAll({ docker }: Engine): Promise<World["images"]> {
  await ensureBase(docker);
  await buildOwnImages(docker, { network: "host" });
  for (const version of Object.values(VERSIONS)) {
    const context = path.join(__dirname, "stand-in");
    await buildImage(docker, `${STAND_IN}:${version}`, { context, args: { VERSION: version } });
  }
  const gateway = (await hasImage(docker, PUBLIC_GATEWAY)) ? PUBLIC_GATEWAY : OWN_GATEWAY;
  if (gateway === OWN_GATEWAY)
    await buildImage(docker, gateway, { context: path.join(__dirname, "gateway") });
  return { gateway, dhis2: STAND_IN };
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

/** For `target.docker`: where a tenant is reached, on ports of this machine that nobody has. */
export async function freePlace() {
  const address = "127.0.0.1";
  const [http, https, monitoring] = [await freePort(), await freePort(), await freePort()];
  return { published: { address, http, https }, monitoring: { address, port: monitoring } };
}

/** @throws Error if it has not come about in two minutes */
export async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    if (await done().catch(() => false)) return;
    await sleep(500);
  }
  throw new Error(`in two minutes it did not come about that ${what}`);
}
