/**
 * What the agent on a Docker host does, again and again: makes the backups of its server if it is to, pulls those of each
 * server, and drills them.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readSecret, serverConfig } from "../import/cli/options";
import { readConfiguration, type Configuration } from "./configuration";
import { print } from "../runCommand";
import { alarm, interruptible } from "./console";
import { refuseOverdue } from "./drill";
import { LossError, LocationError } from "./errors";
import { exportServer } from "./export";
import { backupsIn } from "./load";
import { publicKey, signingKey } from "./manifest";
import { BackupLocation } from "./location";
import { Progress, report } from "./progress";
import { removeExpired, replicate } from "./replicate";
import { drillSummary, exportSummary, replicateSummary } from "./summary";
import { metricsText, writeMetrics } from "./prometheusMetrics";
import { Vault } from "./vault";
import { readHealth, reportMetrics, checkHealth, type Health } from "./health";

export interface ReplicateFlags {
  config: string;
  once?: boolean;
  now?: boolean;
  acceptShrink?: boolean;
  scratch: string;
  json?: boolean;
}

export async function runReplicate(flags: ReplicateFlags): Promise<void> {
  const agent = new Agent(readConfiguration(flags.config), flags);
  await interruptible(async (signal) => {
    if (!flags.once) await agent.begin(signal);
    for (;;) {
      const problems = await agent.run(signal);
      if (flags.once) {
        if (problems[0]) throw problems[0];
        return;
      }
      await sleep(agent.pause(problems), undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  });
}

/** Tables that are read at the same time: the application goes on meanwhile. */
const JOBS = 2;
/** A database that is away comes back in minutes: so soon an export is tried again. Milliseconds. */
const SOON = 5 * 60_000;
/** Rounds do not begin at the same second: a backup is due so much before its time. Hours. */
const EARLY = 0.5;

/** Milliseconds until a drill that failed is tried again: one may take hours. */
const RETRY = 24 * 3600 * 1000;

/** What a step is given. */
interface Tools {
  progress: Progress;
  signal: AbortSignal;
  /** Takes the line of progress away, before anything else is said. */
  stop: () => void;
  /** Of backups here, and of their source. */
  home: BackupLocation;
  source: BackupLocation;
}

class Agent {
  /** When the drill of a location failed, by its URL. */
  private readonly failedAt = new Map<string, number>();

  constructor(
    readonly configuration: Configuration,
    private readonly flags: ReplicateFlags,
  ) {}

  /** Milliseconds until the next run. */
  pause(problems: readonly Error[]): number {
    const usual = this.configuration.everyMinutes * 60_000;
    // What was lost is for a person: asking again does not bring it back.
    const failed = problems.some((each) => !(each instanceof LossError));
    return this.configuration.export && failed ? Math.min(usual, SOON) : usual;
  }

  /** Reports what is known before the first run, which may take hours. */
  async begin(signal: AbortSignal): Promise<void> {
    for (const server of this.configuration.reports === undefined ? [] : this.configuration.servers) {
      const seen: Record<string, Health> = {};
      const problems = await this.step(server, signal, async ({ home, source }) => {
        for (const [name, location] of Object.entries({ disk: home, cloud: source }))
          seen[name] = await readHealth(location, this.key.key);
        return Object.values(seen).flatMap(({ problems }) => problems);
      });
      await this.reportMetrics(server, seen, problems);
    }
  }

  /** Each server on its own, and each step: a failure of one does not stop the others. */
  async run(signal: AbortSignal): Promise<Error[]> {
    const all: Error[] = [];
    const { drill, metrics, reports, export: exporting } = this.configuration;
    for (const server of this.configuration.servers) {
      const problems: Error[] = [];
      const step = async (work: (tools: Tools) => Promise<Error[]>) =>
        void problems.push(...(await this.step(server, signal, work)));
      if (exporting) await step((tools) => this.export(server, exporting, tools));
      await step((tools) => this.pull(server, tools));
      const seen: Record<string, Health> = {};
      const look = (name: string, locationOf: (tools: Tools) => BackupLocation) =>
        step(async (tools) => {
          const { health, problems: found } = await this.look(server, locationOf(tools), problems, tools);
          seen[name] = health;
          return found;
        });
      if (drill || metrics || reports !== undefined) await look("disk", ({ home }) => home);
      // What others make, others drill.
      if (exporting) await look("cloud", ({ source }) => source);
      if (reports !== undefined) await this.reportMetrics(server, seen, problems);
      all.push(...problems);
    }
    return all;
  }

