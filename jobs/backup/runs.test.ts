/** Runs beside each other, and one after another: locks, a month's end, a limit on the bandwidth. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import { contents } from "../testing/everyKindOfObject";
import { exportServer } from "./export";
import { signingKey } from "./manifest";
import { BackupLocation } from "./location";
import { Progress } from "./progress";
import { replicate } from "./replicate";

let world: BackupWorld;
const month = new Date().toISOString().slice(0, 7);
let cloud: string;
let local: string;

beforeAll(async () => {
  world = await startBackupWorld();
  cloud = world.s3.location("copies", "hmis");
  local = world.path("copies/hmis");
  expect(await world.backup(...world.exportTo(cloud))).toMatchObject({ code: 0 });
  await configure({});
});
afterAll(() => world.stop());

function configure(more: object): Promise<void> {
  const configuration = {
    ...{ servers: ["hmis"], source: cloud.replace(/\/hmis$/, ""), backups: world.path("copies") },
    ...{ cloudPasswordFile: world.path("cloud-password"), localPasswordFile: world.path("local-password") },
    ...{ publicKeyFile: world.path("signing.pub"), retentionDays: 30, parts: 1 },
    ...more,
  };
  return writeFile(world.path("replicate.json"), JSON.stringify(configuration));
}

const pullOnce = () => ["replicate", "--config", world.path("replicate.json"), "--once", "--json"];

/** Stops a run where it says that it has come so far; the tools it has started come to their end. */
async function stoppedAt(child: ChildProcess, phase: string): Promise<void> {
  let said = "";
  const listen = (chunk: Buffer) => void (said += chunk.toString());
  child.stdout?.on("data", listen);
  child.stderr?.on("data", listen);
  while (!said.includes(phase)) {
    expect(child.exitCode, said).toBe(null);
    await sleep(5);
  }
  child.kill("SIGSTOP");
  while (toolsOf(child.pid ?? 0).length > 0) await sleep(20);
}

/** Its children that are at work. Those that have ended are there still, since a stopped process takes no notice. */
function toolsOf(pid: number): string[] {
  return readdirSync("/proc").filter((each) => {
    if (!/^\d+$/.test(each)) return false;
    try {
      const stat = readFileSync(`/proc/${each}/stat`, "utf8");
      const [, name = "", state = "", parent = ""] = /\((.*)\) (\w) (\d+)/.exec(stat) ?? [];
      return Number(parent) === pid && state !== "Z" && name !== "flock";
    } catch {
      return false;
    }
  });
}

/** Every file of a directory with its contents. */
function everything(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((file): [string, string] => [file, readFileSync(file, "latin1")])
      .sort(),
  );
}

describe("two at once", () => {
  it("pulls into one directory: the second is refused and changes nothing, the first continues", async () => {
    const { backup, start, path } = world;
    const first = start(...pullOnce());
    await stoppedAt(first, `pulling ${month}`);
    const before = everything(path("copies/hmis"));
    const second = await backup(...pullOnce());
    expect(second.stderr).toMatch(/ALARM backup: Another run is at work on .*copies\/hmis\. Wait for it/);
    expect(second).toMatchObject({ code: 7 });
    expect(lastEvent(second.stdout, "replicated")).toBeUndefined();
    expect(everything(path("copies/hmis"))).toEqual(before);
    first.kill("SIGCONT");
    expect(await ended(first)).toBe(0);
    const { stdout } = await backup("list", ...world.inLocation(local), "--json");
    expect(lastEvent<{ backups: object[] }>(stdout, "backups")?.backups).toHaveLength(1);
  });

  it("restores of one database: the second is refused and changes nothing, the first continues", async () => {
    const { backup, start, inLocation, server, postgres, path } = world;
    const restore = ["restore", ...inLocation(local), ...server(), "--database", "hmis", "--replace"];
    const first = start(...restore);
    await stoppedAt(first, "fetching the database");
    const databases = () => postgres.query("SELECT datname FROM pg_database ORDER BY datname");
    const before = [await databases(), await contents(postgres, "hmis")];
    const second = await backup(...restore);
    expect(second.stderr).toMatch(/Not restored\. Another run is at work on .*dhistance-restore-hmis/);
    expect(second).toMatchObject({ code: 7, stdout: "" });
    // On another machine, which has another scratch: the database server itself knows.
    await mkdir(path("elsewhere"));
    const third = await backup(...restore, "--scratch", path("elsewhere"));
    expect(third.stderr).toMatch(/Not restored\. .*under way/);
    expect(third).toMatchObject({ code: 7, stdout: "" });
    expect([await databases(), await contents(postgres, "hmis")]).toEqual(before);
    first.kill("SIGCONT");
    expect(await ended(first)).toBe(0);
    expect(await postgres.query("SELECT FROM pg_database WHERE datname LIKE 'hmis_before_%'")).toHaveLength(
      1,
    );
  });
});

