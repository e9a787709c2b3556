/** Whatever is damaged in the month's repository: the next export notices, and writes into a whole one. */
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startS3, type TestS3 } from "../testing/s3";
import { useRestic } from "../testing/tools";
import { checkMonths, keptChecks } from "./checks";
import { LossError } from "./errors";
import { BackupLocation, monthOf } from "./location";
import { openThisMonth, orInto } from "./month";
import type { Repository } from "./restic";

const MONTH = monthOf(new Date());
let work: string;
let s3: TestS3;
let count = 0;

const location = (url: string) =>
  new BackupLocation(
    url,
    { passwordFile: join(work, "password"), cache: join(work, `cache-${count++}`) },
    new AbortController().signal,
  );

const backup = (repository: Repository) =>
  repository.backup({ directory: work, paths: ["files"], host: "hmis", tag: "export" });

/** What an export does with it. @returns the names of the repositories that are there then */
async function exportTo(place: BackupLocation, checkDays = 7): Promise<string[]> {
  const found = await openThisMonth(place, { checkDays });
  const { repository, result } = await orInto(found, place, backup);
  // What it wrote can be read.
  expect((await repository.dump(result.id, "/files/1")).length).toBeGreaterThan(0);
  await repository.check(1, 1);
  return place.months();
}

beforeAll(async () => {
  await useRestic();
  work = await mkdtemp(join(tmpdir(), "dhistance-month-"));
  await writeFile(join(work, "password"), "secret");
  await mkdir(join(work, "files"));
  for (let i = 0; i < 5; i++) await writeFile(join(work, `files/${i}`), randomBytes(50_000));
  s3 = await startS3();
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = s3.credentialsFile;
  await s3.client.send(new CreateBucketCommand({ Bucket: "plain" }));
  for (const url of [join(work, "made"), s3.location("plain", "made")]) {
    const repository = await openThisMonth(location(url), { checkDays: 7 });
    for (let i = 0; i < 2; i++) await backup(repository);
  }
}, 600_000);
afterAll(async () => {
  await s3?.stop();
  await rm(work, { recursive: true, force: true });
});

