import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bundleForPostgres } from "../bundle";

/** The command line as the image has it, with stand-ins for the programs that it runs. */
const folder = mkdtempSync(join(tmpdir(), "pitr-"));
beforeAll(() => bundleForPostgres(folder));
afterAll(() => rmSync(folder, { recursive: true }));
const data = join(folder, "data");
const bin = join(folder, "bin");
beforeEach(() => {
  for (const each of [data, bin]) {
    rmSync(each, { recursive: true, force: true });
    mkdirSync(each);
  }
  // 2: PostgreSQL does not answer.
  program("pg_isready", "exit 2");
});

function program(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function pitr(...args: string[]): { code: number | null; out: string; err: string } {
  const env = {
    PATH: `${bin}:${process.env["PATH"]}`,
    PGDATA: join(data, "cluster"),
    TENANT: "moh",
    SERVER: "hmis",
  };
  const { status, stdout, stderr } = spawnSync(join(folder, "pitr.cjs"), args, { env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

it.each([
  [["nonsense"], "error: unknown command 'nonsense'\n"],
  [["verify", "tape"], 'unknown repository "tape"; allowed: disk, cloud\n'],
  [["backup", "disk", "half"], /^error: .*'half' is invalid.*full, diff, incr/],
  [["restore", "tape"], 'unknown repository "tape"; allowed: disk, cloud\n'],
  [["restore", "disk", "yesterday evening"], /"yesterday evening" is not a point in time; use/],
  [["previous"], "No previous database is kept: there is nothing to undo. Nothing was stopped or changed.\n"],
  [["undo"], "No previous database is kept: there is nothing to undo. Nothing was stopped or changed.\n"],
  [["kept"], "No previous database is kept: there is nothing to delete. Nothing was changed.\n"],
  [["confirm"], "No previous database is kept: there is nothing to delete. Nothing was changed.\n"],
  [["drop-future", "tape"], 'unknown repository "tape"; allowed: disk, cloud\n'],
  [
    ["swap"],
    "There is no complete restored database to make live. Restore first: npm run pitr -- restore moh hmis\n",
  ],
] as [string[], string | RegExp][])("ends with 1 and says why: pitr %s", (args, why) => {
  const { code, err } = pitr(...args);
  expect(code).toBe(1);
  if (typeof why === "string") expect(err).toBe(why);
  else expect(err).toMatch(why);
});

/** A cluster beside the live one. */
function cluster(name: string): void {
  mkdirSync(join(data, name, "global"), { recursive: true });
  writeFileSync(join(data, name, "PG_VERSION"), "17\n");
  writeFileSync(join(data, name, "global", "pg_control"), "");
}

describe("what is kept", () => {
  it("is said before it is deleted, and after", () => {
    cluster("cluster.before");
    const kept = /^Kept: the previous database, last used at 20\S+Z\.\n$/;
    expect(pitr("kept")).toMatchObject({ code: 0, out: expect.stringMatching(kept) as string });
    const deleted = /^Deleted: the previous database, last used at 20\S+Z\.\n$/;
    expect(pitr("confirm")).toMatchObject({ code: 0, out: expect.stringMatching(deleted) as string });
    expect(pitr("confirm").code).toBe(1);
  });

  it("is not called the previous database if it is another one", () => {
    cluster("cluster.restored");
    expect(pitr("confirm").out).toMatch(/^Deleted: a restored database that was not made live/);
  });

  it("is not put back if it is not complete", () => {
    mkdirSync(join(data, "cluster.before"));
    for (const verb of ["previous", "undo"])
      expect(pitr(verb)).toMatchObject({
        code: 1,
        err: `The previous database in ${join(data, "cluster.before")} is not complete and cannot be put back. Nothing was stopped or changed.\n`,
      });
  });
});

const backup = (label: string, type: string, stop: number, size = 1) => ({
  ...{ label, type, timestamp: { stop } },
  info: { size, repository: { delta: 1 } },
});
/** What `pgbackrest info` says of a repository that has these. */
const info = (...backups: object[]) =>
  JSON.stringify([{ backup: backups, repo: [{ status: { code: 0, message: "ok" } }] }]);

describe("pitr list", () => {
  const disk = info(backup("20261125-100000F", "full", Date.UTC(2026, 10, 25, 10) / 1000, 3e7));

  it("lists each location by its name, and reads one also if the other one is away", () => {
    program(
      "pgbackrest",
      `case "$*" in *--repo=1*) echo '${disk}' ;; *) echo "P00 ERROR: [049]: repo2: no host" >&2; exit 49 ;; esac`,
    );
    const text =
      /^disk\n {2}full {2}2026-11-25 10:00:00\+00 +28\.6 MiB {2}20261125-100000F\ncloud\n {2}cannot be read: .*\[049\]: cloud: no host\n$/;
    expect(pitr("list")).toMatchObject({ code: 1, out: expect.stringMatching(text) as string });
    const { code, out } = pitr("list", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      disk: { backups: [{ label: "20261125-100000F", type: "full" }] },
      cloud: { error: expect.stringContaining("no host") as string },
    });
  });

  it("waits half a minute for a location that does not answer, and says that it waits", () => {
    program("pgbackrest", `case "$*" in *--repo=1*) echo '${disk}' ;; *) exec sleep 300 ;; esac`);
    const since = Date.now();
    const { code, out, err } = pitr("list");
    expect((Date.now() - since) / 1000).toBeLessThan(40);
    expect(code).toBe(1);
    expect(out).toMatch(/ F?20261125-100000F\ncloud\n {2}cannot be read: no answer within 30 seconds\n$/);
    expect(err).toBe("cloud: waiting for an answer, at most 30 seconds\n");
  });
});

describe("backups that were made while the clock was ahead", () => {
  const now = Math.floor(Date.now() / 1000);
  const past = backup("20251101-100000F", "full", now - 86_400);
  const later = new Date((now + 86_400) * 1000)
    .toISOString()
    .replace(/[-:]|\..*/g, "")
    .replace("T", "-");
  const future = backup(`20251101-100000F_${later}I`, "incr", now + 86_400);

  it("are deleted on request, from pgBackRest's history too, and no other", () => {
    const calls = join(folder, "calls");
    writeFileSync(join(folder, "listed"), info(past, future));
    program(
      "pgbackrest",
      `echo "$*" >>${calls}
case $1 in
  info) cat ${folder}/listed ;;
  repo-ls) echo "2025/20251101-100000F.manifest.gz"; echo "2026/${future.label}.manifest.gz" ;;
esac`,
    );
    expect(pitr("drop-future", "disk")).toMatchObject({ code: 0, out: `disk: deleted ${future.label}\n` });
    const changes = readFileSync(calls, "utf8").match(/^(expire|repo-rm).*/gm);
    expect(changes).toEqual([
      `expire --repo=1 --log-level-console=warn --set=${future.label}`,
      `repo-rm --repo=1 --log-level-console=warn backup/dhis2/backup.history/2026/${future.label}.manifest.gz`,
    ]);
  });

  it("stay if nothing else could be restored, or if there is none", () => {
    program("pgbackrest", `echo '${info({ ...past, timestamp: { stop: now + 86_400 } })}'`);
    expect(pitr("drop-future", "disk")).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^Every full backup in disk is of the future.* Nothing was deleted\./,
      ) as string,
    });
    program("pgbackrest", `echo '${info(past)}'`);
    expect(pitr("drop-future", "disk").err).toBe(
      "No backup in disk is of the future. Nothing was deleted.\n",
    );
  });
});

it("refuses a second restore while a previous database is kept, and touches nothing while PostgreSQL runs", () => {
  cluster("cluster.before");
  expect(pitr("restore", "disk")).toMatchObject({
    code: 1,
    err: "A previous database is still kept, from an earlier restore. Delete it: npm run pitr -- confirm moh hmis; or put it back: npm run pitr -- undo moh hmis\n",
  });
  expect(pitr("previous").code).toBe(0);
  program("pg_isready", "exit 0");
  for (const verb of ["swap", "undo"])
    expect(pitr(verb)).toMatchObject({ code: 1, err: "PostgreSQL runs. Stop its container first.\n" });
});

it("refuses a restore that does not fit on the disk, before it begins", () => {
  const large = info(backup("20261129-010000F", "full", 1, 1e15));
  program("pgbackrest", `[ "$1" = info ] || exit 1; echo '${large}'`);
  const { code, err } = pitr("restore", "disk");
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringMatching(
      /^The restored cluster takes up to .*\. The live database is unchanged\.\n$/,
    ) as string,
  });
});
