/** Drills that come when they are due, and what is reported of backups and drills; CloudWatch is a stand-in. */
import { existsSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld, type Ended } from "../testing/backups";
import { startCloudWatch, type CloudWatchStandIn } from "../testing/cloudwatch";
import type { Drill } from "./drill";
import { LossError } from "./errors";
import { isDue, metricsOf } from "./health";

let world: BackupWorld;
let cloudWatch: CloudWatchStandIn;
let cloud: string;
let local: string;
const month = new Date().toISOString().slice(0, 7);

beforeAll(async () => {
  cloudWatch = await startCloudWatch();
  process.env["AWS_ENDPOINT_URL_CLOUDWATCH"] = cloudWatch.url;
  world = await startBackupWorld();
  cloud = world.s3.location("copies", "hmis");
  local = world.path("copies/hmis");
  expect(await world.backup(...world.exportTo(cloud))).toMatchObject({ code: 0 });
});
afterAll(async () => {
  delete process.env["AWS_ENDPOINT_URL_CLOUDWATCH"];
  await world.stop();
  await cloudWatch.stop();
});

/** The last values reported, by name; all of one location. */
function values(location: object): Record<string, number> {
  const told = cloudWatch.reported();
  for (const { namespace, dimensions } of told)
    expect({ namespace, ...dimensions }).toEqual({ namespace: "DHIStance/Backups", ...location });
  return Object.fromEntries(told.map(({ name, value }) => [name, value]));
}

describe("the agent", () => {
  const location = { Tenant: "moh", Location: "office", Server: "hmis" };

  async function run(more: object = {}): Promise<Ended> {
    const { path, backup } = world;
    const configuration = {
      ...{ servers: ["hmis"], source: cloud.replace(/\/hmis$/, ""), backups: path("copies") },
      ...{ cloudPasswordFile: path("cloud-password"), localPasswordFile: path("local-password") },
      ...{ publicKeyFile: path("signing.pub"), retentionDays: 30, parts: 1 },
      ...{ drill: {}, metrics: { Tenant: "moh", Location: "office" }, ...more },
    };
    await writeFile(path("replicate.json"), JSON.stringify(configuration));
    return backup(
      ...["replicate", "--config", path("replicate.json"), "--once", "--json"],
      // A drill as root is made by another account, which has to get through.
      ...["--scratch", path("scratch")],
    );
  }

  it("pulls, drills what it has pulled, keeps the figures and tells them", async () => {
    const first = await run();
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const drilled = lastEvent<Drill>(first.stdout, "drilled");
    expect(drilled).toMatchObject({ location: local, server: "hmis", files: 41, verified: true });
    expect(JSON.parse(readFileSync(join(local, "drill.json"), "utf8"))).toMatchObject({ at: drilled?.at });
    const told = values(location);
    expect(told).toMatchObject({
      ...{ DrillFailed: 0, RecoveryPoint: drilled?.rpoSeconds, RecoveryTime: drilled?.rtoSeconds },
      RowsRestored: drilled?.rows,
    });
    expect(told["BackupAge"]).toBeGreaterThan(0);
    expect(told["DrillAge"]).toBeGreaterThanOrEqual(0);
    const listed = await world.backup("list", ...world.inLocation(local), "--max-drill-age", "1d");
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout).toMatch(/ {2}restored \d+ s ago.*\n {2}Last drill \d+ s ago: recovered in/);
  });

  it("does not drill again before it is due, and goes on telling", async () => {
    const second = await run();
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent(second.stdout, "drilled")).toBeUndefined();
    expect(Object.keys(values(location)).sort()).toEqual([
      "BackupAge",
      "BackupLoss",
      "DrillAge",
      "DrillFailed",
    ]);
  });

  it("a drill that fails is an alarm, by its log and by what it tells; the figures stay", async () => {
    const figures = readFileSync(join(local, "drill.json"), "utf8");
    // Damage would be healed by the pull before it. So it is the drill's own place that is not there.
    const stage = world.path("scratch/dhistance-drill");
    await rm(stage, { recursive: true });
    await writeFile(stage, "in the way");
    const failed = await run({ drill: { everyHours: 0.000001 } });
    await rm(stage);
    expect(failed.stderr).toMatch(/^ALARM backup: .*dhistance-drill cannot be written to/m);
    expect(failed).toMatchObject({ code: 5 });
    expect(values(location)).toMatchObject({ DrillFailed: 1 });
    expect(readFileSync(join(local, "drill.json"), "utf8")).toBe(figures);
  });

  it("nobody to tell it to is an alarm as well, and prevents nothing", async () => {
    const { env } = process;
    const url = env["AWS_ENDPOINT_URL_CLOUDWATCH"];
    env["AWS_ENDPOINT_URL_CLOUDWATCH"] = "http://127.0.0.1:1";
    const unheard = await run();
    env["AWS_ENDPOINT_URL_CLOUDWATCH"] = url;
    expect(unheard.stderr).toMatch(/^ALARM backup: CloudWatch did not take/m);
    expect(unheard).toMatchObject({ code: 5 });
    expect(lastEvent(unheard.stdout, "replicated")).toMatchObject({ server: "hmis", copied: 0, healed: [] });
  });
});

