import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { parseArgsStringToArgv } from "string-argv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Repository } from "../../components/docker/pgbackrest";
import { ROOT, type TenantStack } from "../engine/tenants";
import { give } from "./databaseWithBackups";
import { expectSecured, toDefaultPassword } from "./defaultPassword";
import { flip, labelsOf, on } from "./repositories";
import { rollbackOf } from "./rollback";
import { inside, type Ended } from "./runInContainer";
import type { ContainersS3 } from "./s3";
import { HOSTNAME, startTenantWithBackups, type TenantWithBackups } from "./tenantWithBackups";
import { until, VERSIONS, type World } from "./world";

/** The backups of a server on a real engine, by the real pgBackRest. Each test starts where the one before ended. */
const TENANT = "copymoh";
const name = (part: string) => `${TENANT}-hmis-${part}`;
const DISK = "/var/lib/pgbackrest";
let copied: TenantWithBackups;
let world: World;
let s3: ContainersS3;
let stack: TenantStack;
beforeAll(async () => {
  copied = await startTenantWithBackups(TENANT, {});
  ({ world, s3, stack } = copied);
  await until(
    "both repositories have a full backup",
    async () => (await labels("disk", "cloud")).length === 2,
  );
});
afterAll(() => copied?.end());

const container = (part: string) => copied.container(part);
const run = (...command: string[]): Promise<Ended> => copied.run("copies", ...command);
const copies = (...command: string[]) => run("copies", ...command);
const succeed = (...command: string[]) => copied.succeed("copies", ...command);
const sql = (text: string) => succeed("psql", "-qAt", "-d", "dhis2", "-c", text);
/** The labels of the complete backups in the given repositories, oldest first. */
async function labels(...places: Repository[]): Promise<string[]> {
  const all = await Promise.all(places.map((place) => labelsOf(succeed, place)));
  return all.flat();
}
/** The command, as a person finds it in the docs. */
async function pitr(verb: string, { to = "", from = "disk" } = {}): Promise<string> {
  const page = readFileSync(path.join(ROOT, "docs/recovery/docker-point-in-time.md"), "utf8");
  const [line] = new RegExp(`(?<=npm run pitr -- )${verb}.*`).exec(page) ?? [];
  const [, ...options] = parseArgsStringToArgv(line ?? "");
  const values: Record<string, string> = { TENANT, SERVER: "hmis", "2026-11-25 10:00:00+00": to, disk: from };
  const args = options.map((option) => values[option] ?? option);
  const unasked = verb === "list" ? [] : ["--yes"];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["scripts/bin.mjs", "pitr", verb, ...args, "--host", world.engine.host, ...unasked],
    { cwd: ROOT },
  );
  return stdout;
}
/** A row, and a moment at which it is there and nothing later is. */
async function note(text: string): Promise<string> {
  await sql(`create table if not exists kept (note text); insert into kept values ('${text}')`);
  await sleep(20);
  const moment = await sql("select clock_timestamp()");
  await sleep(20);
  return moment;
}
const notes = async () => (await sql("select note from kept order by note")).split("\n");
/** Those in what was restored beside the live database. */
async function restored(): Promise<string[]> {
  const query = "select string_agg(note, ' ') as notes from kept";
  const output = await succeed("sh", "-c", `echo "${query}" | postgres --single -D "$PGDATA.restored" dhis2`);
  return (/notes = "(.*?)"/.exec(output)?.[1] ?? "").split(" ");
}
/** How many full backups a repository has. */
const full = async (place: "disk" | "cloud") =>
  (await labels(place)).filter((label) => label.endsWith("F")).length;

it("does not change at a second up", async () => {
  await stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
});

it("reports where the backups are, and no secret in plain", async () => {
  const { stdout } = await stack.succeed("stack", "output", "--json");
  const { backups } = JSON.parse(stdout) as { backups: { where: string; kind: string }[] };
  const moments = backups.filter(({ kind }) => kind === "pointInTime");
  expect(moments.map(({ where }) => where)).toEqual([
    "a volume of the host",
    expect.stringMatching(/^s3:\/\/copies at /),
  ]);
  const secrets = [...(await stack.secrets()), s3.secretAccessKey];
  const inspected = JSON.stringify(
    await Promise.all(["copies", "database"].map((part) => container(part).inspect())),
  );
  const processes = JSON.stringify(
    await Promise.all(["copies", "database"].map((part) => container(part).top())),
  );
  for (const secret of secrets) expect(stack.stateFile() + inspected + processes).not.toContain(secret);
});

