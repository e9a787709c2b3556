import { execFile, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { parseArgsStringToArgv } from "string-argv";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../bundle";
import { createDhis2Like } from "../testing/dhis2";
import { dumpWith } from "../testing/hostile";
import { client, createApplicationRole, workDirectory } from "../testing/importing";
import { startPostgres, type TestPostgres } from "../testing/postgres";

let postgres: TestPostgres;
let work: Awaited<ReturnType<typeof workDirectory>>;

beforeAll(async () => {
  postgres = await startPostgres();
  work = await workDirectory();
  await bundle(work.path("."));
  await createApplicationRole(postgres);
  await writeFile(work.path("password"), `${postgres.password}\n`);
  await createDhis2Like(postgres, "origin", { dataValues: 1000, events: 100 });
  await client(postgres, "pg_dump", ["-f", work.path("hmis.sql"), "origin"]);
  await client(postgres, "pg_dump", ["-Fc", "-f", work.path("hmis.dump"), "origin"]);
  await writeFile(work.path("evil.sql"), dumpWith("\\! touch /tmp/never").dump);
});
afterAll(async () => {
  await postgres.stop();
  await work.remove();
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function command(parameters: string[], env: Record<string, string> = {}, input?: Buffer): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [work.path("import.cjs"), ...parameters],
      { env: { PATH: process.env["PATH"], NO_COLOR: "1", ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

const address = () => `postgres://postgres@127.0.0.1:${postgres.port}/postgres`;
const server = () => ["--server", address(), "--password-file", work.path("password"), "--database", "hmis"];

it("from the first import to the last: run, again, another, status, rollback, confirm", async () => {
  const first = await command(["run", work.path("hmis.sql"), ...server(), "--dhis2-version", "42.5.2"]);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toMatch(
    /^Imported .*hmis\.sql into hmis \(plain SQL; PostgreSQL \d+\.\d+; DHIS2 2\.42\)/,
  );
  expect(first.stdout).toMatch(/\d+ tables, [\d,]+ rows, in \d+ s/);
  expect(first.stdout).toMatch(/Left out:\n.*owners: everything belongs to the server's own role/s);
  expect(first.stderr).toMatch(/^checking the dump.*\npreparing\nloading.*\nvalidating\npublishing\n/s);

  expect(await command(["run", work.path("hmis.sql"), ...server()])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("Nothing to do.") as string,
  });
  const another = await command(["run", work.path("hmis.dump"), ...server()]);
  expect(another).toMatchObject({ code: 6, stdout: "" });
  expect(another.stderr).toMatch(/Not imported\. hmis holds another dump: .*--reimport/);

  // From standard input, with the password in a variable.
  const flags = [
    "--server",
    address(),
    "--password-env",
    "SECRET",
    "--database",
    "hmis",
    "--json",
    "--reimport",
  ];
  const second = await command(
    ["run", "-", ...flags],
    { SECRET: postgres.password },
    await readFile(work.path("hmis.dump")),
  );
  expect(second).toMatchObject({ code: 0, stderr: "" });
  const events = second.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; kept: string; phase?: string });
  expect(events[0]).toMatchObject({ event: "progress", phase: "checking the dump" });
  // Each phase is measured from its own beginning.
  expect(events.find(({ phase }) => phase === "loading")).toMatchObject({ bytes: 0, bytesPerSecond: 0 });
  expect(events.at(-1)).toMatchObject({ event: "summary", outcome: "imported", format: "custom archive" });
  const kept = events.at(-1)?.kept ?? "";

  const status = await command(["status", ...server()]);
  expect(status.stdout).toMatch(
    /^hmis: .*belongs to dhis\n {2}Imported .* from -: [\d,]+ rows in \d+ tables\n {2}SHA-256 [0-9a-f]{64}\n {2}Kept: hmis_before_/,
  );
  expect((await command(["rollback", ...server()])).stdout).toMatch(`Rolled back. hmis is ${kept} again`);
  expect((await command(["confirm", ...server()])).stdout).toMatch(/^Dropped hmis_before_\d+\n$/);
  expect((await command(["rollback", ...server()])).stderr).toMatch(
    /Not done\. There is no previous database/,
  );

  // The commands that the message tells a person to type do what it says.
  const told = await command(["run", work.path("hmis.dump"), ...server(), "--reimport"]);
  const printed = (verb: string) => {
    const found = new RegExp(`: +import (${verb} .*)`).exec(told.stdout)?.[1];
    return command(parseArgsStringToArgv(found ?? ""));
  };
  expect((await printed("rollback")).stdout).toMatch(/^Rolled back\. hmis is hmis_before_\d+ again/);
  expect((await printed("confirm")).stdout).toMatch(/^Dropped hmis_before_\d+\n$/);
});

describe("the exit code and one clear message say what is wrong", () => {
  it.each([
    [2, "no command", () => [], /Usage:/],
    [2, "an unknown option", () => ["run", "x", "--force"], /unknown option '--force'/],
    [2, "no server", () => ["run", "x"], /--server is missing/],
    [
      2,
      "a password on the command line",
      () => ["status", "--server", "postgres://a:hunter2@h/p", "--database", "hmis"],
      /holds a password, which everyone/,
    ],
    [2, "no number of connections", () => ["run", "x", ...server(), "--jobs", "0"], /a number from 1 to 32/],
    [2, "no size", () => ["run", "x", ...server(), "--max-database-size", "large"], /a size is like 20GiB/],
    [
      2,
      "no version",
      () => ["run", "x", ...server(), "--dhis2-version", "latest"],
      /is not a version of DHIS2; such as 42\.5\.2/,
    ],
    [
      2,
      "an account without --sanitise",
      () => ["run", "x", ...server(), "--sanitise-user", "admin"],
      /go with --sanitise/,
    ],
    [3, "no such file", () => ["run", work.path("none"), ...server()], /there is no such file/],
    [
      3,
      "another checksum",
      () => ["run", work.path("hmis.sql"), ...server(), "--sha256", "0".repeat(64)],
      /has the SHA-256/,
    ],
    [
      3,
      "a hostile dump",
      () => ["run", work.path("evil.sql"), ...server(), "--reimport"],
      /Line 23: refused: a psql meta-command.*\n.*touch/,
    ],
    [
      4,
      "a newer DHIS2",
      () => ["run", work.path("hmis.sql"), ...server(), "--dhis2-version", "40", "--reimport"],
      /newer than the server's 40/,
    ],
    [
      5,
      "no connection",
      () => ["status", "--server", "postgres://a@127.0.0.1:1/p", "--database", "hmis"],
      /No connection to the database server 127\.0\.0\.1:1 as a/,
    ],
    [
      5,
      "no such role",
      () => ["run", work.path("hmis.sql"), ...server(), "--role", "nobody"],
      /There is no role nobody/,
    ],
  ])("%i: %s", async (code, _what, parameters, message) => {
    const result = await command(parameters());
    expect(result.stderr).toMatch(message);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(result.stderr).not.toMatch(/\n\s+at /);
    expect(result.stderr).not.toContain("hunter2");
  });

  it("as JSON too", async () => {
    const { code, stdout } = await command([
      "run",
      work.path("evil.sql"),
      ...server(),
      "--reimport",
      "--json",
    ]);
    expect(code).toBe(3);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({ event: "error", exitCode: 3 });
  });
});

it("--dry-run needs no server, and says what a dump holds", async () => {
  for (const [dump, kind] of [
    ["hmis.sql", "plain SQL"],
    ["hmis.dump", "custom archive"],
  ] as const) {
    const { code, stdout } = await command(["run", "--dry-run", work.path(dump)]);
    expect(code).toBe(0);
    expect(stdout).toContain(kind);
    expect(stdout).toMatch(/DHIS2 2\.42/);
    expect(stdout).toMatch(/It can be imported\./);
  }
  const evil = await command(["inspect", work.path("evil.sql"), "--json"]);
  expect(evil.code).toBe(3);
  expect(JSON.parse(evil.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
    event: "inspection",
    refused: [{ line: 23 }],
  });
});

it("shows no secret in the list of processes", async () => {
  const child = spawn(process.execPath, [work.path("import.cjs"), "run", "-", ...server(), "--reimport"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  await once(child, "spawn");
  const commandLine = await readFile(`/proc/${child.pid}/cmdline`, "utf8");
  const environment = await readFile(`/proc/${child.pid}/environ`, "utf8");
  expect(`${commandLine}${environment}`).not.toContain(postgres.password);
  child.stdin.end();
  await once(child, "exit");
});
