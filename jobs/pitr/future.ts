/** Backups that were made while the clock was ahead. pgBackRest makes no backup before the newest one there is. */
import { CLOCK_SECONDS } from "../../plans/thresholds";
import { newestMetrics, publish } from "./metrics";
import type { Backup } from "./info";
import { infoOf, list, on, ONLY_WARNINGS, pgbackrest, STANZA } from "./pgbackrest";
import { PitrError, type Repository } from "./repositories";

/** @param now in seconds */
export function futureBackups(backups: readonly Backup[], now: number): Backup[] {
  return backups.filter(({ stop }) => stop > now + CLOCK_SECONDS);
}

/** Why backups may be refused there, for an alarm. */
export function futureProblem(
  repository: Repository,
  backups: readonly Backup[],
  now: number,
): string | undefined {
  const newest = futureBackups(backups, now).sort((a, b) => b.stop - a.stop)[0];
  if (!newest) return undefined;
  const until = new Date(newest.stop * 1000).toISOString();
  return (
    `${repository}: the newest backup, ${newest.label}, is of the future: the clock was ahead when it was made. ` +
    `WAL still arrives, but until ${until} pgBackRest may refuse to make backups there. Check the clock of the host. ` +
    `To make backups at once, delete those of the future: pitr drop-future ${repository}`
  );
}

/** The label in the name of a file of pgBackRest's history of backups, and its time as the label has it. */
const HISTORY = /(\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?)\.manifest/;

/** The time of a label, in seconds: the last one in it, in UTC as the container's clock is. */
export function labelTime(label: string): number {
  const [, year, month, day, hour, minute, second] =
    /(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)[FDI]$/.exec(label) ?? [];
  return (
    Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) /
    1000
  );
}

/**
 * Deletes the backups of the future, so that the next ones can be made. pgBackRest also looks into its history.
 * @throws PitrError if there is none, or no full backup would be left
 */
export async function dropFuture(repository: Repository): Promise<void> {
  const now = Date.now() / 1000;
  const { backups } = await infoOf(repository);
  const future = futureBackups(backups, now);
  if (future.length === 0)
    throw new PitrError(`No backup in ${repository} is of the future. Nothing was deleted.`);
  if (!backups.some((backup) => backup.type === "full" && !future.includes(backup)))
    throw new PitrError(
      `Every full backup in ${repository} is of the future, and without one nothing could be restored from there. Nothing was deleted. Backups continue by themselves when the clock gets there.`,
    );
  // With a backup go those that depend on it: oldest first, what is gone already is left out.
  for (const { label } of [...future].reverse()) {
    if (!(await infoOf(repository)).backups.some((backup) => backup.label === label)) continue;
    const { code } = await pgbackrest(["expire", on(repository), ONLY_WARNINGS, `--set=${label}`]);
    if (code !== 0) throw new PitrError(`${label} could not be deleted from ${repository}; see above.`);
    console.log(`${repository}: deleted ${label}`);
  }
  const history = `backup/${STANZA}/backup.history`;
  for (const file of (await list(repository, history, ["--recurse"])) ?? []) {
    const [, label] = HISTORY.exec(file) ?? [];
    if (label && labelTime(label) > now)
      await pgbackrest(["repo-rm", on(repository), ONLY_WARNINGS, `${history}/${file}`]);
  }
  publish(repository, newestMetrics(repository, (await infoOf(repository)).backups));
}