it("hides the keys of the backups, and the network to them, from the database", async () => {
  const { HostConfig, Config, NetworkSettings } = await container("database").inspect();
  expect(Object.keys(NetworkSettings.Networks)).toEqual([name("data")]);
  expect(HostConfig.CapDrop).toEqual(["ALL"]);
  const { output } = await inside(container("database"), [
    "cat",
    "/var/lib/postgresql/given/pgbackrest.conf",
  ]);
  expect(output).not.toMatch(/cipher|s3/);
  expect(Config.User).toBe("999:999");
  const beside = await container("copies").inspect();
  expect(beside.Config.User).toBe("999:999");
  expect(beside.HostConfig).toMatchObject({ Privileged: false, CapDrop: ["ALL"] });
  expect(beside.Mounts.filter(({ Type }) => Type === "bind")).toEqual([]);
});

/** What Prometheus has, by its labels. */
async function watched(query: string): Promise<Record<string, number>> {
  const url = new URL(`/api/v1/query?query=${encodeURIComponent(query)}`, await monitoringPage());
  const { data } = (await (await fetch(url)).json()) as {
    data: { result: { metric: { location: string; type?: string }; value: [number, string] }[] };
  };
  return Object.fromEntries(
    data.result.map(({ metric, value }) => [
      `${metric.location} ${metric.type ?? ""}`.trim(),
      Number(value[1]),
    ]),
  );
}
const monitoringPage = async () => (await stack.succeed("stack", "output", "monitoring")).stdout.trim();
const pageSays = async (what: RegExp) => what.test(await (await fetch(await monitoringPage())).text());

it("shows on the monitoring page the newest backups and when they were verified, and gives it no key", async () => {
  const info = JSON.parse(
    await succeed("pgbackrest", "info", "--output=json", "--log-level-console=off"),
  ) as { backup: { type: string; timestamp: { stop: number }; database: { "repo-key": number } }[] }[];
  const stops = (info[0]?.backup ?? []).map(({ database, type, timestamp }) => [
    ...[`${database["repo-key"] === 1 ? "disk" : "cloud"} ${type}`, timestamp.stop],
  ]);
  await until("monitoring knows of both full backups, and that they were verified", async () => {
    const newest = await watched("dhistance_backups_newest_timestamp_seconds");
    const verified = Object.keys(await watched("dhistance_backups_verified_timestamp_seconds"));
    return (
      JSON.stringify(Object.entries(newest).sort()) === JSON.stringify(stops.sort()) && verified.length === 2
    );
  });
  await until("its page says so", () => pageSays(/id="hmis-backups">\s*are healthy</));
  expect(await pageSays(/id="hmis-backups-disk">\s*newest: (just now|\d+m ago)<br>/)).toBe(true);
  const { Mounts } = await world.engine.docker.getContainer(`${TENANT}-monitoring`).inspect();
  expect(Mounts.map(({ Destination, RW }) => `${Destination} ${RW ? "written" : "read"}`).sort()).toEqual([
    "/var/lib/copies/hmis read",
    "/var/lib/copies/hmis.portable read",
    "/var/lib/prometheus written",
  ]);
});

it("encrypts what it keeps", async () => {
  await note("a name that nobody may read");
  await sql("select pg_switch_wal()");
  await succeed("pgbackrest", "check");
  const file = await succeed("sh", "-c", `find ${DISK}/archive -name '*.zst' | head -1`);
  const head = await succeed("head", "-c", "8", file.trim());
  // As openssl does.
  expect(head).toBe("Salted__");
});

