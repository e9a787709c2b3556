import { readdirSync, statSync } from "node:fs";
import { chmod, cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld, type Ended } from "../testing/backups";
import { BackupLocation } from "./location";
import { Progress } from "./progress";
import { replicate, stateOf } from "./replicate";

let world: BackupWorld;
const month = new Date().toISOString().slice(0, 7);
let cloud: string;
let local: string;

beforeAll(async () => {
  world = await startBackupWorld();
  const { path, exportTo, backup, s3 } = world;
  cloud = s3.location("copies", "hmis");
  local = path("copies/hmis");
  // Two backups, so that damage in one of them leaves another.
  for (let i = 0; i < 2; i++) expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
  await configure({});
  expect(await pull()).toMatchObject({ code: 0 });
});
afterAll(() => world.stop());

async function configure(more: object): Promise<void> {
  const { path, s3 } = world;
  const configuration = {
    ...{
      servers: ["hmis"],
      source: s3.location("copies", "hmis").replace(/\/hmis$/, ""),
      backups: path("copies"),
    },
    ...{ retentionDays: 30, parts: 1, publicKeyFile: path("signing.pub") },
    ...{ cloudPasswordFile: path("cloud-password"), localPasswordFile: path("local-password") },
    ...more,
  };
  await writeFile(path("replicate.json"), JSON.stringify(configuration));
}

function pull(): Promise<Ended> {
  return world.backup("replicate", "--config", world.path("replicate.json"), "--once", "--json");
}

/** The largest file of a kind: of data the one with the rows, not the one with directories. */
function fileOf(repository: string, kind: string): string {
  const at = join(repository, kind);
  if (kind === "config") return at;
  const files = readdirSync(at, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return files.sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? "";
}

function flipped(bytes: Buffer): Buffer {
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 0xff, middle);
  return bytes;
}

async function flip(file: string): Promise<void> {
  await chmod(file, 0o600);
  await writeFile(file, flipped(await readFile(file)));
}

/** By restic's own reading of every byte. @throws Error when it finds damage */
function readWhole(repository: string): void {
  world.restic(repository, "check", "--no-lock", "--read-data");
}

const KINDS = ["config", "keys", "snapshots", "index", "data"];

it.each(KINDS)(
  "a flipped byte in %s of the on-premises backup is noticed and healed from the cloud",
  async (kind) => {
    await flip(fileOf(join(local, month), kind));
    const run = await pull();
    expect(run.stderr).toBe("");
    expect(run.code).toBe(0);
    expect(lastEvent(run.stdout, "replicated")).toMatchObject({ healed: [month], removed: [] });
    readWhole(join(local, month));
    expect(readdirSync(local).filter((name) => name.startsWith("20"))).toEqual([month]);
  },
);

it("once intact, it is left alone", async () => {
  expect(lastEvent((await pull()).stdout, "replicated")).toMatchObject({ healed: [], copied: 0 });
  const { stdout } = await world.backup("list", ...world.inLocation(local), "--json");
  expect(lastEvent<{ backups: object[] }>(stdout, "backups")?.backups).toHaveLength(2);
});

it("a cut pack is healed in the run that finds it, although each run reads a small part only", async () => {
  await configure({ parts: 24 });
  const pack = fileOf(join(local, month), "data");
  await chmod(pack, 0o600);
  await truncate(pack, statSync(pack).size - 1000);
  const run = await pull();
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(lastEvent(run.stdout, "replicated")).toMatchObject({ healed: [month] });
  readWhole(join(local, month));
  await configure({});
});

it("damage in the cloud raises an alarm on premises, and the on-premises backups stay", async () => {
  const { s3 } = world;
  const config = { Bucket: "copies", Key: `hmis/${month}/config` };
  const body =
    (await (await s3.client.send(new GetObjectCommand(config))).Body?.transformToByteArray()) ?? [];
  await s3.client.send(new PutObjectCommand({ ...config, Body: flipped(Buffer.from(body)) }));
  const run = await pull();
  expect(run.code).toBe(3);
  expect(run.stderr).toMatch(/ALARM backup: .*damaged/);
  readWhole(join(local, month));
  // It is locked, so what it was is still there.
  const { VersionId } = await s3.client.send(new HeadObjectCommand(config));
  await expect(
    s3.client.send(new DeleteObjectCommand({ ...config, VersionId })),
    "a locked version is not deleted",
  ).rejects.toThrow();
  await s3.client.send(new PutObjectCommand({ ...config, Body: Buffer.from(body) }));
  expect(await pull()).toMatchObject({ code: 0 });
});

