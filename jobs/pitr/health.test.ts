import { describe, expect, it } from "vitest";
import { firstError, reasonOf } from "./alarms";
import { problemsOf, type State } from "./health";
import { healthMetrics, newestMetrics } from "./metrics";
import type { Backup } from "./info";

describe("health", () => {
  const good: State = { alarms: [], gaps: [], hoursSinceCreated: 0.5, hoursSinceRound: 0.5 };
  const problems = (state: Partial<State>) => problemsOf({ ...good, ...state });

  it("is good without an alarm, and during a first round that takes long", () => {
    expect(problems({})).toEqual([]);
    expect(problems({ hoursSinceCreated: 25, hoursSinceRound: undefined })).toEqual([]);
  });

  it("is not good before the repositories exist", () => {
    expect(problems({ hoursSinceCreated: undefined })).toEqual(["the repositories do not exist yet"]);
  });

  it("reports alarms, and WAL that was dropped", () => {
    expect(problems({ alarms: ["ALARM backup: disk: full backup failed: x"], gaps: ["cloud"] })).toEqual([
      "ALARM backup: disk: full backup failed: x",
      "ALARM backup: WAL was dropped, and no full backup has been made since: cloud",
    ]);
  });

  it("reports that no round has ended for too long", () => {
    const late = ["ALARM backup: no round of backups has ended for more than 26 hours"];
    expect(problems({ hoursSinceCreated: 26.1, hoursSinceRound: 26.1 })).toEqual(late);
    expect(problems({ hoursSinceCreated: 26.1, hoursSinceRound: undefined })).toEqual(late);
    expect(problems({ hoursSinceCreated: 26.1, hoursSinceRound: 25.9 })).toEqual([]);
  });
});

describe("metrics", () => {
  it("say that everything is fine", () => {
    expect(healthMetrics([], 1000, "hmis")).toEqual([
      'dhistance_backups_healthy{server="hmis"} 1',
      'dhistance_backups_seen_timestamp_seconds{server="hmis"} 1000',
    ]);
  });

  it("say what is wrong, once each, in a form that Prometheus reads", () => {
    expect(healthMetrics(['ALARM backup: disk: a "b"\tc\\d', "x", "x"], 1000, "hmis")).toEqual([
      'dhistance_backups_healthy{server="hmis"} 0',
      'dhistance_backups_seen_timestamp_seconds{server="hmis"} 1000',
      'dhistance_backups_alarm{server="hmis",text="disk: a \\"b\\" c\\\\d"} 1',
      'dhistance_backups_alarm{server="hmis",text="x"} 1',
    ]);
  });

  it("have the newest backup of each type", () => {
    const backups = [
      { type: "incr", stop: 30 },
      { type: "full", stop: 20 },
      { type: "full", stop: 10 },
    ];
    expect(newestMetrics("disk", backups as Backup[], "hmis")).toEqual([
      'dhistance_backups_newest_timestamp_seconds{server="hmis",location="disk",type="full"} 20',
      'dhistance_backups_newest_timestamp_seconds{server="hmis",location="disk",type="incr"} 30',
    ]);
  });
});

it("finds pgBackRest's first error", () => {
  const said = "P00   INFO: a\n2026-11-29 P00  ERROR: [050]: unable to acquire lock\nP00  ERROR: [001]: b\n";
  expect(firstError(said)).toBe("[050]: unable to acquire lock");
  expect(firstError("P00   INFO: a\n")).toBe("");
  expect(firstError("ERROR: [103]: repo2: [FileReadError]; HINT: see repo2-path")).toBe(
    "[103]: cloud: [FileReadError]; HINT: see repo2-path",
  );
});

it.each([
  [137, "P00   INFO: backup", "it was ended by SIGKILL, as when memory is short or the container stops"],
  [63, "INFO: terminated on signal [SIGTERM]", "exit code 63"],
  [55, "ERROR: [055]: no file", "[055]: no file"],
])("a failure always has a reason: exit code %i", (code, output, reason) => {
  expect(reasonOf({ code, output: Buffer.from(output) })).toBe(reason);
});
