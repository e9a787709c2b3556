/** Whatever is lost in the source or here: the backups here that can be restored never become fewer, and it is said. */
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { chmod, cp, mkdir, open, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, lastEvent, startBackupWorld, type BackupWorld, type Ended } from "../testing/backups";
import type { ExportResult } from "./export";

let world: BackupWorld;
const month = new Date().toISOString().slice(0, 7);
/** A source with three backups, and what was pulled from it. */
let made: string;
/** Those of the test. */
let source: string;
let home: string;

beforeAll(async () => {
  world = await startBackupWorld();
  const { path, exportTo, backup } = world;
  made = path("made");
  [source, home] = [join(made, "source"), join(made, "home")];
  for (let i = 0; i < 3; i++) {
    await writeFile(path("files/one"), `version ${i}`);
    expect(await backup(...exportTo(join(source, "hmis")))).toMatchObject({ code: 0 });
  }
  expect(await pull()).toMatchObject({ code: 0 });
}, 900_000);
afterAll(() => world.stop());

let count = 0;
async function fresh(): Promise<void> {
  const to = world.path(`case-${count++}`);
  await cp(made, to, { recursive: true, preserveTimestamps: true });
  [source, home] = [join(to, "source"), join(to, "home")];
}

async function configure(more: object = {}): Promise<string> {
  const { path } = world;
  const configuration = {
    ...{
      servers: ["hmis"],
      source,
      backups: home,
      retentionDays: 30,
      parts: 1,
      publicKeyFile: path("signing.pub"),
    },
    ...{ cloudPasswordFile: path("local-password"), localPasswordFile: path("local-password") },
    ...more,
  };
  await writeFile(path("replicate.json"), JSON.stringify(configuration));
  return path("replicate.json");
}

async function pull(more: object = {}): Promise<Ended> {
  return world.backup("replicate", "--config", await configure(more), "--once", "--json");
}

const local = () => join(home, "hmis");
const repository = (location: string) => join(location, "hmis", month);

async function listed(location: string): Promise<{ snapshot: string; at: string }[]> {
  const { stdout } = await world.backup("list", ...world.inLocation(location), "--json");
  return lastEvent<{ backups: { snapshot: string; at: string }[] }>(stdout, "backups")?.backups ?? [];
}

/** By restic's own reading of every byte. @throws Error when it finds damage */
function readWhole(location: string): void {
  world.restic(location, "check", "--no-lock", "--read-data");
}

