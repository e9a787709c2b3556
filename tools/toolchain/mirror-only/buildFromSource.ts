import { readFileSync } from "node:fs";
import path from "node:path";
import { cached, contentHash } from "../cache";
import { Obstacle, type Engine, type SourceContext } from "../engineSource";
import { findGo, goBuild, USUAL_PLACES } from "../go";
import { ENGINE_VERSION } from "../pins";

/** A Go module of our own that requires the engine's. */
const MODULE = path.join(__dirname, "engine");
/** As the official release is built, so that it is the same engine. */
const FLAGS = [
  "-trimpath",
  "-tags=osusergo,grpcnotrace",
  `-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${ENGINE_VERSION}`,
];

/** Of the cache. */
export const ENTRY = `engine-${ENGINE_VERSION}-source-${contentHash(
  [...FLAGS, process.platform, process.arch],
  ["go.mod", "go.sum"].map((file) => path.join(MODULE, file)),
)}`;

/**
 * The same engine built by the machine's own Go. The release's language host is not in the Go mirrors: ours goes
 * beside it (`bundle.ts`).
 */
export async function buildFromSource(
  { cache, env, progress }: SourceContext,
  places: readonly string[] = USUAL_PLACES,
): Promise<Omit<Engine, "way">> {
  const name = `Pulumi ${ENGINE_VERSION}`;
  const go = findGo(env, places);
  const wanted = /^go (\S+)$/m.exec(readFileSync(path.join(MODULE, "go.mod"), "utf8"))?.[1];
  const remedy = `install Go ${wanted} or later (https://go.dev/dl/), with GOPROXY set to a mirror this machine reaches`;
  if (!go) throw new Obstacle(`there is no \`go\` on PATH nor in ${places.join(", ")}`, remedy);
  try {
    const { folder, made } = await cached(cache, ENTRY, {
      onWait: () => progress.step(`${name}: waiting for another process that is building it`),
      make: (folder) => {
        const output = path.join(folder, "pulumi");
        const target = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
        return goBuild(go, { name, module: MODULE, target, flags: FLAGS, output }, env, progress);
      },
    });
    return { pulumi: path.join(folder, "pulumi"), made };
  } catch (error) {
    throw new Obstacle((error as Error).message, remedy);
  }
}