describe("any point in time is restored", () => {
  it("from either repository, in place of the live database, which is kept as the previous one", async () => {
    await sql("truncate kept");
    const first = await note("1");
    const second = await note("2");
    await note("3");
    expect(await pitr("list")).toMatch(/^disk\n {2}full .*F\n[^]*^cloud\n {2}full .*F$/m);
    expect(await pitr("restore", { from: "cloud", to: second })).toContain(
      "Next: log in and look at the newest data.",
    );
    expect(await notes()).toEqual(["1", "2"]);
    await pitr("undo");
    expect(await notes()).toEqual(["1", "2", "3"]);
    await pitr("confirm");
    await pitr("restore", { from: "disk", to: first });
    expect(await notes()).toEqual(["1"]);
    await pitr("confirm");
  });

  it("also one at which DHIS2 had its default password, which lets nobody in after that", async () => {
    const present = await sql("select password from userinfo where username = 'admin'");
    await sql(await toDefaultPassword());
    const moment = await note("default");
    await sql(`update userinfo set password = '${present}' where username = 'admin'`);
    await pitr("restore", { from: "disk", to: moment });
    expect(await notes()).toContain("default");
    await expectSecured(copied.visitor, stack, { server: `${TENANT}-hmis`, hostname: HOSTNAME });
    await pitr("confirm");
  });

  it("of the time after a restore as well", async () => {
    await succeed("pitr", "backup", "disk", "incr");
    const moment = await note("4");
    await note("5");
    await succeed("pitr", "restore", "disk", moment);
    await succeed("pitr", "restore", "cloud", moment);
    await succeed("pitr", "confirm");
  });

  it.each([
    ["before the first backup", "2020-01-01 00:00:00+00", /no backup in disk is that old/],
    [
      "that has not come",
      "2100-01-01 00:00:00+00",
      /before configured recovery target[^]*live database is unchanged/,
    ],
    ["that is none", "yesterday evening", /is not a point in time/],
  ])("but none %s", async (_, moment, why) => {
    const before = await notes();
    const { code, output } = await copies("restore", "disk", moment);
    expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(why) as string });
    expect((await copies("swap")).code).toBe(1);
    expect(await notes()).toEqual(before);
  });
});

describe("with the cloud out of reach", () => {
  const CONFIGURATION = "/var/lib/postgresql/given/pgbackrest-cloud.conf";
  let given: string;
  const segment = () => sql("select pg_walfile_name(pg_switch_wal())");
  const waiting = () => sql("select count(*) from pg_ls_archive_statusdir() where name like '%.ready'");

  it("the log goes to the disk alone, and the newest is restored from there", async () => {
    given = (await inside(container("database"), ["cat", CONFIGURATION])).output;
    // A limit that is soon reached. Nothing else of it is different, but for the patience with a place that is away.
    const small = given.replace(/(?<=queue-max=).*/, "24MiB").replace(/(?<=io-timeout=).*/, "2");
    await give(container("database"), { [CONFIGURATION]: small });
    await s3.halt();
    // Its round now finds one place away.
    await container("copies").restart({ t: 5 });
    await until("it has the password", async () => (await run("psql", "-c", "select 1")).code === 0);
    await note("6");
    const last = await segment();
    await until("what was committed is on disk", async () => {
      const { output } = await run("sh", "-c", `find ${DISK}/archive -name '${last}-*.zst'`);
      return output.includes(last);
    });
    await note("7");
    await pitr("restore", { from: "disk" });
    expect(await notes()).toEqual(expect.arrayContaining(["6", "7"]));
    await pitr("confirm");
  });

  it("an alarm names the place", async () => {
    await until("it does", async () =>
      /ALARM backup: cloud: cannot be used/.test((await copies("healthy")).output),
    );
    expect((await copies("healthy")).output).not.toContain("disk");
  });

  it("its queue is dropped before it fills the disk, with an alarm, and the disk has no gap", async () => {
    for (const text of ["20", "21", "22"]) {
      await note(text);
      await segment();
    }
    await until("there is an alarm", async () =>
      /ALARM backup: WAL was dropped.*: cloud/.test((await copies("healthy")).output),
    );
    await until("PostgreSQL keeps nothing for it any longer", async () => Number(await waiting()) <= 1);
    await s3.start();
    await note("23");
    expect(await copies("restore", "cloud")).toMatchObject({
      code: 1,
      output: expect.stringMatching(/live database is unchanged/) as string,
    });
    await succeed("pitr", "restore", "disk");
    expect(await restored()).toEqual(expect.arrayContaining(["20", "21", "22", "23"]));
  });

  it("a full backup follows, in that repository alone; then it is healthy, and each has all", async () => {
    await give(container("database"), { [CONFIGURATION]: given });
    const before = { disk: await full("disk"), cloud: await full("cloud") };
    await container("copies").restart({ t: 5 });
    await until(
      "it is healthy",
      async () => (await copies("healthy")).code === 0 && (await full("cloud")) > before.cloud,
    );
    expect(await full("disk")).toBe(before.disk);
    await until(
      "what was dropped has come from the disk",
      async () => (await copies("verify", "cloud")).code === 0,
    );
    await note("24");
    for (const place of ["disk", "cloud"]) {
      await succeed("pitr", "restore", place);
      expect(await restored()).toEqual(expect.arrayContaining(["6", "7", "20", "21", "22", "23", "24"]));
    }
    await succeed("pitr", "confirm");
  });
});

