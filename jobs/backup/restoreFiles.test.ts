/** Files come back without the database, none that is there is lost, and each restore of files can be undone. */
import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import type { FilesOnlyResult, RestoreResult } from "./restore";

let world: BackupWorld;
let live: string;
const run = (verb: string, ...more: string[]) =>
  world.backup(
    ...[verb, ...world.inLocation(world.path("copies")), ...world.server(), "--json"],
    ...["--files-to", live, ...more],
  );
const filesOnly = (...more: string[]) => run("restore", "--files-only", "--database", "hmis", ...more);
const done = (stdout: string) => lastEvent<FilesOnlyResult>(stdout, "files restored");
const text = (path: string) => readFile(join(live, path), "utf8");
/** Every file with what is in it. */
const all = (directory: string) =>
  execFileSync("find . -type f -not -path './.dhistance-undo/*' -exec sha256sum {} + | sort", {
    ...{ cwd: directory, shell: "/bin/sh", encoding: "utf8" },
  });

beforeAll(async () => {
  world = await startBackupWorld();
  await world.postgres.query(
    "CREATE TABLE fileresource (fileresourceid bigint PRIMARY KEY, storagekey text UNIQUE);" +
      "INSERT INTO fileresource VALUES (1, 'dataValue/0/0'), (2, 'dataValue/1/1'), (3, 'gone'), (4, NULL)",
    undefined,
    "hmis",
  );
  expect(await world.backup(...world.exportTo(world.path("copies")))).toMatchObject({ code: 0 });
}, 300_000);
afterAll(() => world.stop());

beforeEach(async () => {
  live = world.path("live");
  await rm(live, { recursive: true, force: true });
  await cp(world.path("files"), live, { recursive: true, preserveTimestamps: true });
  await rm(join(live, "dataValue/0"), { recursive: true });
  await writeFile(join(live, "one"), "changed since");
  await writeFile(join(live, "new"), "new since");
});

describe("a restore of files alone", { timeout: 300_000 }, () => {
  it("adds what is missing, keeps what is there, and counts the rows without a file", async () => {
    const result = await filesOnly();
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(done(result.stdout)).toMatchObject({
      files: { added: 8, replaced: 0, present: 33 },
      withoutFile: { rows: 3, missing: 1, first: ["gone"] },
    });
    expect(await text("dataValue/0/0")).toContain("blob 0");
    expect(await text("one")).toBe("changed since");
    expect(await text("new")).toBe("new since");
    expect(done((await filesOnly()).stdout)).toMatchObject({ files: { added: 0, present: 41 } });
  });

  it("is undone, and the undo is undone, until it is confirmed", async () => {
    const before = all(live);
    expect(await filesOnly("--replace-files")).toMatchObject({ code: 0 });
    const after = all(live);
    expect(await text("one")).toBe("a file");
    expect(await text("new")).toBe("new since");
    const undo = () => world.backup("undo-files", "--files-to", live, "--json");
    expect(lastEvent((await undo()).stdout, "files undone")).toMatchObject({
      ...{ added: 8, replaced: 1, undone: true },
    });
    expect(all(live)).toBe(before);
    expect(await undo()).toMatchObject({ code: 0 });
    expect(all(live)).toBe(after);
    // What is kept for that is in no backup.
    const files = world
      .exportTo(world.path("again"))
      .map((each) => (each === world.path("files") ? live : each));
    expect(await world.backup(...files)).toMatchObject({ code: 0 });
    expect(
      world.restic(join(world.path("again"), new Date().toISOString().slice(0, 7)), "ls", "latest"),
    ).not.toContain(".dhistance-undo");
    const confirmed = await world.backup("confirm-files", "--files-to", live);
    expect(confirmed.stdout).toMatch(/Deleted what was kept to undo 1 restore of files\./);
    expect(await readdir(live)).not.toContain(".dhistance-undo");
    const none = await undo();
    expect(none).toMatchObject({ code: 3 });
    expect(none.stdout).toMatch(/There is no restore to undo in /);
  });

  it("that was killed is taken back by the next one, which takes no half of a file for a file", async () => {
    const folder = join(live, ".dhistance-undo/20260101000000000");
    await mkdir(join(folder, "before"), { recursive: true });
    await writeFile(join(folder, "before/one"), "changed since");
    await mkdir(join(live, "dataValue/0"));
    await writeFile(join(live, "dataValue/0/0"), "blob 0 blo");
    await writeFile(join(live, "one"), "a fi");
    const record = { snapshot: "0", added: ["dataValue/0", "dataValue/0/0"], replaced: ["one"] };
    await writeFile(
      join(folder, "record.json"),
      JSON.stringify({ ...record, complete: false, undone: false }),
    );
    expect(done((await filesOnly()).stdout)).toMatchObject({ files: { added: 8, replaced: 0 } });
    expect(await text("dataValue/0/0")).toBe("blob 0 ".repeat(500));
    expect(await text("one")).toBe("changed since");
    expect(await readdir(join(live, ".dhistance-undo"))).toHaveLength(1);
  });

  it.each([
    ["without --files-to", ["--files-only", "--database", "hmis"], /--files-only needs --files-to/],
    [
      "with --replace",
      ["--files-only", "--files-to", "/tmp", "--replace", "--database", "hmis"],
      /cannot be used with/,
    ],
    ["--replace-files alone", ["--replace-files", "--database", "hmis"], /--replace-files needs --files-to/],
  ])("%s makes no sense", async (_, more, message) => {
    const refused = await world.backup(
      ...["restore", ...world.inLocation(world.path("copies")), ...world.server(), ...more],
    );
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(message);
  });
});

describe("a restore of database and files", { timeout: 300_000 }, () => {
  it("keeps the files that are there", async () => {
    const result = await run("restore", "--database", "beside");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent<RestoreResult>(result.stdout, "restored")).toMatchObject({
      files: { added: 8, replaced: 0, present: 33 },
      withoutFile: { rows: 3, missing: 1 },
    });
    expect(await text("one")).toBe("changed since");
  });

  it.skipIf(process.getuid?.() !== 0)(
    "that fails after the files leaves the file store as it was",
    async () => {
      const before = all(live);
      // The settings come after the files; one of them cannot be put there.
      const settings = world.path("blocked-settings");
      await mkdir(settings);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "tmpfs", settings]);
      try {
        const result = await run("restore", "--database", "never", "--settings-to", settings);
        expect(result.code).not.toBe(0);
      } finally {
        execFileSync("umount", [settings]);
      }
      expect(all(live)).toBe(before);
      expect(await readdir(live)).not.toContain(".dhistance-undo");
    },
  );

  it("into a place that cannot be written to is refused before anything is fetched", async () => {
    live = "/proc/nowhere";
    const result = await run("restore", "--database", "never");
    expect(result.code).toBe(5);
    expect(result.stdout).toMatch(/\/proc\/nowhere cannot be written to/);
  });
});