describe("locks of restic in the bucket", () => {
  async function locks(): Promise<string[]> {
    const prefix = `hmis/${month}/locks/`;
    const page = await world.s3.client.send(new ListObjectsV2Command({ Bucket: "copies", Prefix: prefix }));
    return (page.Contents ?? []).map(({ Key }) => Key ?? "");
  }

  function restic(...command: string[]): ChildProcess {
    const common = [
      "--repo",
      `${cloud}/${month}`,
      "--password-file",
      world.path("cloud-password"),
      "--no-cache",
    ];
    return spawn("restic", [...common, ...command], {
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: process.env["PATH"], AWS_SHARED_CREDENTIALS_FILE: world.s3.credentialsFile },
    });
  }

  /** Holds a lock until its input ends, or until it is killed. */
  async function holding(): Promise<ChildProcess> {
    const before = (await locks()).length;
    const child = restic("backup", "--stdin", "--tag", "other");
    while ((await locks()).length === before) await sleep(20);
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    child.kill("SIGKILL");
    await once(child, "close");
  }

  it("of a killed run: the next export takes it away, and leaves that of a run which is alive", async () => {
    const { backup, exportTo } = world;
    await kill(await holding());
    const [dead] = await locks();
    const alive = await holding();
    const [own] = (await locks()).filter((lock) => lock !== dead);
    expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
    expect(await locks()).toEqual([own]);
    alive.stdin?.end("text");
    expect(await ended(alive)).toBe(0);
    expect(await locks()).toEqual([]);
  });

  it("one that lets nobody else in: neither export nor pull waits for the dead", async () => {
    const { backup, exportTo } = world;
    // By hand, as nothing here ever locks others out of the cloud's copy.
    const leave = async () => {
      while ((await locks()).length === 0) {
        const child = restic("check");
        while ((await locks()).length === 0 && child.exitCode === null) await sleep(5);
        if (child.exitCode === null) await kill(child);
      }
    };
    await leave();
    expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
    expect(await locks()).toEqual([]);
    await leave();
    expect(await backup(...pullOnce())).toMatchObject({ code: 0 });
    expect(await locks()).toEqual([]);
  });
});

it("a month ends between two exports, by a clock that is given to the export instead of the real one", async () => {
  const { backup, inLocation, path, postgres, server } = world;
  const location = path("months");
  const signal = new AbortController().signal;
  const at = (url: string) =>
    new BackupLocation(url, { passwordFile: path("local-password"), cache: path("copies/.cache") }, signal);
  const key = signingKey(await readFile(path("signing.pem"), "utf8"), "key");
  const { host, port, user, password } = postgres;
  const exporting = (now: string) =>
    exportServer({
      ...{ name: "hmis", location: at(location), key, settings: [], texts: {}, jobs: 1, checkDays: 7 },
      ...{ server: { host, port, user, password, database: "hmis" }, scratch: path("scratch") },
      ...{ progress: new Progress(), signal, now: new Date(now), acceptShrink: true },
    });
  const last = await exporting("2031-01-31T23:59:50Z");
  expect(last.repository).toBe(`${location}/2031-01`);
  await postgres.query("DELETE FROM event", undefined, "hmis");
  const first = await exporting("2031-02-01T00:00:10Z");
  expect(first.repository).toBe(`${location}/2031-02`);

  const pulled = await replicate({
    ...{ source: at(location), target: at(path("months-home")), retentionDays: 30, parts: 1 },
    ...{ progress: new Progress(), signal, now: new Date("2031-02-01T00:30:00Z") },
  });
  expect(pulled).toMatchObject({ copied: 2, problems: [], removed: [] });
  let older = "";
  for (const each of [location, path("months-home")]) {
    const listed = await backup("list", ...inLocation(each), "--json");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    const { backups = [] } =
      lastEvent<{ backups: { repository: string; rows: number; snapshot: string }[] }>(
        listed.stdout,
        "backups",
      ) ?? {};
    expect(backups).toMatchObject([
      { repository: `${each}/2031-02`, rows: first.rows },
      { repository: `${each}/2031-01`, rows: last.rows },
    ]);
    older = backups[1]?.snapshot ?? "";
  }
  expect(first.rows).toBe(last.rows - 200);
  // What is of the month before is there to be restored.
  const from = [...inLocation(path("months-home")), "--snapshot", older];
  expect(await backup("restore", ...from, ...server(), "--database", "january")).toMatchObject({ code: 0 });
  expect(await postgres.query("SELECT FROM event", undefined, "january")).toHaveLength(200);
});

// Of the bytes restic lets those of one second through at once.
it("a pull with a limit takes as long as the limit says", async () => {
  const { backup, exportTo, path } = world;
  // No compression makes it smaller.
  await writeFile(path("files/noise"), randomBytes(2 << 20));
  // The test before has deleted rows.
  expect(await backup(...exportTo(cloud), "--accept-shrink")).toMatchObject({ code: 0 });
  await configure({ kibPerSecond: 400 });
  const began = Date.now();
  const pulled = await backup(...pullOnce());
  const seconds = (Date.now() - began) / 1000;
  expect(pulled).toMatchObject({ code: 0 });
  expect(lastEvent(pulled.stdout, "replicated")).toMatchObject({ copied: 1 });
  expect(seconds).toBeGreaterThan(2048 / 400 - 1);
  await rm(path("files/noise"));
  await configure({});
});
