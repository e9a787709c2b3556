import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DISK_PATH, PGDATA, REPOSITORIES, type Repository } from "../../components/docker/pgbackrest";
import { moments } from "../../jobs/testing/killing";
import { useEngine, type Engine } from "./engine";
import { inside } from "./runInContainer";
import { startDatabaseWithBackups, type DatabaseWithBackups } from "./databaseWithBackups";
import { flip, labelsOf, on } from "./repositories";
import { until } from "./world";

/**
 * pgBackRest run twice at once, with a full disk, and killed at every stage, the log on its way at random times (the seed
 * is printed): the next run
 * needs no repair by hand, every file is as it was written, and no committed row is lost.
 */
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const places = Object.keys(REPOSITORIES) as Repository[];
let engine: Engine;
let pair: DatabaseWithBackups;
let rows = 0;
beforeAll(async () => {
  console.log(`faults.test.ts: SEED=${SEED}`);
  engine = await useEngine();
  pair = await startDatabaseWithBackups(engine, "faults", "3g");
  await pair.sql("create table kept as select n, md5(n::text) from generate_series(1, 100000) n");
  // Otherwise PostgreSQL does it at some time, and its WAL fills a disk that a test leaves little of. Now it is archived.
  await pair.sql("vacuum (analyze) kept");
  await pair.sql("checkpoint");
  await pair.succeed("pgbackrest", "check");
  rows = 100_000;
});
afterAll(async () => {
  await pair?.stop();
  await engine?.release();
});

/** Adds a row, committed. */
async function add(): Promise<void> {
  await pair.sql(`insert into kept values (${++rows}, 'added')`);
}

/** A condition for `killedOnce`: the command has printed this. */
const says = (text: string) => `grep -q '${text}' $LOG`;

/**
 * Kills the command, and all that it has started, once a condition holds: after a time, a slow machine would not have got
 * there, and a fast one would be done.
 * @throws Error if the command ends before that
 */
async function killedOnce(seen: string, ...command: string[]): Promise<void> {
  const script = `export DISK=${DISK_PATH} LOG=/tmp/killed.log
: >$LOG; touch $LOG.begun
setsid "$@" >>$LOG 2>&1 &
until ${seen}; do kill -0 $! 2>/dev/null || { cat $LOG; exit 1; }; sleep 0.01; done 2>/dev/null
kill -s KILL -- -$!`;
  await pair.succeed("sh", "-c", script, "sh", ...command);
}

/** The round that is made every hour, now. */
async function round(): Promise<void> {
  await pair.succeed(
    "sh",
    "-c",
    `rm /tmp/round; for its in /proc/[0-9]*; do if grep -qaE '^(snooze|sleep)' $its/cmdline; then kill \${its#/proc/}; fi; done 2>/dev/null; true`,
  );
  await until("the round has ended", async () => (await pair.run("test", "-e", "/tmp/round")).code === 0);
}
const alarms = async () => (await pair.run("pitr", "healthy")).output;

/** The labels of a repository's full backups, oldest first. */
async function fullCopies(place: Repository): Promise<string[]> {
  const labels = await labelsOf(pair.succeed, place);
  return labels.filter((label) => label.endsWith("F"));
}

/** Nothing that was committed is missing in what was restored beside the live cluster. */
async function complete(): Promise<void> {
  const query = "select count(*) as rows from kept";
  const output = await pair.succeed(
    "sh",
    "-c",
    `echo "${query}" | postgres --single -D "$PGDATA.restored" postgres`,
  );
  expect(/rows = "(\d+)"/.exec(output)?.[1]).toBe(String(rows));
}

it("two at once: the second is refused with that reason, and the first continues", async () => {
  await add();
  const signal = (name: string) =>
    `test -n "$(ls /tmp/pgbackrest/*backup*.lock)" && for its in /proc/[0-9]*; do tr '\\0' ' ' <$its/cmdline | ` +
    `grep -q '^pgbackrest backup ' && kill -${name} \${its#/proc/} && echo sent; done 2>/dev/null; true`;
  const first = pair.run("pitr", "backup", "disk", "full");
  // It holds still meanwhile: otherwise it could have ended before.
  await until("the first is at work", async () =>
    (await pair.run("sh", "-c", signal("STOP"))).output.includes("sent"),
  );
  const second = await pair.run("pitr", "backup", "disk", "full");
  await pair.run("sh", "-c", signal("CONT"));
  expect(await first).toMatchObject({ code: 0 });
  expect(second).toEqual({
    code: 1,
    output: expect.stringMatching(
      /ALARM backup: disk: full backup failed: \[050\]: unable to acquire lock/,
    ) as string,
  });
  await pair.succeed("pitr", "verify", "disk");
});

