import { describe, expect, it } from "vitest";
import { ImportProgress } from "../runImport";
import { duration, line, Meter } from "./progress";

const mebibyte = 2 ** 20;

describe("progress", () => {
  it("tells rates and the time left from the last ten seconds", () => {
    const progress = new ImportProgress();
    Object.assign(progress, { phase: "loading", totalBytes: 100 * mebibyte });
    const meter = new Meter(progress);
    meter.read(0);
    Object.assign(progress, { bytes: 10 * mebibyte });
    Object.assign(progress.load, { rows: 1000, current: "public.datavalue" });
    expect(meter.read(5_000)).toMatchObject({
      part: 0.1,
      bytesPerSecond: 2 * mebibyte,
      rowsPerSecond: 200,
      secondsLeft: 45,
    });
    // It has slowed down since.
    Object.assign(progress, { bytes: 12 * mebibyte });
    expect(meter.read(15_000)).toMatchObject({ bytesPerSecond: 209_715, secondsLeft: 441 });
  });

  it("measures each phase by itself", () => {
    const progress = new ImportProgress();
    Object.assign(progress, { phase: "loading", bytes: 50, totalBytes: 50 });
    const meter = new Meter(progress);
    meter.read(0);
    Object.assign(progress.load, { phase: "building", built: 0, current: "CREATE INDEX a" });
    meter.read(1_000);
    progress.load.built = 0.25;
    expect(meter.read(2_000)).toMatchObject({ phase: "building indexes", part: 0.25, secondsLeft: 3 });
    progress.phase = "validating";
    expect(meter.read(3_000)).not.toHaveProperty("part");
  });

  const snapshot = {
    ...{ phase: "loading", bytes: 50 * mebibyte, totalBytes: 100 * mebibyte, part: 0.5, rows: 1_234_567 },
    ...{ current: "public.datavalue", bytesPerSecond: mebibyte, rowsPerSecond: 9, secondsLeft: 50 },
  };

  it("is one plain line", () => {
    expect(line(snapshot)).toBe(
      "loading:  50%  50 MiB of 100 MiB  1,234,567 rows  1 MiB/s  50 s left  public.datavalue",
    );
  });

  it("is a bar that fits the terminal", () => {
    const plain = (text: string) => text.replace(/\x1b\[\d+m/g, "");
    expect(plain(line(snapshot, 120))).toMatch(/^loading █{10}░{10} {2}50%/);
    for (const width of [120, 80, 60, 40])
      expect(plain(line(snapshot, width)).length).toBeLessThanOrEqual(width);
  });

  it.each([
    [12, "12 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 05 min"],
  ])("%i seconds are %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});
