import path from "node:path";
import { kept } from "./cache";
import { download, ENTRY as DOWNLOAD } from "./download";
import { findInstalledEngine } from "./installedEngine";
import { ENGINE_VERSION } from "./pins";
import { buildFromSource, ENTRY as BUILD } from "./mirror-only/buildFromSource";
import { Obstacle, type Engine, type EngineSource, type SourceContext } from "./engineSource";

export { Obstacle };

/** In the order in which they are tried: the least work first. */
export const ENGINE_SOURCES: readonly EngineSource[] = [
  { name: "on this machine", find: findInstalledEngine },
  { name: "official download", entry: DOWNLOAD, find: (context) => download(context) },
  { name: "built from source", entry: BUILD, find: (context) => buildFromSource(context) },
];

/** No way led to an engine. */
export class NoEngine extends Error {
  override name = "NoEngine";
  constructor(readonly obstacles: readonly { way: string; obstacle: Obstacle }[]) {
    super(
      [
        `no Pulumi ${ENGINE_VERSION}: each way to it was tried.`,
        ...obstacles.map(({ way, obstacle }, i) => `  ${i + 1}. ${way}: ${obstacle.message}`),
        "One of these is enough:",
        ...obstacles.map(({ obstacle }) => `  - ${obstacle.remedy}`),
      ].join("\n"),
    );
  }
}

/**
 * The engine by the first way that leads to one. What a way has led to earlier comes before other ways are tried
 * again: one that takes a network to fail would fail each time.
 * @throws NoEngine with what stood in each way
 */
export async function findEngine(
  context: SourceContext,
  ways: readonly EngineSource[] = ENGINE_SOURCES,
): Promise<Engine> {
  const obstacles: { way: string; obstacle: Obstacle }[] = [];
  for (const way of ways) {
    try {
      const earlier = way.entry && (await firstKept(context.cache, ways));
      return earlier || { ...(await way.find(context)), way: way.name };
    } catch (error) {
      if (!(error instanceof Obstacle)) throw error;
      obstacles.push({ way: way.name, obstacle: error });
    }
  }
  throw new NoEngine(obstacles);
}

async function firstKept(cache: string, ways: readonly EngineSource[]): Promise<Engine | undefined> {
  for (const { name, entry } of ways) {
    const folder = entry && (await kept(cache, entry));
    if (folder) return { pulumi: path.join(folder, "pulumi"), way: name, made: false };
  }
  return undefined;
}