it("raises an alarm at a damaged page of the live database, until a backup shows that it is intact", async () => {
  await sql("create table pages as select n from generate_series(1, 5000) n; checkpoint");
  const file = `"$PGDATA/${await sql("select pg_relation_filepath('pages')")}"`;
  const flip = `printf '\\377\\377\\377\\377' | dd of=${file} bs=1 seek=8392 conv=notrunc`;
  await succeed("sh", "-c", `cp -p ${file} /tmp/pages && ${flip} && ! cmp -s ${file} /tmp/pages`);
  const { code, output } = await copies("backup", "disk", "incr");
  expect({ code, output }).toEqual({
    code: 1,
    output: expect.stringMatching(/ALARM backup: disk: the live database has damaged pages/) as string,
  });
  await container("copies").restart({ t: 5 });
  await until("it is unhealthy", async () => /damaged pages/.test((await copies("healthy")).output));
  await sql("drop table pages; checkpoint");
  await succeed("pitr", "backup", "disk", "incr");
  await container("copies").restart({ t: 5 });
  await until("it is healthy", async () => (await copies("healthy")).code === 0);
});

it("shows on the monitoring page what failed in the backups, and that they work again", async () => {
  await s3.halt();
  await container("copies").restart({ t: 5 });
  await until("the page says what is wrong", () => pageSays(/<strong>are failing<\/strong>\s*<br>[^<]*\S/));
  await s3.start();
  await container("copies").restart({ t: 5 });
  await until("it says that the backups are healthy", () => pageSays(/id="hmis-backups">\s*are healthy</));
});

it("restores from the cloud alone, the backups on disk gone; and makes them again", async () => {
  const moment = await note("8");
  await note("9");
  await succeed("sh", "-c", `rm -rf ${DISK}/*`);
  await pitr("restore", { from: "cloud", to: moment });
  expect(await notes()).toContain("8");
  expect(await notes()).not.toContain("9");
  await pitr("confirm");
  await container("copies").restart({ t: 5 });
  await until("there is a full backup on disk again", async () => (await labels("disk")).length === 1);
  await until("it is healthy", async () => (await copies("healthy")).code === 0);
});

it("refuses a wrong pass phrase", async () => {
  const conf = "/tmp/wrong.conf";
  await succeed(
    "sh",
    "-c",
    `sed 's/^repo1-cipher-pass=.*/repo1-cipher-pass=wrong/' "$PGBACKREST_CONFIG" >${conf} && mkdir -m 700 /tmp/into`,
  );
  const { code, output } = await run(
    ...["pgbackrest", "restore", `--config=${conf}`, "--repo=1", "--pg1-path=/tmp/into"],
  );
  expect(code).not.toBe(0);
  expect(output).toMatch(/CryptoError|unable to load info|cipher/i);
  // Nor does what cannot be read for that reason count as damaged, and is mended with something.
  const sums = () => succeed("sh", "-c", `find ${DISK} -name '*.info*' -exec sha1sum {} +`);
  const before = await sums();
  expect(await run("env", "PGBACKREST_REPO1_CIPHER_PASS=wrong", "pitr", "verify", "disk")).toMatchObject({
    code: 1,
  });
  expect(await sums()).toBe(before);
  await succeed("pitr", "verify", "disk");
});