  private async step(
    server: string,
    signal: AbortSignal,
    work: (tools: Tools) => Promise<Error[]>,
  ): Promise<Error[]> {
    const { configuration, flags } = this;
    const { backups, cloudPasswordFile, localPasswordFile } = configuration;
    const progress = new Progress();
    const stop = report(progress, flags.json ?? false);
    let vault: Vault | undefined;
    let problems: Error[];
    try {
      const cache = join(backups, ".cache");
      for (const directory of [cache, flags.scratch])
        await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: Error) => {
          throw new LocationError(`${directory} cannot be written to: ${error.message}`);
        });
      vault = await Vault.open(flags.scratch);
      vault.useRolesAnywhere(configuration);
      const location = (url: string, passwordFile: string) =>
        new BackupLocation(url, { passwordFile, cache }, signal);
      problems = await work({
        ...{ progress, signal, stop },
        home: location(join(backups, server), localPasswordFile),
        source: location(`${configuration.source}/${server}`, cloudPasswordFile),
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

  /** If one is due. */
  private async export(
    server: string,
    { files, settings, signingKeyFile, everyHours, retentionDays, ...database }: Exporting,
    { progress, signal, stop, source }: Tools,
  ): Promise<Error[]> {
    // What cannot be read, and what the new one lacks, the look tells.
    const [newest] = await backupsIn(source, this.key.key, () => undefined);
    const age = newest && (Date.now() - Date.parse(newest.receipt.at)) / 3_600_000;
    // One in the future is of a clock that was wrong.
    if (!this.flags.now && age !== undefined && age >= 0 && age < everyHours - EARLY) return [];
    const result = await exportServer({
      ...{ name: server, location: source, progress, signal, scratch: this.flags.scratch, files, settings },
      ...{ texts: {}, jobs: JOBS, checkDays: 7, acceptShrink: this.flags.acceptShrink ?? false },
      server: { ...serverConfig(database), database: database.database },
      key: signingKey(readSecret(signingKeyFile, "signingKeyFile"), "signingKeyFile"),
    });
    stop();
    print(this.flags, { event: "exported", server, ...result }, exportSummary(result));
    await removeExpired(source, retentionDays, new Date(), this.key.key);
    return [];
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
      ...overdue(`The newest backup of ${server} in ${home.url}`, result.newest?.at, maxAgeHours),
    ];
  }

  private async look(
    server: string,
    location: BackupLocation,
    before: readonly Error[],
    { progress, signal, stop, home }: Tools,
  ): Promise<{ health: Health; problems: Error[] }> {
    const { drill, metrics } = this.configuration;
    const failed = Date.now() - (this.failedAt.get(location.url) ?? -Infinity) < RETRY;
    const health = await checkHealth({
      ...{ location, ...this.key, scratch: this.flags.scratch, jobs: drill?.jobs ?? 1, progress, signal },
      every: drill && !failed ? drill.everyHours * 3600 : Infinity,
    });
    stop();
    if (health.failed) this.failedAt.set(location.url, Date.now());
    else if (health.drilledNow) this.failedAt.delete(location.url);
    if (health.last && health.drilledNow)
      print(this.flags, { event: "drilled", ...health.last }, drillSummary(health.last));
    const problems = [...health.problems];
    if (drill && health.newest !== undefined)
      problems.push(...overdue(`The last drill of ${location.url}`, health.last?.at, drill.maxAgeHours));
    if (metrics && location === home) {
      const reported = {
        ...{ ...health, failed: health.failed || failed },
        problems: [...before, ...problems],
      };
      await reportMetrics({ ...metrics, Server: server }, reported, new Date()).catch(
        (error: Error) => void problems.push(error),
      );
    }
    return { health, problems };
  }

  private async reportMetrics(
    server: string,
    seen: Record<string, Health>,
    problems: Error[],
  ): Promise<void> {
    const alarms = problems.map(({ message }) => message);
    await writeMetrics(this.configuration.reports ?? "", await metricsText(server, seen, alarms)).catch(
      (error: Error) => {
        alarm(this.flags, error.message);
        problems.push(error);
      },
    );
  }
}

type Exporting = NonNullable<Configuration["export"]>;

function overdue(what: string, at: string | undefined, maxAgeHours: number): Error[] {
  try {
    refuseOverdue(what, at, maxAgeHours * 3600, new Date());
    return [];
  } catch (error) {
    return [error as Error];
  }
}
