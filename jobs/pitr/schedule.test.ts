import { describe, expect, it } from "vitest";
import { parseSchedules } from "./schedule";
import { pgpass } from "./secrets";

describe("schedules", () => {
  it("are hours for each type, by repository", () => {
    expect(parseSchedules(["disk=168,24,1", "cloud=168,24,6"])).toEqual([
      ["disk", { full: 168, diff: 24, incr: 1 }],
      ["cloud", { full: 168, diff: 24, incr: 6 }],
    ]);
  });

  it.each([
    ["tape=1,2,3", 'unknown repository "tape"; allowed: disk, cloud'],
    ["disk=1,2", /^"disk=1,2" is not a schedule; use REPOSITORY=HOURS,HOURS,HOURS for full, diff, incr$/],
    ["disk", /is not a schedule/],
  ])("are refused: %s", (text, why) => {
    expect(() => parseSchedules([text])).toThrow(why);
  });
});

it("escapes what has a meaning in libpq's password file", () => {
  expect(pgpass("a:b\\c d\n")).toBe("*:*:*:*:a\\:b\\\\c d\n");
});
