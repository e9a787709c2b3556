import { readFileSync } from "node:fs";
import type Docker from "dockerode";
import type { TenantStack } from "../engine/tenants";
import { inside, type Ended } from "./runInContainer";
import { startContainersS3, type ContainersS3 } from "./s3";
import { Visitor } from "./visitor";
import { freePlace, startWorld, sweep, VERSIONS, type World } from "./world";

/** Its host name. */
export const HOSTNAME = "hmis.moh.test";

/** A running trial tenant; its server `hmis` has backups on a disk and in an S3 server. */
export interface TenantWithBackups {
  world: World;
  s3: ContainersS3;
  stack: TenantStack;
  /** Through the tenant's gateway. */
  visitor: Visitor;
  /** Of the server: `database`, `copies`, `portable` and so on. */
  container(part: string): Docker.Container;
  run(part: string, ...command: string[]): Promise<Ended>;
  /** @returns its output, without the last line's end. @throws Error with it, if it does not end with 0 */
  succeed(part: string, ...command: string[]): Promise<string>;
  end(): Promise<void>;
}

/** @param disk as the spec has it */
export async function startTenantWithBackups(
  tenant: string,
  disk: { path?: string },
): Promise<TenantWithBackups> {
  const world = await startWorld();
  let s3: ContainersS3 | undefined;
  const end = async () => {
    await sweep(world.engine, tenant);
    await s3?.stop();
    await world.end();
  };
  try {
    await sweep(world.engine, tenant);
    s3 = await startContainersS3(world.engine);
    const { endpoint, bucket, accessKeyId, secretAccessKey, authority } = s3;
    const place = await freePlace();
    const stack = await world.tenants.stack(tenant, { plan: "trial", maxServers: 1 }, (spec, put) => {
      const { images, engine } = world;
      spec.target = { docker: { host: engine.host, ...place, certificates: { private: {} }, images } };
      const access = { endpoint, bucket, accessKeyId, secretAccessKey };
      const ca = put("s3.pem", readFileSync(authority, "utf8"));
      spec.backups = { locations: [{ disk }, { s3: { ...access, authority: ca } }] };
      spec.servers = [{ name: "hmis", dhis2: VERSIONS.current, size: "small", hostname: HOSTNAME }];
    });
    await stack.succeed("up", "--yes", "--skip-preview");
    const { stdout: root } = await stack.succeed("stack", "output", "authority");
    const visitor = new Visitor(place.published, root);
    const container = (part: string) => world.engine.docker.getContainer(`${tenant}-hmis-${part}`);
    const run = (part: string, ...command: string[]) => inside(container(part), command);
    return {
      ...{ world, s3, stack, visitor, container, run, end },
      succeed: async (part, ...command) => {
        const { code, output } = await run(part, ...command);
        if (code !== 0) throw new Error(`${command.join(" ")}: ${code}\n${output}`);
        return output.trim();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
