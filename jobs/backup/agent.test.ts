/** The agent that also makes the backups, as it stands beside a server on Docker. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { CopyObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld, type Ended } from "../testing/backups";
import type { Drill } from "./drill";
import type { ExportResult } from "./export";
import { readConfiguration } from "./configuration";

let world: BackupWorld;
let cloud: string;
const month = new Date().toISOString().slice(0, 7);

beforeAll(async () => {
  world = await startBackupWorld();
  cloud = world.s3.location("copies", "moh.portable");
  await mkdir(world.path("told"));
});
afterAll(() => world.stop());

async function configure(exporting: object = {}): Promise<string> {
  const { path, postgres } = world;
  const configuration = {
    ...{ servers: ["hmis"], source: cloud, backups: path("copies"), reports: path("told") },
    ...{ cloudPasswordFile: path("cloud-password"), localPasswordFile: path("local-password") },
    ...{ publicKeyFile: path("signing.pub"), retentionDays: 30, parts: 1, drill: {} },
    export: {
      server: `postgres://postgres@127.0.0.1:${postgres.port}/postgres`,
      ...{ passwordFile: path("database-password"), database: "hmis" },
      ...{ files: path("files"), settings: [path("dhis.conf")], signingKeyFile: path("signing.pem") },
      ...{ retentionDays: 30, ...exporting },
    },
  };
  await writeFile(path("replicate.json"), JSON.stringify(configuration));
  return path("replicate.json");
}
async function run(exporting: object = {}, ...more: string[]): Promise<Ended> {
  const once = [
    "--config",
    await configure(exporting),
    "--once",
    "--json",
    "--scratch",
    world.path("scratch"),
  ];
  return world.backup("replicate", ...once, ...more);
}

/** What Prometheus reads: by location, or by the alarm's text, under each metric's name. */
function told(): Record<string, Record<string, number>> {
  const metrics: Record<string, Record<string, number>> = {};
  for (const line of readFileSync(world.path("told/portable.prom"), "utf8").split("\n")) {
    const [, name = "", of = "", value] =
      /^dhistance_(\w+)\{(?:location|text)="(.*)",server="hmis"\} (.*)$/.exec(line) ?? [];
    if (value !== undefined) (metrics[name] ??= {})[of] = Number(value);
  }
  return metrics;
}
const locations = (cloud: unknown, disk: unknown) => ({ cloud, disk });

it("makes the backup of its server, brings it home, drills both places, and tells of all of it", async () => {
  const first = await run();
  expect(first).toMatchObject({ code: 0, stderr: "" });
  const exported = lastEvent<ExportResult>(first.stdout, "exported");
  expect(exported).toMatchObject({ server: "hmis", repository: `${cloud}/hmis/${month}` });
  const drills = first.stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Drill & { event: string })
    .filter(({ event }) => event === "drilled");
  const drill = { files: 41, rows: exported?.rows, of: exported?.at, verified: true };
  expect(drills).toMatchObject([
    { location: world.path("copies/hmis"), ...drill },
    { location: `${cloud}/hmis`, ...drill },
  ]);
  const [home, away] = drills;
  const at = Date.parse(exported?.at ?? "") / 1000;
  const seconds = (moment = "") => Date.parse(moment) / 1000;
  expect(told()).toEqual({
    portable_newest_timestamp_seconds: locations(at, at),
    drill_timestamp_seconds: locations(seconds(away?.at), seconds(home?.at)),
    drill_recovery_time_seconds: locations(away?.rtoSeconds, home?.rtoSeconds),
    drill_recovery_point_seconds: locations(away?.rpoSeconds, home?.rpoSeconds),
    drill_rows: locations(exported?.rows, exported?.rows),
  });
});

it("makes no other before it is due", async () => {
  const before = told();
  const second = await run();
  expect(second).toMatchObject({ code: 0, stderr: "" });
  expect(lastEvent(second.stdout, "exported")).toBeUndefined();
  expect(lastEvent(second.stdout, "drilled")).toBeUndefined();
  expect(told()).toEqual(before);
});

it("makes one at once for whoever asks for it", async () => {
  const before = told()["portable_newest_timestamp_seconds"] ?? {};
  expect(await run({}, "--now")).toMatchObject({ code: 0, stderr: "" });
  const { cloud = 0, disk = 0 } = told()["portable_newest_timestamp_seconds"] ?? {};
  expect(cloud).toBeGreaterThan(before["cloud"] ?? 0);
  expect(disk).toBe(cloud);
});

it("makes one when it is due, and removes from the cloud the months that are over", async () => {
  const { client } = world.s3;
  const { Contents } = await client.send(
    new ListObjectsV2Command({ Bucket: "copies", Prefix: `moh.portable/hmis/${month}/` }),
  );
  for (const { Key = "" } of Contents ?? [])
    await client.send(
      new CopyObjectCommand({
        ...{ Bucket: "copies", CopySource: `copies/${Key}`, Key: Key.replace(month, "2025-01") },
      }),
    );
  const left = async () => {
    const old = { Bucket: "copies", Prefix: "moh.portable/hmis/2025-01/" };
    return (await client.send(new ListObjectsV2Command(old))).KeyCount;
  };
  expect(await left()).toBe(Contents?.length);
  const third = await run({ everyHours: 0.5 });
  expect(third).toMatchObject({ code: 0, stderr: "" });
  expect(await left()).toBe(0);
  const { at } = lastEvent<ExportResult>(third.stdout, "exported") ?? {};
  const newest = Date.parse(at ?? "") / 1000;
  expect(told()["portable_newest_timestamp_seconds"]).toEqual(locations(newest, newest));
});

it("with the database away: an alarm that names it, and what there is stays looked after", async () => {
  const before = told();
  const failed = await run({ everyHours: 0.5, database: "elsewhere" });
  expect(failed.stderr).toMatch(/^ALARM backup: No connection to the database elsewhere/m);
  expect(failed).toMatchObject({ code: 5 });
  const { portable_alarm: alarms = {}, ...rest } = told();
  expect(Object.keys(alarms)).toEqual([expect.stringMatching(/^No connection to the database elsewhere/)]);
  expect(rest).toEqual(before);
});

it("with the cloud away: an alarm, and the on-premises backups are still reported", async () => {
  const { disk } = told()["portable_newest_timestamp_seconds"] ?? {};
  await world.s3.halt();
  const failed = await run();
  await world.s3.start();
  expect(failed).toMatchObject({ code: 5 });
  const { portable_alarm: alarms = {}, portable_newest_timestamp_seconds: newest } = told();
  expect(Object.keys(alarms)).toEqual([expect.stringMatching(/moh\.portable\/hmis cannot be reached/)]);
  expect(newest).toEqual({ disk });
});

it("and when all is back, no alarm is left", async () => {
  expect(await run()).toMatchObject({ code: 0, stderr: "" });
  expect(Object.keys(told())).not.toContain("portable_alarm");
});

it("says before its first run what it knows, and whether the cloud is there", async () => {
  await world.s3.halt();
  const child = world.start(
    ...["replicate", "--config", await configure(), "--scratch", world.path("scratch")],
  );
  await expect.poll(() => Object.keys(told()), { timeout: 60_000 }).toContain("portable_alarm");
  child.kill("SIGTERM");
  await world.s3.start();
});

it("takes one server, where it makes the backups", async () => {
  const file = await configure();
  const both = { ...(JSON.parse(readFileSync(file, "utf8")) as object), servers: ["hmis", "training"] };
  await writeFile(file, JSON.stringify(both));
  expect(() => readConfiguration(file)).toThrow("servers: one server, where the agent makes its backups");
});