describe("with a full disk", () => {
  /** Takes all that is left, but for so many bytes. */
  const fill = (folder: string, spared: number) =>
    pair.succeed(
      ...[
        "sh",
        "-c",
        `fallocate -l $(($(df -B1 --output=avail ${folder} | tail -1) - ${spared})) ${folder}/filler.${spared}`,
      ],
    );
  const empty = (folder: string) => pair.succeed("sh", "-c", `rm ${folder}/filler*`);
  /** That WAL was dropped, after which a full backup is due. */
  const GAP = `${path.dirname(PGDATA)}/log-gap.disk`;
  it("of the backups: reported while there is still space for WAL, and no full backup takes it", async () => {
    await fill(DISK_PATH, 2_000_000);
    const before = await fullCopies("disk");
    // One is due.
    await pair.succeed("touch", GAP);
    await round();
    expect(await alarms()).toMatch(
      /^ALARM backup: disk: 1\.\d MiB left on its disk, and the next full backup takes about .*B: free space$/m,
    );
    expect(await alarms()).not.toContain("arrive");
    await add();
    await pair.succeed("pitr", "restore", "disk");
    await complete();
    expect(await fullCopies("disk")).toEqual(before);
  });

  it("of the backups, with nothing left: reported, and the cloud has all", async () => {
    expect(await pair.run("pitr", "backup", "disk", "full")).toEqual({
      code: 1,
      output: expect.stringMatching(
        /ALARM backup: disk: full backup failed: .*\nALARM backup: disk: .* left on its disk, .*: free space/,
      ) as string,
    });
    await fill(DISK_PATH, 0);
    await add();
    await round();
    expect(await alarms()).toMatch(/^ALARM backup: disk: WAL does not arrive: /m);
    expect(await alarms()).toMatch(/^ALARM backup: disk: 0 bytes left on its disk/m);
    expect(await alarms()).not.toContain("cloud");
    await add();
    await pair.succeed("pitr", "backup", "cloud", "incr");
    await pair.succeed("pitr", "restore", "cloud");
    await complete();
  });

  it("of the backups, with space again: healthy", async () => {
    await empty(DISK_PATH);
    const before = await fullCopies("disk");
    await round();
    expect(await pair.run("pitr", "healthy")).toEqual({ code: 0, output: "" });
    expect(await fullCopies("disk")).toHaveLength(before.length + 1);
    await pair.succeed("pitr", "verify", "disk");
    await pair.succeed("pitr", "restore", "disk");
    await complete();
  });

  it("of the database: a restore beside it is refused before it begins", async () => {
    const data = path.dirname(PGDATA);
    await pair.succeed("pitr", "confirm");
    await fill(data, 1_000_000_000);
    expect(await pair.run("pitr", "restore", "disk")).toEqual({
      code: 1,
      output: expect.stringMatching(
        /The restored cluster takes up to .*B beside the live one; their disk has 9\d\d.* MiB left.*live database is unchanged/,
      ) as string,
    });
    await empty(data);
    await add();
    await pair.succeed("pitr", "restore", "disk");
    await complete();
  });
});