const largest = (location: string) =>
  readdirSync(join(location, "data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? "";

async function spoil(file: string, share = 0.5): Promise<void> {
  await chmod(file, 0o600);
  const handle = await open(file, "r+");
  const byte = Buffer.alloc(1);
  const at = Math.floor((await handle.stat()).size * share);
  await handle.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

/** Somebody hides the month, and makes an empty repository of that name. */
async function empty(): Promise<void> {
  await rm(repository(source), { recursive: true });
  world.restic(repository(source), "init");
}

/** All but the newest backups of a repository, with their receipts. */
function forgetAllButNewest(location: string): void {
  const all = JSON.parse(world.restic(location, "snapshots")) as {
    id: string;
    time: string;
    tags: string[];
  }[];
  const newest = all
    .filter(({ tags }) => tags.includes("export"))
    .sort((a, b) => b.time.localeCompare(a.time))[0];
  world.restic(
    location,
    "forget",
    ...all.filter(({ time }) => time < (newest?.time ?? "")).map(({ id }) => id),
    "--prune",
  );
}

describe("backups on premises", { timeout: 900_000 }, () => {
  it("are not deleted by healing when somebody has put an empty repository into the cloud", async () => {
    await fresh();
    await empty();
    const before = await listed(local());
    expect(await pull()).toMatchObject({ code: 9 });
    await spoil(largest(repository(home)));
    for (let runs = 0; runs < 2; runs++) {
      const run = await pull();
      expect(run.code).toBe(9);
      expect(run.stderr).toMatch(/ALARM backup: .*source\/hmis\/.* has lost 3 of the 3 backups/);
      expect(run.stderr).toMatch(
        /ALARM backup: .* is damaged, and .* cannot give back all .* Nothing was deleted/,
      );
      expect(lastEvent(run.stdout, "replicated")).toMatchObject({
        healed: [],
        newest: { at: before[0]?.at },
      });
      expect((await listed(local())).map(({ at }) => at)).toEqual(before.map(({ at }) => at));
    }
    // The source comes back: so does what was damaged.
    await rm(repository(source), { recursive: true });
    await cp(join(made, "source/hmis", month), repository(source), { recursive: true });
    const back = await pull();
    expect(back.stderr).toBe("");
    expect(lastEvent(back.stdout, "replicated")).toMatchObject({ healed: [month] });
    readWhole(repository(home));
    expect(await listed(local())).toHaveLength(3);
    expect((await readdir(local())).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("are not deleted by healing when the cloud has lost two of three", async () => {
    await fresh();
    forgetAllButNewest(repository(source));
    await spoil(largest(repository(home)));
    const run = await pull();
    expect(run.code).toBe(9);
    expect(run.stderr).toMatch(/has lost 2 of the 3 backups/);
    expect(await listed(local())).toHaveLength(3);
    // What all three have in common came back from the one that is left.
    readWhole(repository(home));
  });

  it.each(["config", "keys"])(
    "are not lost with their %s, not even when the cloud has none",
    async (what) => {
      await fresh();
      await empty();
      await rm(join(repository(home), what), { recursive: true });
      const run = await pull();
      expect(run.code).toBe(9);
      expect(lastEvent(run.stdout, "replicated")).toMatchObject({ healed: [month] });
      expect(await listed(local())).toHaveLength(3);
      readWhole(repository(home));
    },
  );

  it("stay when a pull was killed while their config was lost", async () => {
    await fresh();
    await empty();
    await rm(join(repository(home), "config"));
    await rm(join(local(), ".spare"), { recursive: true });
    const state = JSON.stringify({ checks: {}, writing: month });
    await writeFile(join(local(), "state.json"), state);
    const files = await readdir(repository(home), { recursive: true });
    const run = await pull();
    expect(run.code).not.toBe(0);
    expect(await readdir(repository(home), { recursive: true })).toEqual(files);
  });

  it("are not removed by retention while the cloud has lost some", async () => {
    await fresh();
    await cp(repository(home), join(local(), "2020-01"), { recursive: true });
    await empty();
    const run = await pull();
    expect(run.code).toBe(9);
    expect(lastEvent(run.stdout, "replicated")).toMatchObject({ removed: [] });
    expect(await readdir(local())).toContain("2020-01");
  });

  it("are not removed by retention because newer months without a backup came", async () => {
    await fresh();
    // Exports that never come to their end, for a year.
    const later = "2027-11";
    for (const location of [source, home])
      await rename(repository(location), join(location, "hmis", "2025-11"));
    world.restic(join(source, "hmis", later), "init");
    const run = await pull();
    expect(lastEvent(run.stdout, "replicated")).toMatchObject({ removed: [] });
    expect(await listed(local())).toHaveLength(3);
  });

  it("that disappear are an alarm, not a success", async () => {
    await fresh();
    await empty();
    await mkdir(world.path("nothing"), { recursive: true });
    forgetAllButNewest(repository(home));
    const run = await pull();
    expect(run.code).toBe(9);
    expect(run.stderr).toMatch(/ALARM backup: 2 of the 3 backups that were in .* are not there any more/);
  });
});

/** Trees of the backups of a repository, if restic can read every byte of it; none when it cannot be opened. */
function restorable(location: string): string[] {
  try {
    const all = JSON.parse(world.restic(location, "snapshots")) as {
      id: string;
      tree: string;
      tags: string[];
    }[];
    return all
      .filter(({ id, tags }) => tags.includes("export") && canRead(location, id))
      .map(({ tree }) => tree);
  } catch {
    return [];
  }
}

function canRead(location: string, id: string): boolean {
  try {
    world.restic(location, "dump", id, "/", "--target", "/dev/null");
    return true;
  } catch {
    return false;
  }
}

describe("a healing that is killed", { timeout: 900_000 }, () => {
  it("loses no backup: the next pull finishes it", async () => {
    await fresh();
    await spoil(largest(repository(home)));
    const child = world.start("replicate", "--config", await configure(), "--once");
    while (!(await readdir(local())).some((name) => name.endsWith("-healing"))) {
      expect(child.exitCode).toBe(null);
      await sleep(5);
    }
    child.kill("SIGKILL");
    await ended(child);
    expect(await listed(local())).toHaveLength(3);
    // Or a little later: between the two renames.
    await rename(repository(home), `${repository(home)}-damaged-1`);
    const next = await pull();
    expect(next).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent(next.stdout, "replicated")).toMatchObject({ healed: [month] });
    expect((await readdir(local())).filter((name) => /healing|damaged/.test(name))).toEqual([]);
    readWhole(repository(home));
    expect(await listed(local())).toHaveLength(3);
    // Or after them: what was put aside goes once all that is listed was read, not because the source is right.
    await cp(repository(home), `${repository(home)}-damaged-2`, { recursive: true });
    await empty();
    expect(await pull()).toMatchObject({ code: 9 });
    expect(await readdir(local())).not.toContain(`${month}-damaged-2`);
    expect(restorable(repository(home))).toHaveLength(3);
  });
});

it(
  "whatever is damaged on either side, no backup that can be restored is lost, and a loss is never a success",
  { timeout: 1_800_000 },
  async () => {
    const inSource: Record<string, () => Promise<void> | void> = {
      nothing: () => undefined,
      "an empty repository": empty,
      "two of three lost": () => forgetAllButNewest(repository(source)),
      "the month lost": () => rm(repository(source), { recursive: true }),
      "a pack lost": () => rm(largest(repository(source))),
    };
    const atHome: Record<string, (share: number) => Promise<void>> = {
      "a byte of a pack": (share) => spoil(largest(repository(home)), share),
      "a pack lost": () => rm(largest(repository(home))),
      "a pack cut": async (share) => {
        const pack = largest(repository(home));
        await chmod(pack, 0o600);
        await truncate(pack, Math.floor(statSync(pack).size * share));
      },
      "config lost": () => rm(join(repository(home), "config")),
      "keys lost": () => rm(join(repository(home), "keys"), { recursive: true }),
      "a snapshot spoilt": async (share) => {
        const names = await readdir(join(repository(home), "snapshots"));
        await spoil(join(repository(home), "snapshots", names[Math.floor(share * names.length)] ?? ""));
      },
      "the index lost": () => rm(join(repository(home), "index"), { recursive: true }),
      "spare and config lost": async () => {
        await rm(join(local(), ".spare"), { recursive: true });
        await rm(join(repository(home), "config"));
      },
    };
    const faults = fc.tuple(
      fc.constantFrom(...Object.keys(inSource)),
      fc.constantFrom(...Object.keys(atHome)),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(faults, async ([there, here, share]) => {
        await fresh();
        await inSource[there]?.();
        await atHome[here]?.(share);
        const before = restorable(repository(home));
        const run = await pull();
        const after = restorable(repository(home));
        expect(after, run.stderr).toEqual(expect.arrayContaining(before));
        if (run.code === 0) expect(after).toHaveLength(3);
        if (there === "nothing") expect(after, run.stderr).toHaveLength(3);
        // What it does not have to give the pull does not ask for.
        else if (there !== "a pack lost") expect(run.code).not.toBe(0);
      }),
      {
        numRuns: Number(process.env["FAULTS"] ?? 6),
        seed: Number(process.env["SEED"] ?? 13),
        endOnFailure: true,
      },
    );
  },
);

describe("a backup that lacks what earlier ones have", { timeout: 900_000 }, () => {
  let location: string;
  const sql = (text: string) => world.postgres.query(text, undefined, "hmis");
  const exported = (stdout: string) => lastEvent<ExportResult>(stdout, "exported");
  const run = (...more: string[]) => world.backup(...world.exportTo(location), "--json", ...more);

  it("carries a ministry's own tables, whatever they are called, and names what it leaves out", async () => {
    location = world.path("shrinking");
    await sql(
      "CREATE TABLE _moh_stock_register (id int PRIMARY KEY, drug text);" +
        "INSERT INTO _moh_stock_register SELECT g, 'drug ' || g FROM generate_series(1, 5000) g;" +
        'CREATE SCHEMA hr; CREATE TABLE hr."analytics_2020 notes" AS SELECT 1 AS note;' +
        // Generated, and a table that people fill refers to it.
        "CREATE TABLE _orgunitstructure (organisationunitid bigint PRIMARY KEY);" +
        "INSERT INTO _orgunitstructure SELECT organisationunitid FROM organisationunit;" +
        "CREATE TABLE ministry_targets (ou bigint REFERENCES _orgunitstructure);" +
        "INSERT INTO ministry_targets SELECT organisationunitid FROM organisationunit LIMIT 10;",
    );
    const first = await run();
    expect(first).toMatchObject({ code: 0, stderr: "" });
    const { leftOut, comparedWith } = exported(first.stdout) ?? {};
    expect(leftOut).toEqual(["public.analytics_2025", "public.analytics_rs_orgunitstructure"]);
    expect(comparedWith).toEqual([]);
    const restore = ["restore", ...world.inLocation(location), ...world.server(), "--database", "restored"];
    expect(await world.backup(...restore)).toMatchObject({ code: 0 });
    const rows = (table: string) => world.postgres.query(`SELECT FROM ${table}`, undefined, "restored");
    expect(await rows("_moh_stock_register")).toHaveLength(5000);
    expect(await rows('hr."analytics_2020 notes"')).toHaveLength(1);
    expect(await rows("ministry_targets")).toHaveLength(10);
  });

  it("is made, and is an alarm until a person accepts the loss; retention waits", async () => {
    await rename(world.path("files"), world.path("files-kept"));
    await mkdir(world.path("files"));
    await sql("CREATE TABLE kept_event AS TABLE event; TRUNCATE event");
    await cp(join(location, month), join(location, "2020-01"), { recursive: true });
    for (let days = 0; days < 2; days++) {
      const shrunk = await run();
      expect(shrunk.code).toBe(9);
      expect(lastEvent<{ message: string }>(shrunk.stdout, "error")?.message).toMatch(
        /public\.event has 0 rows, not 200; the file store has 0 files, not 41/,
      );
      expect(exported(shrunk.stdout)?.shrunk).toHaveLength(2);
    }
    // Whoever has the backup raises the alarm, and keeps the good ones.
    const to = world.path("shrinking-home");
    await mkdir(to);
    await cp(location, join(to, "source/hmis"), { recursive: true });
    [source, home] = [join(to, "source"), join(to, "home")];
    await mkdir(join(to, "told"));
    expect(await pull()).toMatchObject({ code: 0 });
    await cp(join(local(), month), join(local(), "2020-01"), { recursive: true });
    const pulled = await pull({ reports: join(to, "told") });
    expect(pulled.code).toBe(9);
    expect(pulled.stderr).toMatch(
      /ALARM backup: The newest backup in .*home\/hmis, .* lacks what earlier backups have: /,
    );
    expect(lastEvent(pulled.stdout, "replicated")).toMatchObject({ removed: [] });
    expect(await readFile(join(to, "told/portable.prom"), "utf8")).toMatch(
      /^dhistance_portable_alarm\{text="The newest backup in .* lacks what earlier backups have: public\.event has 0 rows/m,
    );
    expect(await world.backup("list", ...world.inLocation(location))).toMatchObject({ code: 9 });
    const drilled = await world.backup("drill", ...world.inLocation(location));
    expect(drilled).toMatchObject({ code: 9, stdout: expect.stringContaining("Intact.") as string });

    const accepted = await run("--accept-shrink");
    expect(accepted).toMatchObject({ code: 0, stderr: "" });
    expect(exported(accepted.stdout)?.accepted).toHaveLength(2);
    // Later ones are compared with that one.
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
    expect(await world.backup("list", ...world.inLocation(location))).toMatchObject({ code: 0, stderr: "" });
    await rm(world.path("files"), { recursive: true });
    await rename(world.path("files-kept"), world.path("files"));
    await sql("INSERT INTO event TABLE kept_event");
  });

  it("is an alarm from the first on when there is nothing in the database", async () => {
    await world.postgres.query("CREATE DATABASE hollow");
    const hollow = await world.backup(...world.exportTo(world.path("hollow")), "--database", "hollow");
    expect(hollow.code).toBe(9);
    expect(hollow.stderr).toMatch(/ALARM backup: .*the database has no tables/);
  });
});

describe("a list of backups", { timeout: 900_000 }, () => {
  it("does not say that there is none when it cannot know", async () => {
    const { backup, inLocation, path } = world;
    await fresh();
    const nowhere = await backup("list", ...inLocation(path("misspelt")));
    expect(nowhere).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/misspelt does not exist/) as string,
    });
    const other = generateKeyPairSync("ed25519").publicKey;
    await writeFile(path("other.pub"), other.export({ type: "spki", format: "pem" }));
    const foreign = await backup("list", ...inLocation(local()), "--public-key", path("other.pub"));
    expect(foreign.stdout).toMatch(/Not shown: 3 backups signed with another key/);
    expect(foreign.stderr).toMatch(/None of the 3 backups in .* is signed with this --public-key/);
    expect(foreign).toMatchObject({ code: 3 });
  });
});

// What else can be damaged there: month.test.ts.
it("the next export goes into a new repository when a pack of this month's is cut", async () => {
  await fresh();
  const pack = largest(repository(source));
  await chmod(pack, 0o600);
  await truncate(pack, statSync(pack).size - 1000);
  const exported = await world.backup(...world.exportTo(join(source, "hmis")));
  expect(exported).toMatchObject({ code: 0 });
  expect(exported.stdout).toContain(`/hmis/${month}.2, backup `);
});
