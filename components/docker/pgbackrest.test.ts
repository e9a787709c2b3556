import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { PATHS } from "../../jobs/pitr/paths";
import { REPOSITORIES as OF_JOB } from "../../jobs/pitr/repositories";
import { parseSchedules } from "../../jobs/pitr/schedule";
import {
  backupsConfiguration,
  databaseConfigurations,
  DISK_PATH,
  FILES,
  PGDATA,
  REPOSITORIES,
  SCHEDULES,
  scheduleCommand,
  REPORT_PATH,
} from "./pgbackrest";

const disk = { days: 7, passphrase: "of-disk" };
const cloud = {
  ...{ days: 35, passphrase: "of-cloud", host: "s3.example.org", region: "eu-west-1", bucket: "copies" },
  ...{ accessKeyId: "id", secretAccessKey: "of-bucket" },
};

/** As pgBackRest reads it. */
function read(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("["));
  const entries = lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  expect(new Set(entries.map(([key]) => key)).size).toBe(entries.length);
  return Object.fromEntries(entries) as Record<string, string>;
}

describe("the configuration of pgBackRest", () => {
  const conf = read(backupsConfiguration(disk, cloud, "moh/hmis", "admin"));

  it("encrypts each place with a pass phrase of its own, and keeps each for its own time", () => {
    expect(conf).toMatchObject({
      "repo1-cipher-type": "aes-256-cbc",
      "repo1-cipher-pass": "of-disk",
      "repo1-retention-full-type": "time",
      "repo1-retention-full": "7",
      "repo2-cipher-type": "aes-256-cbc",
      "repo2-cipher-pass": "of-cloud",
      "repo2-retention-full-type": "time",
      "repo2-retention-full": "35",
    });
  });

  it("has a folder for each server in the bucket, and verifies the S3 server by the system's CAs", () => {
    expect(conf).toMatchObject({ "repo2-path": "/moh/hmis", "repo2-s3-endpoint": "s3.example.org" });
    expect(Object.keys(conf)).not.toContain("repo2-storage-port");
    expect(Object.keys(conf)).not.toContain("repo2-storage-ca-file");
    expect(Object.keys(conf)).not.toContain("repo2-storage-verify-tls");
  });

  it("verifies it by its own CA, on its own port, if there is one", () => {
    const own = read(
      backupsConfiguration(disk, { ...cloud, port: 9000, ownAuthority: true }, "moh/hmis", "a"),
    );
    expect(own["repo2-storage-port"]).toBe("9000");
    expect(own["repo2-storage-ca-file"]).toMatch(/^\/.*\.crt$/);
  });
});

it("makes backups as often as docs/docker/backups.md says", () => {
  const page = readFileSync(path.join(__dirname, "../../docs/docker/backups.md"), "utf8");
  const rows = [...page.matchAll(/^\| (disk|cloud) +\| (\d+) days \| (\d+) day +\| (\d+) hours? +\|/gm)];
  const documented = rows.map(([, place, full, diff, incr]) => [
    place,
    { full: Number(full) * 24, diff: Number(diff) * 24, incr: Number(incr) },
  ]);
  expect(Object.fromEntries(documented)).toEqual(SCHEDULES);
});

describe("the configurations beside the database", () => {
  const [disk = {}, cloud = {}] = Object.values(databaseConfigurations(10)).map((text) => read(text));

  it("hand the log to one place each, and never fill the disk", () => {
    expect(disk).toMatchObject({ "repo1-host": "copies", "archive-push-queue-max": "10GiB" });
    expect(cloud).toMatchObject({ "repo2-host": "copies", "archive-push-queue-max": "10GiB" });
    expect(Object.keys(disk).filter((key) => key.startsWith("repo2"))).toEqual([]);
    expect(Object.keys(cloud).filter((key) => key.startsWith("repo1"))).toEqual([]);
  });

  it("share neither a queue nor a lock, so that neither place holds the other up", () => {
    for (const own of ["spool-path", "lock-path"]) expect(disk[own]).not.toBe(cloud[own]);
  });

  it("have no key of a place", () => {
    expect(JSON.stringify([disk, cloud])).not.toMatch(/cipher|s3|secret/);
  });
});

it("makes full backups less often than differential ones, and those less often than incremental ones", () => {
  for (const { full, diff, incr } of Object.values(SCHEDULES)) {
    expect(full).toBeGreaterThan(diff);
    expect(diff).toBeGreaterThan(incr);
  }
  expect(scheduleCommand()).toEqual(["pitr", "schedule", "disk=168,24,1", "cloud=168,24,6"]);
});

it("agrees with pitr on repositories, paths and schedules", () => {
  expect(REPOSITORIES).toEqual(OF_JOB);
  expect([PATHS.disk, PATHS.metrics, PATHS.cluster]).toEqual([DISK_PATH, REPORT_PATH, PGDATA]);
  expect(PATHS.givenKey).toBe(FILES.privateKey);
  expect(Object.fromEntries(parseSchedules(scheduleCommand().slice(2)))).toEqual(SCHEDULES);
});
