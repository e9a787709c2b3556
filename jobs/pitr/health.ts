/** Whether everything is fine, for Docker's health check and for Prometheus. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { basename } from "node:path";
import { POINT_IN_TIME_HOURS } from "../../plans/thresholds";
import { ALARM } from "./alarms";
import { healthMetrics, publish } from "./metrics";
import { damagedOf, gapOf, PATHS } from "./paths";
import { PitrError } from "./repositories";

export interface State {
  /** Alarms of the last round and of the last look since, those of the last verify that found something. */
  alarms: readonly string[];
  /** Repositories for which WAL was dropped, without a full backup since. */
  gaps: readonly string[];
  /** How long ago both repositories were there, and a round has ended. Nothing if never. */
  hoursSinceCreated: number | undefined;
  hoursSinceRound: number | undefined;
}

/** What is wrong, a line each. */
export function problemsOf({ alarms, gaps, hoursSinceCreated, hoursSinceRound }: State): string[] {
  const problems = [
    ...alarms,
    ...gaps.map((gap) => `${ALARM}WAL was dropped, and no full backup has been made since: ${gap}`),
  ];
  if (problems.length > 0) return problems;
  if (hoursSinceCreated === undefined) return ["the repositories do not exist yet"];
  if (
    hoursSinceCreated > POINT_IN_TIME_HOURS &&
    !(hoursSinceRound !== undefined && hoursSinceRound < POINT_IN_TIME_HOURS)
  )
    return [`${ALARM}no round of backups has ended for more than ${POINT_IN_TIME_HOURS} hours`];
  return [];
}

/** @throws PitrError that says what is wrong */
export function checkHealth(): void {
  const problems = problemsOf(readState());
  publish("health", healthMetrics(problems, Math.floor(Date.now() / 1000)));
  if (problems.length > 0) throw new PitrError(problems.join("\n"));
}

function readState(): State {
  const named = (prefix: string) =>
    readdirSync(PATHS.data)
      .filter((name) => name.startsWith(prefix))
      .sort();
  const damaged = named(basename(damagedOf(""))).flatMap((name) =>
    linesOf(`${PATHS.data}/${name}`).slice(0, 1),
  );
  const gapPrefix = basename(gapOf(""));
  const gaps = named(gapPrefix).map((name) => name.slice(gapPrefix.length).replace(/\.closing$/, ""));
  return {
    alarms: [...new Set([...linesOf(PATHS.alarms), ...linesOf(PATHS.watched), ...damaged])],
    gaps: [...new Set(gaps)],
    hoursSinceCreated: hoursSince(PATHS.created),
    hoursSinceRound: hoursSince(PATHS.round),
  };
}

function linesOf(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== "")
    : [];
}

function hoursSince(file: string): number | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && (Date.now() - found.mtimeMs) / 3_600_000;
}
