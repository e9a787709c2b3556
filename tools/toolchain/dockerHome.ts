import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import type { Toolchain } from "./";
import { DOCKER_VERSION, ensureDockerPlugin } from "./mirror-only/bridge";
import { cached, contentHash } from "./cache";

/**
 * A Pulumi home with the real Docker provider; `random` and `tls` are those of the rehearsal, which are real as well.
 * A provider that has to be built takes minutes once.
 * @returns its folder
 * @throws Error naming what stood in each way to the provider
 */
export async function ensureDockerHome(
  { pulumi, rehearsal, cache }: Toolchain,
  { quiet = false }: { quiet?: boolean } = {},
): Promise<string> {
  if (!rehearsal)
    throw new Error("there are no rehearsal providers in this checkout (tools/rehearsal/main.ts)");
  const { plugin } = await ensureDockerPlugin({ pulumi, quiet });
  const docker = `resource-docker-v${DOCKER_VERSION}`;
  const { folder } = await cached(cache, `docker-home-${contentHash([rehearsal, plugin])}`, {
    make: (home) => {
      const others = readdirSync(path.join(rehearsal, "plugins")).filter((name) => name !== docker);
      for (const name of others) link(path.join(rehearsal, "plugins", name), home, name);
      link(path.dirname(plugin), home, docker);
      return Promise.resolve();
    },
  });
  return folder;
}

/** Folders of their own: the engine takes no notice of links among its plugins. */
function link(from: string, home: string, name: string): void {
  const folder = path.join(home, "plugins", name);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(from)) symlinkSync(path.join(from, file), path.join(folder, file));
}
