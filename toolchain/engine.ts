import path from "node:path";
import { download } from "./download";
import { findOnMachine } from "./machine";
import { ENGINE_VERSION } from "./pins";
import type { Progress } from "./progress";
import { buildFromSource } from "./source";

/** A `pulumi` of the pinned version with its language host for `runtime: nodejs` beside it. */
export interface Engine {
  pulumi: string;
  /** How it was come by, such as `on this machine`. */
  way: string;
  /** Made now, and not found whole from an earlier run. */
  made: boolean;
}

/** Why a way did not lead to an engine, in words that follow `because`, and what would open it. */
export class Obstacle extends Error {
  override name = "Obstacle";
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** One way to an engine. */
export interface Way {
  name: string;
  find: (context: WayContext) => Promise<Omit<Engine, "way">>;
}

export interface WayContext {
  cache: string;
  env: NodeJS.ProcessEnv;
  progress: Progress;
}

/** In the order in which they are tried: the least work first. */
export const WAYS: readonly Way[] = [
  { name: "on this machine", find: findOnMachine },
  { name: "official download", find: (context) => download(context) },
  { name: "built from source", find: buildFromSource },
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
 * The engine by the first way that leads to one.
 * @throws NoEngine with what stood in each way
 */
export async function findEngine(context: WayContext, ways: readonly Way[] = WAYS): Promise<Engine> {
  const obstacles: { way: string; obstacle: Obstacle }[] = [];
  for (const { name, find } of ways) {
    try {
      return { ...(await find(context)), way: name };
    } catch (error) {
      if (!(error instanceof Obstacle)) throw error;
      obstacles.push({ way: name, obstacle: error });
    }
  }
  throw new NoEngine(obstacles);
}

/** The language host's place: the engine looks beside its own file. */
export const hostBeside = (pulumi: string): string =>
  path.join(path.dirname(pulumi), "pulumi-language-nodejs");
