import path from "node:path";
import type { Progress } from "./progress";

/** A `pulumi` of the pinned version with its language host for `runtime: nodejs` beside it. */
export interface Engine {
  pulumi: string;
  /** How it was come by, such as `on this machine`. */
  way: string;
  /** Made now, and not found complete from an earlier run. */
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
export interface EngineSource {
  name: string;
  /** The folder of the cache that it makes and that has the engine as `pulumi`. */
  entry?: string;
  find: (context: SourceContext) => Promise<Omit<Engine, "way">>;
}

export interface SourceContext {
  cache: string;
  env: NodeJS.ProcessEnv;
  progress: Progress;
}

/** The language host's place: the engine looks beside its own file. */
export const hostBeside = (pulumi: string): string =>
  path.join(path.dirname(pulumi), "pulumi-language-nodejs");