describe("in the cloud, with the command of the daily task", () => {
  const location = { Tenant: "moh", Server: "hmis", Location: "eu-west-1" };
  // As a task definition of the former version names the location.
  const metrics = ["--metrics", "Tenant=moh,Server=hmis,Place=eu-west-1"];
  const look = (at: string) => [
    ...[
      "drill",
      ...world.inLocation(at),
      "--if-older",
      "156h",
      "--max-age",
      "30h",
      "--max-drill-age",
      "192h",
    ],
    ...metrics,
  ];

  it("drills once, keeps the figures in the locked bucket, and only looks the next day", async () => {
    const first = await world.backup(...look(cloud));
    expect(first.stdout).toMatch(/^Intact\. s3:.*Would be lost \(RPO\)/ms);
    expect(first).toMatchObject({ code: 0 });
    expect(values(location)).toMatchObject({ DrillFailed: 0, RowsRestored: expect.any(Number) as number });
    const second = await world.backup(...look(cloud));
    expect(second.stdout).toMatch(/: no drill is due\. The last one, of 20.*, recovered in/);
    expect(second).toMatchObject({ code: 0 });
    expect(Object.keys(values(location)).sort()).toEqual([
      "BackupAge",
      "BackupLoss",
      "DrillAge",
      "DrillFailed",
    ]);
    const listed = await world.backup("list", ...world.inLocation(cloud));
    expect(listed.stdout).toMatch(/ {2}restored \d+ s ago/);
  });

  it("a damaged backup: an alarm, and it is reported; no backup: an alarm, and no age is reported", async () => {
    const damaged = world.path("damaged");
    expect(await world.backup(...world.exportTo(damaged))).toMatchObject({ code: 0 });
    await rm(join(damaged, month, "data"), { recursive: true });
    expect(existsSync(join(damaged, month, "data"))).toBe(false);
    const failed = await world.backup(...look(damaged));
    expect(failed.stderr).toMatch(/^ALARM backup: The repository at .*damaged/m);
    expect(failed).toMatchObject({ code: 3, stdout: "" });
    expect(values(location)).toMatchObject({ DrillFailed: 1, BackupAge: expect.any(Number) as number });
    const missing = await world.backup(...look(world.path("nothing")));
    expect(missing.stderr).toMatch(/^ALARM backup: .*nothing does not exist/m);
    expect(missing).toMatchObject({ code: 3 });
    expect(values(location)).toEqual({ DrillFailed: 0, BackupLoss: 0 });
  });
});

describe("when a drill is due", () => {
  const now = new Date("2026-11-25T00:00:00Z");
  const at = (moment: string) => ({ at: moment }) as Drill;
  it.each([
    ["none was made yet", undefined, 3600, true],
    ["the last one is too long ago", at("2026-11-24T22:59:59Z"), 3600, true],
    ["the last one is fresh", at("2026-11-24T23:00:01Z"), 3600, false],
    ["the last one is of a clock that was wrong", at("2026-11-26T00:00:00Z"), 3600, true],
    ["every run is to make one", at("2026-11-24T23:59:59Z"), undefined, true],
    ["no run is to make one", undefined, Infinity, false],
  ])("%s", (_, last, every, due) => {
    expect(isDue(last, every, now)).toBe(due);
  });

  it("ages are in seconds, and a time in the future has none", () => {
    const health = { newest: "2026-11-25T01:00:00Z", last: at("2026-11-24T00:00:00Z") };
    const metrics = metricsOf(
      { ...health, drilledNow: false, failed: true, problems: [new LossError("")] },
      now,
    );
    expect(metrics).toEqual([
      { MetricName: "BackupAge", Value: 0, Unit: "Seconds" },
      { MetricName: "DrillAge", Value: 86_400, Unit: "Seconds" },
      { MetricName: "DrillFailed", Value: 1, Unit: "Count" },
      { MetricName: "BackupLoss", Value: 1, Unit: "Count" },
    ]);
  });
});