it("makes the next backup after one that was killed on the way", async () => {
  await sql("create table big as select n, md5(n::text) from generate_series(1, 300000) n");
  const before = await labels("disk");
  const killed = copies("backup", "disk", "full");
  await until(
    "it copies",
    async () => (await run("sh", "-c", `ls ${DISK}/backup/dhis2/*F/backup.manifest.copy`)).code === 0,
  );
  await container("copies").kill();
  await killed;
  await container("copies").start();
  await until("it is back", async () => (await copies("healthy")).code === 0);
  expect(await labels("disk")).toEqual(before);
  await until("the next is made", async () => (await copies("backup", "disk", "full")).code === 0);
  expect(await labels("disk")).toHaveLength(before.length + 1);
  await succeed("pitr", "verify", "disk");
});

describe("what is damaged in a place is found, and mended without a person", () => {
  const remove = (place: Repository, file: string) => succeed("pgbackrest", "repo-rm", on(place), file);
  /** Files of a place, oldest first, below a folder of it. */
  async function files(place: Repository, folder: string, pattern: string): Promise<string[]> {
    const list = await succeed(
      ...["pgbackrest", "repo-ls", on(place), "--recurse", `--filter=${pattern}`, folder],
    );
    return list
      .trim()
      .split("\n")
      .map((name) => `${folder}/${name}`);
  }
  const newest = async (place: Repository) => (await labels(place)).at(-1) ?? "";
  /** The WAL segment that the newest backup begins with; it cannot be restored without. */
  const segment = async (place: Repository) => {
    const info = JSON.parse(
      await succeed("pgbackrest", "info", on(place), "--output=json", "--log-level-console=off"),
    ) as { backup: { archive: { start: string } }[] }[];
    const [file = ""] = await files(place, "archive/dhis2", `${info[0]?.backup.at(-1)?.archive.start}-.*zst`);
    return file;
  };
  const manifest = async (place: Repository) => `backup/dhis2/${await newest(place)}/backup.manifest`;
  /** What the container says from now on. */
  async function afterwards(): Promise<() => Promise<string>> {
    const before = await said();
    return async () => (await said()).slice(before.length);
  }
  const said = async () => String(await container("copies").logs({ stdout: true, stderr: true }));
  const restart = () => container("copies").restart({ t: 5 });
  const well = () => until("it is healthy", async () => (await copies("healthy")).code === 0);

  beforeAll(async () => {
    await succeed("pitr", "backup", "cloud", "full");
    await succeed("pitr", "backup", "disk", "full");
    await note("whole");
    await sql("select pg_switch_wal()");
    await succeed("pgbackrest", "check");
    for (const place of ["disk", "cloud"]) await succeed("pitr", "verify", place);
  });

  it.each<[Repository, string, (place: Repository) => Promise<unknown>, RegExp]>([
    ["disk", "a log", async (at) => flip(succeed, at, await segment(at)), /healed: wal .*\.zst/],
    ["disk", "a log that is gone", async (at) => remove(at, await segment(at)), /healed: wal .*\.zst/],
    [
      "disk",
      "the history of a time line",
      async (at) => flip(succeed, at, (await files(at, "archive/dhis2", "history$")).at(-1) ?? ""),
      /healed: wal .*\.history/,
    ],
    ["disk", "a manifest", async (at) => flip(succeed, at, await manifest(at)), /healed: manifest/],
    [
      "disk",
      "a manifest, twice",
      async (at) => [
        await flip(succeed, at, await manifest(at)),
        await flip(succeed, at, `${await manifest(at)}.copy`),
      ],
      /healed: the damaged backup .* is removed/,
    ],
    [
      "cloud",
      "a file of a backup",
      async (at) => flip(succeed, at, `backup/dhis2/${await newest(at)}/bundle/1`),
      /healed: the damaged backup .* is removed/,
    ],
  ])("%s: %s", async (place, _, damage, mended) => {
    const before = await labels(place);
    await damage(place);
    expect(await copies("verify", place)).toMatchObject({
      code: 1,
      output: expect.stringContaining(`ALARM backup: ${place}: damaged`) as string,
    });
    expect((await copies("healthy")).output).toContain(`ALARM backup: ${place}: damaged`);
    const later = await afterwards();
    await restart();
    await well();
    expect(await later()).toMatch(mended);
    // For a backup that was taken out there is another.
    expect((await labels(place)).length).toBeGreaterThanOrEqual(before.length);
    await succeed("pitr", "verify", place);
  });

  it.each<[Repository, string]>([
    ["disk", "archive/dhis2/archive.info"],
    ["cloud", "backup/dhis2/backup.info"],
  ])("%s: %s, once or twice, in the next round", async (place, file) => {
    for (const damaged of [[file], [`${file}.copy`], [file, `${file}.copy`]]) {
      for (const each of damaged) await flip(succeed, place, each);
      const later = await afterwards();
      await restart();
      await until("it is mended", async () => (await later()).includes(`${place}: healed: `));
      await well();
    }
    await succeed("pitr", "verify", place);
  });

  it("a damaged backup that may not be taken out stays, with an alarm that says why, beside an intact one", async () => {
    const damaged = await newest("disk");
    const fixed = `${DISK}/backup/dhis2/${damaged}/bundle`;
    await flip(succeed, "disk", `backup/dhis2/${damaged}/bundle/1`);
    await copies("verify", "disk");
    await succeed("chmod", "a-w", fixed);
    await restart();
    await until("there is an alarm", async () =>
      /ALARM backup: disk: the damaged backup .* cannot be removed, but .*F is intact: .*denied/.test(
        (await copies("healthy")).output,
      ),
    );
    expect(await newest("disk")).not.toBe(damaged);
    await succeed("chmod", "u+w", fixed);
    await restart();
    await well();
  });

  it("and each place restores all there is", async () => {
    for (const place of ["disk", "cloud"]) {
      await succeed("pitr", "restore", place);
      expect(await restored()).toContain("whole");
    }
    await succeed("pitr", "confirm");
  });
});