/** The files of a kind, the largest first. */
function filesOf(repository: string, kind: string): string[] {
  if (kind === "config") return [join(repository, kind)];
  return readdirSync(join(repository, kind), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
}

const KINDS = ["config", "keys", "index", "snapshots", "data"] as const;
const DAMAGE: Record<string, (file: string, share: number) => Promise<void> | void> = {
  gone: (file) => rm(file),
  empty: (file) => truncateSync(file, 0),
  cut: (file, share) => truncateSync(file, Math.floor(statSync(file).size * share)),
  longer: (file) => writeFileSync(file, "more", { flag: "a" }),
  garbage: (file) => writeFileSync(file, randomBytes(statSync(file).size)),
};

describe("the next export", { timeout: 600_000 }, () => {
  it.each(KINDS.flatMap((kind) => ["gone", "cut", "garbage"].map((damage) => [kind, damage] as const)))(
    "when a file of %s is %s",
    async (kind, damage) => {
      const to = join(work, `${kind}-${damage}`);
      await cp(join(work, "made"), to, { recursive: true });
      const [file = ""] = filesOf(join(to, MONTH), kind);
      await DAMAGE[damage]?.(file, 0.7);
      // A backup that is gone as if it had never been is for the comparison with earlier backups.
      const whole = kind === "snapshots" && damage === "gone";
      // What has the right size is found when it is read: all of it within `checkDays`.
      expect(await exportTo(location(to), 1)).toEqual(whole ? [MONTH] : [MONTH, `${MONTH}.2`]);
    },
  );

  it.each(["index", "data"])("when the folder %s is gone", async (kind) => {
    const to = join(work, `no-${kind}`);
    await cp(join(work, "made"), to, { recursive: true });
    await rm(join(to, MONTH, kind), { recursive: true });
    expect(await exportTo(location(to))).toEqual([MONTH, `${MONTH}.2`]);
  });

  it("when several files are damaged at once", async () => {
    let run = 0;
    const faults = fc.array(
      fc.tuple(
        fc.constantFrom(...KINDS.filter((kind) => kind !== "snapshots")),
        fc.constantFrom(...Object.keys(DAMAGE)),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      ),
      { minLength: 2, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(faults, async (each) => {
        const to = join(work, `several-${run++}`);
        await cp(join(work, "made"), to, { recursive: true });
        for (const [kind, damage, share] of each) {
          const files = filesOf(join(to, MONTH), kind);
          const file = files[Math.floor(share * files.length)];
          if (file !== undefined && statSync(file, { throwIfNoEntry: false }))
            await DAMAGE[damage]?.(file, share);
        }
        expect(await exportTo(location(to), 1)).toEqual([MONTH, `${MONTH}.2`]);
      }),
      { numRuns: Number(process.env["FAULTS"] ?? 4), seed: 5, endOnFailure: true },
    );
  });

  it.each([
    ["config", "gone"],
    ["keys", "gone"],
    ["data", "gone"],
    ["data", "cut"],
    ["index", "garbage"],
  ])("in S3, when an object of %s is %s", async (kind, damage) => {
    const name = `s3-${kind}-${damage}`;
    // The server's objects are files in its directory.
    const bucket = join(s3.credentialsFile, "../data/plain");
    await cp(join(bucket, "made"), join(bucket, name), { recursive: true });
    const [file = ""] = filesOf(join(bucket, name, MONTH), kind);
    await DAMAGE[damage]?.(file, 0.7);
    expect(await exportTo(location(s3.location("plain", name)), 1)).toEqual([MONTH, `${MONTH}.2`]);
  });

  it("does not take a location that is not in reach for damaged", async () => {
    const place = location(s3.location("plain", "made"));
    const found = await openThisMonth(place, { checkDays: 7 });
    await s3.client.send(new CreateBucketCommand({ Bucket: "other" }));
    const stopped = new AbortController();
    await s3.halt();
    const away = new BackupLocation(place.url, place.access, stopped.signal);
    await expect(openThisMonth(away, { checkDays: 7 })).rejects.toThrow(/cannot be reached/);
    await s3.start();
    expect(await place.months()).toEqual([MONTH]);
    expect(found.url).toContain(MONTH);
  });
});

describe("the older months", { timeout: 600_000 }, () => {
  const DAY = 24 * 3600 * 1000;
  const begin = Date.UTC(2026, 10, 30, 6);
  /** A location with two older months beside the newest, its folder on the disk. */
  async function older(where: "disk" | "s3", name: string): Promise<[BackupLocation, string]> {
    const parent = where === "disk" ? work : join(s3.credentialsFile, "../data/plain");
    const folder = join(parent, name);
    for (const month of ["2020-01", "2020-02", MONTH])
      await cp(join(parent, "made", MONTH), join(folder, month), { recursive: true });
    return [location(where === "disk" ? folder : s3.location("plain", name)), folder];
  }

  it.each(["disk", "s3"] as const)("on %s are read completely within a week", async (where) => {
    const [place] = await older(where, "all-good");
    for (let day = 0; day < 7; day++) {
      expect((await keptChecks(place))["2020-01"]?.allAt).toBeUndefined();
      // The second look of a day reads nothing.
      for (const hour of [0, 5])
        expect(await checkMonths(place, new Date(begin + day * DAY + hour * 3600_000))).toEqual([]);
      expect((await keptChecks(place))["2020-01"]).toMatchObject({ part: day + 1 });
    }
    expect(Object.keys(await keptChecks(place))).toEqual(["2020-01", "2020-02"]);
    expect((await keptChecks(place))["2020-02"]?.allAt).toBe(new Date(begin + 6 * DAY).toISOString());
  });

  it("are an alarm within a week when one wrong byte is in them, until a week without", async () => {
    const [place, folder] = await older("disk", "one-byte");
    const [pack = ""] = filesOf(join(folder, "2020-01"), "data");
    const good = readFileSync(pack);
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(bad.length >> 1) ^ 0xff, bad.length >> 1);
    chmodSync(pack, 0o600);
    writeFileSync(pack, bad);
    const look = (day: number) => checkMonths(place, new Date(begin + day * DAY));
    const days: number[] = [];
    for (let day = 0; day < 7; day++) days.push((await look(day)).length);
    expect(days).toContain(1);
    // It stays one on the days when another part is read.
    expect(days.lastIndexOf(0)).toBeLessThan(days.indexOf(1));
    writeFileSync(pack, good);
    const [alarm] = await look(7);
    expect(alarm).toBeInstanceOf(LossError);
    expect(alarm?.message).toMatch(/^The backups of 2020-01 in .*one-byte are damaged/);
    for (let day = 8; day < 14; day++) await look(day);
    expect(await look(14)).toEqual([]);
  });

  it("that lose a pack are an alarm on the same day, and on all days after it", async () => {
    const [place, folder] = await older("disk", "no-pack");
    const [pack = ""] = filesOf(join(folder, "2020-02"), "data");
    await rm(pack);
    for (const day of [0, 0.1, 1]) {
      const found = await checkMonths(place, new Date(begin + day * DAY));
      expect(found.map(({ message }) => message)).toEqual([
        expect.stringMatching(/^The backups of 2020-02 in /) as string,
      ]);
    }
  });

  it("are not said to be good by whoever can only write beside them", async () => {
    const [place, folder] = await older("disk", "forged");
    await rm(filesOf(join(folder, "2020-01"), "data")[0] ?? "");
    expect(await checkMonths(place, new Date(begin))).toHaveLength(1);
    const file = join(folder, "checks.json");
    const kept = JSON.parse(readFileSync(file, "utf8")) as Record<string, { damage?: string }>;
    delete kept["2020-01"]?.damage;
    writeFileSync(file, JSON.stringify(kept));
    expect(await keptChecks(place)).toEqual({});
    expect(await checkMonths(place, new Date(begin))).toHaveLength(1);
  });
});
