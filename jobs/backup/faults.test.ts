import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { openManifest, receiptOf, receiptTag, sign, signingKey } from "./manifest";
import { ended, lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";

const root = process.getuid?.() === 0;

let world: BackupWorld;
/** A place with one good copy. */
let shared: string;
beforeAll(async () => {
  world = await startBackupWorld();
  shared = world.path("shared");
  expect(await world.backup(...world.exportTo(shared))).toMatchObject({ code: 0 });
});
afterAll(() => world.stop());

interface Listed {
  backups: { snapshot: string; rows: number }[];
}

/** Backups of a location that are claimed good. */
async function claimedIn(location: string): Promise<Listed["backups"]> {
  const { stdout } = await world.backup("list", ...world.inLocation(location), "--json");
  return lastEvent<Listed>(stdout, "backups")?.backups ?? [];
}

/** Waits for a phase of a command that was started. */
async function phase(child: ReturnType<BackupWorld["start"]>, text: string): Promise<void> {
  let said = "";
  while (!said.includes(text)) {
    const [chunk] = (await once(child.stderr ?? process.stdin, "data")) as [Buffer];
    said += chunk.toString();
  }
}

describe("the repository cannot be reached", () => {
  it("from the beginning: a clear refusal, and the next run works", async () => {
    const { backup, exportTo, s3 } = world;
    const cloud = s3.location("copies", "away");
    await s3.halt();
    const refused = await backup(...exportTo(cloud));
    expect(refused).toMatchObject({ code: 5, stdout: "" });
    expect(refused.stderr).toMatch(/ALARM backup: s3:http.* cannot be reached: .*ECONNREFUSED/);
    await s3.start();
    expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
    expect(await claimedIn(cloud)).toHaveLength(1);
  });

  it("from the beginning, and back within the time to try again: an alarm, then a backup", async () => {
    const { start, exportTo, s3 } = world;
    const cloud = s3.location("copies", "again");
    await s3.halt();
    const child = start(...exportTo(cloud), "--retry-for", "90s");
    await phase(child, "It is tried again in 5 s.");
    await s3.start();
    expect(await ended(child)).toBe(0);
    expect(await claimedIn(cloud)).toHaveLength(1);
  });

  it("from the middle on, then again: the export goes on", async () => {
    const { start, exportTo, s3 } = world;
    const cloud = s3.location("copies", "interrupted");
    const child = start(...exportTo(cloud));
    await phase(child, "writing the backup");
    await s3.halt();
    await sleep(1500);
    await s3.start();
    expect(await ended(child)).toBe(0);
    expect(await claimedIn(cloud)).toHaveLength(1);
  });

  it("from the middle on, until it is stopped: nothing is claimed", async () => {
    const { backup, start, exportTo, s3, path } = world;
    const cloud = s3.location("copies", "stopped");
    const child = start(...exportTo(cloud));
    await phase(child, "writing the backup");
    await s3.halt();
    child.kill("SIGTERM");
    expect(await ended(child)).toBe(143);
    await s3.start();
    expect(await claimedIn(cloud)).toEqual([]);
    expect(await readdir(path("scratch"))).not.toContain("dhistance-export-hmis");
    expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
    expect(await claimedIn(cloud)).toHaveLength(1);
  });
});

it("the dump command fails half-way: no backup, and the next run works", async () => {
  const { backup, exportTo, start, path, postgres } = world;
  const location = path("half");
  const wide =
    "CREATE TABLE wide AS SELECT i, repeat(md5(i::text), 30) AS t FROM generate_series(1, 100000) i";
  await postgres.query(wide, undefined, "hmis");
  const child = start(...exportTo(location));
  const end = ended(child);
  const kill =
    "SELECT pg_terminate_backend(pid) AS killed FROM pg_stat_activity WHERE query LIKE 'COPY public.wide%' AND state = 'active'";
  while ((await postgres.query(kill)).length === 0) expect(child.exitCode).toBe(null);
  expect(await end).toBe(5);
  expect(await claimedIn(location)).toEqual([]);
  // Not even restic has a snapshot of it.
  const [month = ""] = await readdir(location);
  expect(JSON.parse(world.restic(join(location, month), "snapshots"))).toEqual([]);
  await postgres.query("DROP TABLE wide", undefined, "hmis");
  expect(await backup(...exportTo(location))).toMatchObject({ code: 0 });
  expect(await claimedIn(location)).toHaveLength(1);
});

it("a snapshot whose export did not live to claim it is never restored", async () => {
  const { backup, inLocation, path, restic, server } = world;
  const claimed = await claimedIn(shared);
  // As restic leaves it when some files could not be read, or when the job is killed before the receipt.
  const [month = ""] = await readdir(shared);
  restic(join(shared, month), "backup", "--host", "hmis", "--tag", "export", path("files"));
  expect(JSON.parse(restic(join(shared, month), "snapshots", "--tag", "export"))).toHaveLength(2);
  expect(await claimedIn(shared)).toEqual(claimed);
  const restored = await backup(
    "restore",
    ...inLocation(shared),
    ...server(),
    "--database",
    "good",
    "--json",
  );
  expect(lastEvent(restored.stdout, "restored")).toMatchObject({ snapshot: claimed[0]?.snapshot });
});

it("rows that were lost on the way: found by the manifest; nothing is replaced", async () => {
  const { backup, inLocation, path, postgres, resticIn, server } = world;
  const [claimed] = await claimedIn(shared);
  const [month = ""] = await readdir(shared);
  const repository = join(shared, month);
  const changed = path("changed");
  resticIn(path("."), repository, "restore", claimed?.snapshot ?? "", "--target", changed);
  const file = execFileSync("grep", ["-rl", "^1\te0000000001", join(changed, "database")], {
    encoding: "utf8",
  });
  const dump = file.trim().split("\n")[0] ?? "";
  const lines = (await readFile(dump, "utf8")).split("\n");
  await writeFile(dump, lines.slice(1).join("\n"));
  // With all the signatures that a whole one has.
  const lay = (tag: string, ...paths: string[]) =>
    lastEvent<{ snapshot_id: string }>(
      resticIn(changed, repository, "backup", "--host", "hmis", "--tag", tag, ...paths).replaceAll(
        "message_type",
        "event",
      ),
      "summary",
    )?.snapshot_id ?? "";
  const key = signingKey(await readFile(path("signing.pem"), "utf8"), "key");
  const manifest = await openManifest(await readFile(join(changed, "manifest.jws"), "utf8"), undefined);
  const later = { ...manifest, at: new Date(Date.parse(manifest.at) + 1).toISOString() };
  await writeFile(join(changed, "manifest.jws"), await sign(later, key));
  const id = lay("export", "database", "settings", "manifest.jws");
  const all = JSON.parse(resticIn(changed, repository, "snapshots")) as { id: string; tree: string }[];
  const tree = all.find((snapshot) => snapshot.id === id)?.tree ?? "";
  lay(receiptTag(await sign(receiptOf(later, tree), key)), "manifest.jws");

  const before = await contents(postgres, "hmis");
  const from = [...inLocation(shared), "--snapshot", id];
  const restored = await backup("restore", ...from, ...server(), "--database", "hmis", "--replace");
  expect(restored.stderr).toMatch(
    /Not restored\. .*does not match its manifest: public\.event has 199 rows, not 200\./,
  );
  expect(restored).toMatchObject({ code: 4, stdout: "" });
  expect(await contents(postgres, "hmis")).toEqual(before);
  resticIn(changed, repository, "forget", id);
});

it("two at once: the second is refused with that reason, the first continues", async () => {
  const { backup, start, exportTo, path, postgres } = world;
  const location = path("two");
  const first = start(...exportTo(location));
  const held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted";
  while ((await postgres.query(held)).length === 0) await sleep(20);
  const second = await backup(...exportTo(location));
  expect(second).toMatchObject({ code: 7, stdout: "" });
  expect(second.stderr).toMatch(/Another export of hmis is under way/);
  expect(await ended(first)).toBe(0);
  expect(await claimedIn(location)).toHaveLength(1);
});

describe("keys", () => {
  it("wrong, lost, or another's: each is said, and nothing is restored", async () => {
    const { backup, exportTo, inLocation, path, server } = world;
    await writeFile(path("wrong"), "wrong");
    await writeFile(path("empty"), "\n");
    const other = generateKeyPairSync("ed25519").publicKey;
    await writeFile(path("other.pub"), other.export({ type: "spki", format: "pem" }));
    const with_ = (option: string, value: string) => [...inLocation(shared), option, value];
    const cases: [string[], number, RegExp][] = [
      [with_("--repository-password-file", path("wrong")), 3, /is encrypted under another password/],
      [with_("--repository-password-file", path("empty")), 2, /--repository-password-file: .*empty is empty/],
      [with_("--repository-password-file", path("lost")), 2, /--repository-password-file: ENOENT/],
      [
        with_("--public-key", path("other.pub")),
        3,
        /None of the 1 backups in .*shared is signed with this --public-key/,
      ],
      [with_("--snapshot", "00000000"), 3, /There is no backup 00000000 /],
    ];
    for (const [parameters, code, message] of cases) {
      const refused = await backup("restore", ...parameters, ...server(), "--database", "never");
      expect(refused.stderr).toMatch(message);
      expect(refused).toMatchObject({ code, stdout: "" });
    }
    const wrong = await backup(...exportTo(shared), "--repository-password-file", path("wrong"));
    expect(wrong).toMatchObject({ code: 3 });
    expect(await world.postgres.query("SELECT FROM pg_database WHERE datname LIKE 'never%'")).toEqual([]);
  });
});

describe("a location without a backup: list and restore say the same of it, when it", () => {
  const month = new Date().toISOString().slice(0, 7);
  beforeAll(async () => {
    const cloud = world.s3.location("copies", "hidden");
    for (const location of [cloud, world.s3.location("copies", "seen")])
      expect(await world.backup(...world.exportTo(location))).toMatchObject({ code: 0 });
    await world.s3.hide("copies", "hidden/");
  }, 300_000);

  it.each<[string, () => string, number, RegExp]>([
    ["is misspelt", () => world.path("shared-2"), 3, /shared-2 does not exist\. Backups are in .*\/shared/],
    [
      "is the folder around it",
      () => world.path("."),
      3,
      /no backup in .* itself, but in its folders .*shared/,
    ],
    ["is a month", () => join(shared, month), 3, /is one month's repository\. Name the folder .*\/shared$/m],
    [
      "is misspelt in a bucket",
      () => world.s3.location("copies", "seen-2"),
      3,
      /no backup in .*seen-2\. Backups are in .*copies\/seen/,
    ],
    ["is a bucket", () => world.s3.location("copies", ""), 3, /but in its folders .*seen/],
    [
      "is in no bucket",
      () => world.s3.location("no-bucket", "seen"),
      5,
      /There is no bucket no-bucket at http/,
    ],
    [
      "was hidden",
      () => world.s3.location("copies", "hidden"),
      3,
      /were deleted or hidden \(\d{4}-\d{2}\); the bucket still has earlier versions/,
    ],
  ])("%s", async (_, location, code, message) => {
    const restore = [...world.server(), "--database", "never"];
    for (const parameters of [["list"], ["restore", ...restore]]) {
      const refused = await world.backup(...parameters, ...world.inLocation(location()));
      expect(refused.stderr).toMatch(message);
      expect(refused.code).toBe(code);
    }
  });
});

it("a database that holds something is not replaced unasked; a backup that is not there is said", async () => {
  const { backup, inLocation, path, server } = world;
  const missing = await backup("restore", ...inLocation(path("nowhere")), ...server(), "--database", "hmis");
  expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining("does not exist") as string });
  const refused = await backup("restore", ...inLocation(shared), ...server(), "--database", "hmis");
  expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining("--replace") as string });
});