describe("damaged", () => {
  const spoil = (place: Repository, label: string) =>
    flip(pair.succeed, place, `backup/dhis2/${label}/bundle/1`);
  const damaged = async (place: Repository) => (await pair.run("pitr", "verify", place)).code !== 0;

  it("three full backups one after another: no fourth is made, until a person has seen to it", async () => {
    while ((await fullCopies("disk")).length < 3) await pair.succeed("pitr", "backup", "disk", "full");
    const before = await fullCopies("disk");
    for (const label of before) await spoil("disk", label);
    expect(await damaged("disk")).toBe(true);
    await round();
    expect(await alarms()).toMatch(
      /ALARM backup: disk: the newest \d full backups are damaged: is their storage failing\?/,
    );
    expect(await fullCopies("disk")).toEqual(before);
    await add();
    await pair.succeed("pitr", "restore", "cloud");
    await complete();

    await pair.succeed("pitr", "backup", "disk", "full");
    await round();
    expect(await alarms()).toBe("");
    expect(await fullCopies("disk")).toHaveLength(1);
    await pair.succeed("pitr", "restore", "disk");
    await complete();
  });

  it("all that is on disk but some of the log: recreated", async () => {
    await pair.succeed(
      "sh",
      "-c",
      `rm -r ${DISK_PATH}/backup/dhis2 ${DISK_PATH}/archive/dhis2/archive.info*`,
    );
    await round();
    expect(await alarms()).toBe("");
    expect(await fullCopies("disk")).toHaveLength(1);
    await add();
    await pair.succeed("pitr", "restore", "disk");
    await complete();
  });

  it("where the bucket's policy lets nothing be deleted: an alarm, until it does", async () => {
    const [label = ""] = (await fullCopies("cloud")).slice(-1);
    await spoil("cloud", label);
    expect(await damaged("cloud")).toBe(true);
    await pair.s3.letDelete(false);
    await round();
    // pgBackRest makes no backup without.
    expect(await alarms()).toMatch(/^ALARM backup: cloud: full backup failed: .*403 \(Forbidden\)/m);
    await add();
    await pair.succeed("pitr", "restore", "disk");
    await complete();

    await pair.s3.letDelete(true);
    await round();
    expect(await alarms()).toBe("");
    expect(await fullCopies("cloud")).not.toContain(label);
    // The bucket keeps what was deleted, from a thief of the key as well.
    const copy = `pair/backup/dhis2/${label}`;
    expect(await pair.s3.files()).not.toContain(`${copy}/backup.manifest`);
    expect(await pair.s3.kept(copy)).toContain(`${copy}/backup.manifest`);
  });

  it("in both repositories: each gets an intact full backup, and nothing is taken out", async () => {
    const before: Record<string, string[]> = {};
    for (const place of places) {
      before[place] = await fullCopies(place);
      await spoil(place, before[place].at(-1) ?? "");
    }
    for (const place of places) expect(await damaged(place)).toBe(true);
    // Retention waits, for the new one is not the only good one as long as nobody has read it.
    const keepOne = ["RETENTION_FULL_TYPE=count", "RETENTION_FULL=1"].map(
      (each) => `PGBACKREST_REPO1_${each}`,
    );
    await pair.succeed("env", ...keepOne, "pitr", "backup", "disk", "full");
    expect((await fullCopies("disk")).slice(0, -1)).toEqual(before["disk"]);
    await round();
    for (const place of places) {
      expect(await alarms()).toMatch(
        new RegExp(
          `ALARM backup: ${place}: the damaged backup .* is not removed before the backups in .* are intact; .*F is intact`,
        ),
      );
      expect((await fullCopies(place)).slice(0, -1)).toEqual(before[place]);
      await add();
      await pair.succeed("pitr", "restore", place);
      await complete();
    }
    // As the page says, for a person who can do without them.
    for (const place of places) {
      const label = before[place]?.at(-1) ?? "";
      await pair.succeed("pgbackrest", "expire", on(place), `--set=${label}`);
      await pair.succeed("pitr", "verify", place);
    }
    await round();
    expect(await alarms()).toBe("");
  });
});

describe("a backup that is killed", () => {
  it.each([
    ["when it begins", says("backup command begin")],
    ["when PostgreSQL was asked for its start", says("backup start archive")],
    ["when files are written", "find $DISK/backup -name bundle -newer $LOG.begun | grep -q ."],
    ["when its end is asked for", says("execute non-exclusive backup stop")],
    ["when its WAL is waited for", says("check archive for segment")],
  ])("%s", async (_, seen) => {
    await add();
    await killedOnce(seen, "pitr", "backup", "disk", "full");
    await pair.succeed("pitr", "backup", "disk", "incr");
    await pair.succeed("pitr", "verify", "disk");
    await pair.succeed("pitr", "restore", "disk");
    await complete();
  });
});

describe("a restore that is killed", () => {
  it.each([
    ["when it begins", says("restore command begin")],
    ["when files are written", "find $PGDATA.restored/base -type f | grep -q ."],
    ["before the cluster can start", says("restore global/pg_control")],
    ["when WAL is replayed", "grep -q 'archive recovery' /tmp/restored/log"],
  ])("%s", async (_, seen) => {
    await add();
    await pair.succeed("rm", "-rf", "/tmp/restored/log");
    await killedOnce(seen, "pitr", "restore", "disk");
    await pair.succeed("pitr", "restore", "disk");
    await complete();
    await pair.succeed("pitr", "verify", "disk");
  });
});

it("the log on its way", async () => {
  // Every process of pgBackRest beside the database, those in the background as well.
  const kill = `for its in /proc/[0-9]*; do if grep -qa '^pgbackrest' $its/cmdline; then kill -KILL \${its#/proc/} && echo killed; fi; done 2>/dev/null; true`;
  let kills = "";
  for (const moment of moments(7, 700, SEED + 2)) {
    for (let segments = 0; segments < 3; segments++) {
      await add();
      await pair.sql("select pg_switch_wal()");
    }
    await sleep(moment);
    kills += (await inside(pair.database, ["sh", "-c", kill])).output;
    await add();
    // Each segment until now, in both places.
    await pair.succeed("pgbackrest", "check");
  }
  expect(kills).toContain("killed");
  for (const place of places) {
    await pair.succeed("pitr", "verify", place);
    await pair.succeed("pitr", "restore", place);
    await complete();
  }
});