it("the cloud out of reach for days: an alarm, the backups stay; back again, all is caught up", async () => {
  const { backup, exportTo, path, s3 } = world;
  await s3.halt();
  const away = await pull();
  expect(away.code).toBe(5);
  expect(away.stderr).toMatch(/ALARM backup: s3:.* cannot be reached/);
  readWhole(join(local, month));
  await s3.start();
  for (let i = 0; i < 2; i++) expect(await backup(...exportTo(cloud))).toMatchObject({ code: 0 });
  const back = await pull();
  expect(lastEvent(back.stdout, "replicated")).toMatchObject({ copied: 2 });
  expect(back.code).toBe(0);
  expect(stateOf(path("copies/hmis")).checks[month]).toMatchObject({ allAt: expect.any(String) as string });
  expect(await backup("drill", ...world.inLocation(local))).toMatchObject({ code: 0 });
});

it("an export killed while it made a repository: the next one makes another, and neither raises an alarm", async () => {
  const { backup, exportTo, path, inLocation } = world;
  const location = path("half-made");
  await cp(join(local, month, "keys"), join(location, month, "keys"), { recursive: true });
  const exported = await backup(...exportTo(location));
  expect(exported).toMatchObject({ code: 0 });
  expect(exported.stdout).toContain(`Exported to ${location}/${month}.2, backup `);
  expect(await backup("list", ...inLocation(location))).toMatchObject({ code: 0, stderr: "" });
  const signal = new AbortController().signal;
  const at = (url: string) =>
    new BackupLocation(url, { passwordFile: path("local-password"), cache: path("copies/.cache") }, signal);
  const pulled = await replicate({
    ...{ source: at(location), target: at(path("half-made-home")), retentionDays: 30, parts: 1 },
    ...{ progress: new Progress(), signal },
  });
  expect(pulled).toMatchObject({ copied: 1, problems: [] });
});

it("months past their retention are removed; a clock that is a year ahead removes nothing", async () => {
  const { path } = world;
  await cp(join(local, month), join(local, "2020-01"), { recursive: true });
  await cp(join(local, month), join(path("same"), month), { recursive: true });
  const signal = new AbortController().signal;
  const location = (url: string) =>
    new BackupLocation(url, { passwordFile: path("local-password"), cache: path("copies/.cache") }, signal);
  const run = (now: Date) =>
    replicate({
      ...{ source: location(path("same")), target: location(local), retentionDays: 30, parts: 1 },
      ...{ progress: new Progress(), signal, now },
    });
  const first = await run(new Date());
  expect(first).toMatchObject({ removed: ["2020-01"], problems: [] });
  const { stdout } = await world.backup("list", ...world.inLocation(local), "--json");
  expect(lastEvent<{ backups: object[] }>(stdout, "backups")?.backups[0]).toMatchObject({ ...first.newest });
  expect(first.newest).toMatchObject({ server: "hmis" });
  const ahead = await run(new Date(Date.now() + 366 * 24 * 3600 * 1000));
  expect(ahead).toMatchObject({ removed: [], problems: [], newest: first.newest });
});

it("a backup that has not come for longer than promised is an alarm", async () => {
  await configure({ maxAgeHours: 1 / 3600 });
  const late = await pull();
  expect(late.code).toBe(8);
  expect(late.stderr).toMatch(/ALARM backup: The newest backup of hmis in .* is .* old .* is promised/);
  await configure({});
});

it("with temporary credentials alone, asked for by restic and by us; the helper of AWS is a stand-in", async () => {
  const { path, s3 } = world;
  const { accessKeyId, secretAccessKey } = s3.keys;
  const answer = JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey });
  await writeFile(
    path("helper"),
    `#!/bin/sh\necho "$(ps -o comm= $PPID) $*" >>"${path("asked")}"\necho '${answer}'\n`,
  );
  await chmod(path("helper"), 0o755);
  await writeFile(s3.credentialsFile, "");
  const arns = { trustAnchorArn: "arn:a", profileArn: "arn:p", roleArn: "arn:r" };
  await configure({
    rolesAnywhere: { helper: path("helper"), certificate: "/c.pem", privateKey: "/k.pem", ...arns },
  });
  expect((await pull()).code).toBe(0);
  const asked = (await readFile(path("asked"), "utf8")).trim().split("\n");
  expect(asked.some((line) => line.startsWith("restic "))).toBe(true);
  expect(asked.some((line) => !line.startsWith("restic "))).toBe(true);
  for (const line of asked)
    expect(line).toContain(
      "credential-process --certificate /c.pem --private-key /k.pem --trust-anchor-arn arn:a --profile-arn arn:p --role-arn arn:r",
    );
  // Without them there is no way in.
  await configure({});
  expect((await pull()).code).toBe(5);
});