describe("--copy, the old name of --location", () => {
  const named = (option: string) =>
    world.inLocation(shared).map((each) => (each === "--location" ? option : each));

  it("is read, with a warning", async () => {
    const now = await world.backup("list", ...named("--location"), "--json");
    const before = await world.backup("list", ...named("--copy"), "--json");
    expect(before).toMatchObject({ code: 0, stdout: now.stdout });
    expect(before.stderr).toBe(
      "warning: --copy is now --location; the next version does not read the old name\n",
    );
    expect(now.stderr).toBe("");
  });

  it("is refused beside the new one, and one of them is required", async () => {
    const both = await world.backup("list", ...named("--location"), "--copy", shared);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be used with") as string });
    const none = await world.backup("list");
    expect(none).toMatchObject({
      code: 2,
      stderr: "error: required option '--location <location>' not specified\n",
    });
  });
});

describe("promises", () => {
  it("a backup that is too old, a drill that is missing, are alarms", async () => {
    const { backup, inLocation, path } = world;
    const old = await backup("list", ...inLocation(shared), "--max-age", "1s");
    expect(old).toMatchObject({ code: 8 });
    expect(old.stderr).toMatch(/^.*ALARM backup: The newest backup in .*shared is .* old .* is promised/m);
    const drill = ["--drill-file", path("no-drill.json"), "--max-drill-age", "8d"];
    const missing = await backup("list", ...inLocation(shared), ...drill);
    expect(missing).toMatchObject({ code: 8 });
    expect(missing.stderr).toMatch(
      /ALARM backup: The last drill of .* is missing; one every 8 days is promised/,
    );
  });
});

