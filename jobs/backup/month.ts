/** The repository of this month, which exports write to: the next one of the month when the last is damaged. */
import { mkdir } from "node:fs/promises";
import { basename } from "node:path";
import { BackupError, LocationError } from "./errors";
import { monthOf, nextRepositoryName, type BackupLocation } from "./location";
import type { Repository } from "./restic";

/** This month's repository, made if need be; the next one of the month if this one is damaged. */
export async function openThisMonth(
  location: BackupLocation,
  { now = new Date(), checkDays }: { now?: Date | undefined; checkDays: number },
): Promise<Repository> {
  if (location.local) await mkdir(location.url, { recursive: true });
  const month = monthOf(now);
  const name = (await location.months()).filter((each) => each.startsWith(month)).at(-1) ?? month;
  const repository = location.repository(name);
  try {
    await repository.check((now.getUTCDate() % checkDays) + 1, checkDays);
    await repository.unlockStale();
    return repository;
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    if (error.fault === "wrong-key" && (await location.hasKeys(name))) throw error;
    return create(location, error.fault === "missing" ? name : nextRepositoryName(name));
  }
}

/** Where one was being made when its export was killed, there is a key and no more: the next one then. */
async function create(location: BackupLocation, name: string): Promise<Repository> {
  const repository = location.repository(name);
  try {
    await repository.create();
    return repository;
  } catch (error) {
    if (!(error instanceof BackupError) || error.fault !== "damaged") throw error;
    return create(location, nextRepositoryName(name));
  }
}

/** A repository found damaged is left as it is, for its other backups to heal, and a new one begun. */
export async function orInto<T>(
  repository: Repository,
  location: BackupLocation,
  work: (repository: Repository) => Promise<T>,
): Promise<{ result: T; repository: Repository }> {
  try {
    return { result: await work(repository), repository };
  } catch (error) {
    if (!(await isDamaged(repository, error))) throw error;
    const next = await create(location, nextRepositoryName(basename(repository.url)));
    return { result: await work(next), repository: next };
  }
}

/** What restic has no words for, its check of the structure may find. */
async function isDamaged(repository: Repository, error: unknown): Promise<boolean> {
  if (error instanceof BackupError) return error.fault === "damaged" || error.fault === "missing";
  if (!(error instanceof LocationError)) return false;
  return repository.isWhole().then(
    (whole) => !whole,
    (reason: unknown) => reason instanceof BackupError && reason.fault === "damaged",
  );
}