it("restores onto a new cluster from the cloud, when database and disk are lost", async () => {
  await succeed("pitr", "backup", "cloud", "incr");
  const moment = await note("10");
  await note("11");
  await sql("select pg_switch_wal()");
  await succeed("pgbackrest", "check");
  await container("application").stop();
  await container("database").stop();
  await succeed("sh", "-c", `rm -rf "$PGDATA" ${DISK}/*`);
  await container("database").start();
  await until("there is a new one", async () => (await run("pg_isready")).code === 0);
  const round = await copies("backup", "cloud", "full");
  expect(round.output).toMatch(/ALARM backup: cloud: full backup failed: .*do not match/);
  await pitr("restore", { from: "cloud", to: moment });
  expect(await notes()).toContain("10");
  await pitr("confirm");
  await container("copies").restart({ t: 5 });
  await until("it is healthy", async () => (await copies("healthy")).code === 0);
  await until("there is a full backup on disk again", async () => (await labels("disk")).length === 1);
});

it("continues the backups after an upgrade that was rolled back", async () => {
  const moment = await note("12");
  stack.change((spec) => (spec.servers[0].dhis2 = VERSIONS.later));
  await stack.succeed("up", "--yes", "--skip-preview");
  await note("of the upgrade");
  // The WAL that is archived now is not of the timeline that the backups continue on.
  await sql("select pg_switch_wal()");
  const { code, stdout, stderr } = await rollbackOf(stack, "SERVER");
  expect(`${stdout}${stderr}\ncode ${code}`).toMatch(/code 0$/);
  stack.change((spec) => (spec.servers[0].dhis2 = VERSIONS.current));
  const kept = await notes();
  expect(kept).toContain("12");
  expect(kept).not.toContain("of the upgrade");
  await succeed("pgbackrest", "check");
  await succeed("pitr", "backup", "disk", "incr");
  const after = await note("13");
  await note("14");
  expect(await rollbackOf(stack, "--forget")).toMatchObject({ code: 0 });
  for (const [to, last, later] of [
    [after, "13", "14"],
    [moment, "12", "13"],
  ] as const) {
    await pitr("restore", { from: "disk", to });
    expect(await notes()).toContain(last);
    expect(await notes()).not.toContain(later);
    await pitr("confirm");
  }
});

it("leaves nothing of a trial when it is destroyed, but what is in the bucket", async () => {
  await stack.succeed("destroy", "--yes", "--skip-preview");
  const { Volumes } = await world.engine.docker.listVolumes();
  expect((Volumes ?? []).filter(({ Name }) => Name.startsWith(TENANT))).toEqual([]);
  expect(await s3.files()).toContainEqual(expect.stringContaining("backup.info"));
});
