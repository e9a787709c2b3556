/** What the agent on the customer's own host does, again and again: pulls the copies of each server, and drills them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readSecret } from "../import/cli/options";
import { readConfiguration, type Configuration } from "./configuration";
import { print } from "../command";
import { alarm, interruptible } from "./console";
import { refuseOverdue } from "./drill";
import { PlaceError } from "./errors";
import { publicKey } from "./manifest";
import { Place } from "./place";
import { Progress, report } from "./progress";
import { replicate } from "./replicate";
import { drillSummary, replicateSummary } from "./summary";
import { Vault } from "./vault";
import { tell, watch } from "./watch";

export interface ReplicateFlags {
  config: string;
  once?: boolean;
  scratch: string;
  json?: boolean;
}

export async function runReplicate(flags: ReplicateFlags): Promise<void> {
  const agent = new Agent(readConfiguration(flags.config), flags);
  await interruptible(async (signal) => {
    for (;;) {
      const problems = await agent.run(signal);
      if (flags.once) {
        if (problems[0]) throw problems[0];
        return;
      }
      await sleep(agent.configuration.everyMinutes * 60_000, undefined, { signal }).catch(() =>
        signal.throwIfAborted(),
      );
    }
  });
}

/** Milliseconds until a drill that failed is tried again: one may take hours. */
const RETRY = 24 * 3600 * 1000;

/** What a step is given. */
interface Tools {
  progress: Progress;
  signal: AbortSignal;
  /** Takes the line of progress away, before anything else is said. */
  stop: () => void;
  /** Of copies here, and of their source. */
  home: Place;
  source: Place;
}

class Agent {
  /** By server, when its drill failed. */
  private readonly failedAt = new Map<string, number>();

  constructor(
    readonly configuration: Configuration,
    private readonly flags: ReplicateFlags,
  ) {}

  /** Each server on its own, and each step: what befalls one keeps no other from being done. */
  async run(signal: AbortSignal): Promise<Error[]> {
    const problems: Error[] = [];
    const { drill, metrics } = this.configuration;
    for (const server of this.configuration.servers) {
      problems.push(...(await this.step(server, signal, (tools) => this.pull(server, tools))));
      if (drill || metrics)
        problems.push(...(await this.step(server, signal, (tools) => this.look(server, tools))));
    }
    return problems;
  }

  private async step(
    server: string,
    signal: AbortSignal,
    work: (tools: Tools) => Promise<Error[]>,
  ): Promise<Error[]> {
    const { configuration, flags } = this;
    const { copies, cloudPasswordFile, localPasswordFile } = configuration;
    const progress = new Progress();
    const stop = report(progress, flags.json ?? false);
    let vault: Vault | undefined;
    let problems: Error[];
    try {
      const cache = join(copies, ".cache");
      for (const directory of [cache, flags.scratch])
        await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: Error) => {
          throw new PlaceError(`${directory} cannot be written to: ${error.message}`);
        });
      vault = await Vault.open(flags.scratch);
      vault.useRolesAnywhere(configuration);
      const place = (url: string, passwordFile: string) => new Place(url, { passwordFile, cache }, signal);
      problems = await work({
        ...{ progress, signal, stop },
        home: place(join(copies, server), localPasswordFile),
        source: place(`${configuration.source}/${server}`, cloudPasswordFile),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error)) throw error;
      problems = [error];
    } finally {
      stop();
      await vault?.close();
    }
    problems.forEach(({ message }) => alarm(flags, message));
    return problems;
  }

  private get key() {
    const file = this.configuration.publicKeyFile;
    return file === undefined ? {} : { key: publicKey(readSecret(file, "publicKeyFile"), "publicKeyFile") };
  }

  private async pull(server: string, { progress, signal, stop, home, source }: Tools): Promise<Error[]> {
    const { retentionDays, parts, maxAgeHours, kibPerSecond } = this.configuration;
    const result = await replicate({
      ...{ source, target: home, ...this.key, retentionDays, parts, progress, signal },
      ...(kibPerSecond !== undefined && { bandwidth: { download: kibPerSecond } }),
    });
    stop();
    const said = { event: "replicated", server, ...result, problems: undefined };
    print(this.flags, said, replicateSummary(server, result));
    return [
      ...result.problems,
      ...overdue(`The newest copy of ${server} in ${home.url}`, result.newest?.at, maxAgeHours),
    ];
  }

  private async look(server: string, { progress, signal, stop, home }: Tools): Promise<Error[]> {
    const { drill, metrics } = this.configuration;
    const failed = Date.now() - (this.failedAt.get(server) ?? -Infinity) < RETRY;
    const health = await watch({
      ...{ place: home, ...this.key, scratch: this.flags.scratch, jobs: drill?.jobs ?? 1, progress, signal },
      every: drill && !failed ? drill.everyHours * 3600 : Infinity,
    });
    stop();
    if (health.failed) this.failedAt.set(server, Date.now());
    else if (health.drilledNow) this.failedAt.delete(server);
    if (health.last && health.drilledNow)
      print(this.flags, { event: "drilled", ...health.last }, drillSummary(health.last));
    const problems = [...health.problems];
    if (drill && health.newest !== undefined)
      problems.push(...overdue(`The last drill of ${home.url}`, health.last?.at, drill.maxAgeHours));
    if (metrics) {
      const told = { ...health, failed: health.failed || failed };
      await tell({ ...metrics, Server: server }, told, new Date()).catch(
        (error: Error) => void problems.push(error),
      );
    }
    return problems;
  }
}

function overdue(what: string, at: string | undefined, maxAgeHours: number): Error[] {
  try {
    refuseOverdue(what, at, maxAgeHours * 3600, new Date());
    return [];
  } catch (error) {
    return [error as Error];
  }
}
