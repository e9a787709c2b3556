import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it, vi } from "vitest";
import type { Backup } from "./info";

/** The looks between the rounds, with stand-ins for the programs. */
const folder = mkdtempSync(join(tmpdir(), "watch-"));
const bin = join(folder, "bin");
mkdirSync(bin);
vi.stubEnv("PGDATA", join(folder, "data/cluster"));
vi.stubEnv("PATH", `${bin}:${process.env["PATH"]}`);
const { futureBackups, futureProblem, labelTime } = await import("./future");
const { PATHS } = await import("./paths");
const { waitingSince, watch } = await import("./watch");
mkdirSync(PATHS.archiveStatus, { recursive: true });
afterAll(() => {
  rmSync(PATHS.watched, { force: true });
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function program(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
const good = JSON.stringify([{ repo: [{ status: { code: 0, message: "ok" } }] }]);

it("raises an alarm for a location that is away, by its name, and ends it when that is over", async () => {
  program("pg_isready", "exit 0");
  program(
    "pgbackrest",
    `case "$*" in *--repo=1*) echo '${good}' ;; *) echo "ERROR: [049]: repo2: no host" >&2; exit 49 ;; esac`,
  );
  await watch(["disk", "cloud"]);
  expect(readFileSync(PATHS.watched, "utf8")).toBe(
    "ALARM backup: cloud: cannot be used: pgbackrest info: [049]: cloud: no host\n",
  );
  program("pgbackrest", `echo '${good}'`);
  await watch(["disk", "cloud"]);
  expect(readFileSync(PATHS.watched, "utf8")).toBe("");
});

it("raises an alarm for WAL that waits for minutes, not while the database is down", async () => {
  program("pgbackrest", `echo '${good}'`);
  const ready = join(PATHS.archiveStatus, "000000010000000000000001.ready");
  writeFileSync(ready, "");
  vi.useFakeTimers({ now: Date.now() + 240_000, toFake: ["Date"] });
  try {
    program("pg_isready", "exit 0");
    await watch(["disk", "cloud"]);
    expect(readFileSync(PATHS.watched, "utf8")).toMatch(
      /^ALARM backup: WAL of the last 4 minutes has not arrived in every location: /,
    );
    program("pg_isready", "exit 2");
    await watch(["disk", "cloud"]);
    expect(readFileSync(PATHS.watched, "utf8")).toBe("");
  } finally {
    vi.useRealTimers();
  }
});

it("counts from when a segment had to be handed over, whatever the time of its content, and needs no cluster", async () => {
  const old = join(PATHS.archiveStatus, "00000002.history.ready");
  writeFileSync(old, "");
  utimesSync(old, 1, 1);
  await sleep(10);
  expect(Date.now() / 1000 - (waitingSince(PATHS.archiveStatus) ?? 0)).toBeLessThan(60);
  expect(waitingSince(join(folder, "nothing"))).toBeUndefined();
});

it("backups of the future are an alarm that says until when, and what to do", () => {
  const now = Date.UTC(2026, 10, 30, 9) / 1000;
  const made = (label: string, stop: number) => ({ label, stop }) as Backup;
  const past = made("20261130-080000F", now - 3600);
  const future = made("20261130-080000F_20261203-090000I", now + 3 * 86_400);
  expect(futureBackups([future, past], now)).toEqual([future]);
  expect(futureProblem("disk", [past, made("x", now + 30)], now)).toBeUndefined();
  expect(futureProblem("disk", [future, past], now)).toMatch(
    /^disk: the newest backup, 20261130-080000F_20261203-090000I, is of the future.* until 2026-12-03T09:00:00.*pitr drop-future disk$/,
  );
  expect(labelTime(future.label)).toBe(now + 3 * 86_400);
  expect(labelTime(past.label)).toBe(now - 3600);
});
