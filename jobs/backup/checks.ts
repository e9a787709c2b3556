/**
 * Reads the older months of a location in turn, a part of each a day. Exports read this month's, and an agent reads what it
 * has itself; nobody else would notice damage in a month that is over, until it is needed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { BackupError, LossError } from "./errors";
import type { BackupLocation } from "./location";

/** Beside the backups. */
const FILE = "checks.json";
/** Days in which all data of a month are read once. */
const DAYS = 7;
/** A part is read once a day, however often somebody looks. Milliseconds. */
const DUE = 20 * 3600 * 1000;

const checksSchema = z.record(
  z.string(),
  z.object({
    /** The part that was read last. */
    part: z.number(),
    /** How many parts were read one after another without a fault. */
    clean: z.number(),
    at: z.string(),
    /** When all of it had been read without a fault. */
    allAt: z.string().optional(),
    /** What was found at the last check. */
    damage: z.string().optional(),
  }),
);

/** By month: what was read, and when. */
export type Checks = z.infer<typeof checksSchema>;

export async function keptChecks(location: BackupLocation): Promise<Checks> {
  const kept = checksSchema.safeParse(await location.kept(FILE));
  return kept.success ? kept.data : {};
}

/** The months that are damaged, as far as anybody has read them. */
export function damageIn(location: BackupLocation, checks: Checks): LossError[] {
  return Object.entries(checks).flatMap(([name, { damage }]) =>
    damage === undefined
      ? []
      : [
          new LossError(
            `The backups of ${name} in ${location.url} are damaged, some may not be restorable: ${damage} ` +
              "Other locations may still have them; copy them there to a safe place.",
          ),
        ],
  );
}

/** @returns what is damaged, and what kept the months from being read */
export async function checkMonths(location: BackupLocation, now: Date): Promise<Error[]> {
  if (location.local && existsSync(join(location.url, "state.json"))) return [];
  const before = await keptChecks(location);
  const checks: Checks = {};
  const problems: Error[] = [];
  const months = await location.months();
  for (const name of months.slice(0, -1)) {
    const last = before[name];
    if (last && Math.abs(now.getTime() - Date.parse(last.at)) < DUE) {
      checks[name] = last;
      continue;
    }
    const part = ((last?.part ?? 0) % DAYS) + 1;
    try {
      await location.repository(name).check(part, DAYS);
      const clean = (last?.clean ?? 0) + 1;
      const allAt = clean >= DAYS ? now.toISOString() : last?.allAt;
      // Only a complete round without a fault says that what was found is not there any more.
      const damage = clean >= DAYS ? undefined : last?.damage;
      checks[name] = {
        ...{ part, clean, at: now.toISOString() },
        ...(allAt !== undefined && { allAt }),
        ...(damage !== undefined && { damage }),
      };
    } catch (error) {
      location.signal.throwIfAborted();
      if (error instanceof BackupError && error.fault === "damaged")
        checks[name] = { part, clean: 0, at: now.toISOString(), damage: error.message };
      else {
        // One that was being made when its export was killed has nothing in it.
        if (!(error instanceof BackupError && error.fault === "missing")) problems.push(error as Error);
        if (last) checks[name] = last;
      }
    }
  }
  if (JSON.stringify(checks) !== JSON.stringify(before)) await location.keep(FILE, checks);
  return [...damageIn(location, checks), ...problems];
}
