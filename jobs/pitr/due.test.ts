import { expect, it } from "vitest";
import { dueBackup } from "./due";
import type { Backup, BackupType } from "./info";

const NOW = 1_000_000_000;
const SCHEDULE = { full: 168, diff: 24, incr: 1 };
const made = (type: BackupType, hoursAgo: number): Backup => ({
  label: type,
  type,
  stop: NOW - hoursAgo * 3600,
  size: 1,
  added: 1,
  firstSegment: undefined,
  hasDamagedPages: false,
});

it.each<[string, Backup[], BackupType | undefined]>([
  ["without any backup, a full one", [], "full"],
  ["nothing after a fresh full backup", [made("full", 0.2)], undefined],
  ["an incremental one half an hour before its time", [made("full", 0.5)], "incr"],
  ["nothing a minute before that", [made("full", 0.48)], undefined],
  ["a differential one a day after the full one", [made("full", 23.5), made("incr", 0.1)], "diff"],
  [
    "an incremental one after a differential one",
    [made("full", 100), made("diff", 5), made("incr", 2)],
    "incr",
  ],
  [
    "a full one after a week, whatever came since",
    [made("full", 167.5), made("diff", 1), made("incr", 0.1)],
    "full",
  ],
  ["a full one where the clock was wrong", [made("incr", 0.1)], "full"],
  [
    "an incremental one, though the newest one is of the future",
    [made("incr", -72), made("full", 2)],
    "incr",
  ],
  ["a full one where all are of the future", [made("full", -72)], "full"],
])("is due: %s", (_, backups, type) => {
  expect(dueBackup(backups, SCHEDULE, NOW)).toBe(type);
});
