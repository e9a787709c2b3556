import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
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
  [["confirm"], "No previous database is kept: there is nothing to delete.\n"],
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

it("lists backups with the options of pgbackrest info, and ends as that does", () => {
  program("pgbackrest", 'echo "$@"');
  expect(pitr("list", "--output=json", "--repo=2")).toMatchObject({
    code: 0,
    out: "info --output=json --repo=2\n",
  });
  program("pgbackrest", "exit 55");
  expect(pitr("list").code).toBe(1);
});

it("refuses a second restore while a previous database is kept, and touches nothing while PostgreSQL runs", () => {
  mkdirSync(join(data, "cluster.before"));
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
  const backup = {
    label: "20261129-010000F",
    type: "full",
    timestamp: { stop: 1 },
    info: { size: 1e15, repository: { delta: 1 } },
  };
  program("pgbackrest", `[ "$1" = info ] || exit 1; echo '${JSON.stringify([{ backup: [backup] }])}'`);
  const { code, err } = pitr("restore", "disk");
  expect({ code, err }).toEqual({
    code: 1,
    err: expect.stringMatching(
      /^The restored cluster takes up to .*\. The live database is unchanged\.\n$/,
    ) as string,
  });
});