describe.skipIf(!root)("a full disk", () => {
  const mounted: string[] = [];
  async function small(size: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "dhistance-small-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
    mounted.push(directory);
    return directory;
  }
  afterAll(async () => {
    for (const directory of mounted) {
      execFileSync("umount", [directory]);
      await rm(directory, { recursive: true });
    }
  });

  it("of the dump: said, nothing is claimed, the next run works", async () => {
    const { backup, exportTo, path } = world;
    const location = path("full-scratch");
    const full = await backup(...exportTo(location), "--scratch", await small("200k"));
    expect(full).toMatchObject({ code: 5 });
    expect(full.stderr).toMatch(/The disk is full: .*dhistance-small-.* has no space for the complete dump/);
    expect(await claimedIn(location)).toEqual([]);
    expect(await backup(...exportTo(location))).toMatchObject({ code: 0 });
  });

  it("of the repository: the backups so far stay, and with more room the next run works", async () => {
    const { backup, exportTo } = world;
    const location = await small("1500k");
    expect(await backup(...exportTo(location))).toMatchObject({ code: 0 });
    const before = await claimedIn(location);
    await mkdir(world.path("files/more"));
    const noise = Buffer.from(generateNoise(3 << 20));
    await writeFile(world.path("files/more/noise"), noise);
    const full = await backup(...exportTo(location));
    expect(full.stderr).toMatch(/ALARM backup: The disk is full/);
    expect(full).toMatchObject({ code: 5 });
    expect(await claimedIn(location)).toEqual(before);
    execFileSync("mount", ["-o", "remount,size=20m", location]);
    expect(await backup(...exportTo(location))).toMatchObject({ code: 0 });
    expect(await claimedIn(location)).toHaveLength(2);
    await rm(world.path("files/more"), { recursive: true });
  });

  it("of a restore: the live database is as it was", async () => {
    const { backup, inLocation, server, postgres } = world;
    const before = await contents(postgres, "hmis");
    const restore = ["restore", ...inLocation(shared), ...server(), "--database", "hmis", "--replace"];
    const full = await backup(...restore, "--scratch", await small("200k"));
    expect(full.stderr).toMatch(/disk is full|no space left/i);
    expect(full).toMatchObject({ code: 5 });
    expect(await contents(postgres, "hmis")).toEqual(before);
  });
});

/** Bytes that do not compress; the same each time. */
function generateNoise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
