/** What is in a file store beside ordinary files costs no backup: it is in it, or it is named. */
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import type { ExportResult } from "./export";
import { listLeftOut } from "./fileStore";
import type { RestoreResult } from "./restore";

const root = process.getuid?.() === 0;

let world: BackupWorld;
let store: string;
let socket: Server;
const parameters = (location: string, ...more: string[]) => [
  ...world.exportTo(world.path(location)).map((each) => (each === world.path("files") ? store : each)),
  ...["--json", ...more],
];
const exported = (stdout: string) => lastEvent<ExportResult>(stdout, "exported");
const alarm = (stdout: string) => lastEvent<{ message: string }>(stdout, "error")?.message;
const restore = (location: string, database: string, ...more: string[]) =>
  world.backup(
    ...["restore", ...world.inLocation(world.path(location)), ...world.server(), "--database", database],
    ...["--json", ...more],
  );

beforeAll(async () => {
  world = await startBackupWorld();
  store = world.path("store");
  await cp(world.path("files"), store, { recursive: true });
}, 300_000);
afterAll(async () => {
  socket?.close();
  await world.stop();
});

describe("a file store", { timeout: 300_000 }, () => {
  const odd = "dataValue/a [file]*?\\\n";

  it("with sockets, pipes, devices, links and odd names is backed up; what has no data is named, without an alarm", async () => {
    socket = createServer().listen(world.path("store/socket"));
    execFileSync("mkfifo", [world.path("store/pipe")]);
    if (root) execFileSync("mknod", [world.path("store/null [device]*"), "c", "1", "3"]);
    await symlink("dataValue/0/0", world.path("store/within"));
    await symlink("/nowhere", world.path("store/dangling"));
    await writeFile(world.path(`store/${odd}`), "odd");
    execFileSync("bash", ["-c", 'echo text > "$1"/$(printf "caf\\351")', "bash", store]);
    const run = await world.backup(...parameters("odd"));
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const devices = root ? [{ path: "null [device]*", reason: "a device", data: false }] : [];
    const first = [...devices, { path: "socket", reason: "a socket", data: false }];
    expect(exported(run.stdout)).toMatchObject({ filesLeftOut: { count: first.length, first }, shrunk: [] });

    const back = await restore("odd", "odd", "--files-to", world.path("odd-files"));
    expect(back).toMatchObject({ code: 0, stderr: "" });
    const restored = lastEvent<RestoreResult>(back.stdout, "restored");
    expect(restored?.lacking).toEqual([expect.stringMatching(/^of the file store, .*socket \(a socket\)/)]);
    expect(restored?.files).toEqual({ added: 45, replaced: 0, present: 0 });
    const list = (directory: string) =>
      execFileSync(
        "find",
        [".", "-not", "-name", "socket", "-not", "-name", "null*", "-printf", "%y %P\\0"],
        {
          cwd: directory,
          encoding: "latin1",
        },
      )
        .split("\0")
        .sort();
    expect(list(world.path("odd-files"))).toEqual(list(store));
    expect(await world.backup("drill", ...world.inLocation(world.path("odd")))).toMatchObject({ code: 0 });
  });

  it("with files that cannot be read: a backup of all others, and an alarm that names them until that is accepted", async () => {
    expect(await world.backup(...parameters("unread"))).toMatchObject({ code: 0 });
    await mkdir(world.path("store/lost+found"), { mode: 0 });
    await mkdir(world.path("store/closed"));
    await writeFile(world.path("store/closed/inside"), "inside");
    await chmod(world.path("store/closed"), 0);
    await chmod(world.path(`store/${odd}`), 0);
    const run = await world.backupWithoutRights(...parameters("unread"));
    expect(run.code, run.stdout).toBe(9);
    expect(exported(run.stdout)?.filesLeftOut?.first).toEqual(
      expect.arrayContaining([
        { path: "closed", reason: "permission denied", data: true },
        { path: odd, reason: "permission denied", data: true },
        { path: "lost+found", reason: "permission denied", data: false },
      ]),
    );
    expect(exported(run.stdout)?.shrunk).toEqual([
      "the file store's closed is not in the backup: permission denied",
      `the file store's ${odd} is not in the backup: permission denied`,
    ]);
    expect(alarm(run.stdout)).toMatch(/lacks .*: the file store's closed is not in the backup/);

    const again = await world.backupWithoutRights(...parameters("unread"));
    expect(again.code).toBe(9);
    const accepted = await world.backupWithoutRights(...parameters("unread", "--accept-shrink"));
    expect(accepted).toMatchObject({ code: 0, stderr: "" });
    const later = await world.backupWithoutRights(...parameters("unread"));
    expect(later).toMatchObject({ code: 0, stderr: "" });
    expect(exported(later.stdout)?.filesLeftOut?.count).toBeGreaterThan(2);
    expect(await restore("unread", "unread", "--files-to", world.path("unread-files"))).toMatchObject({
      code: 0,
    });
    expect(await stat(world.path("unread-files/one"))).toBeTruthy();
    await chmod(world.path(`store/${odd}`), 0o600);
    await rm(world.path("store/closed"), { recursive: true });
    await rm(world.path("store/lost+found"), { recursive: true });
  });

  it.skipIf(!root)("with a file that fails when it is read is backed up without it", async () => {
    const bad = world.path("store/dataValue/bad");
    await writeFile(bad, "");
    // It can be opened, and reading it is an error, as of a bad block of a disk.
    execFileSync("mount", ["--bind", `/proc/${process.pid}/mem`, bad]);
    try {
      const run = await world.backup(...parameters("bad"));
      expect(run.code, run.stdout).toBe(9);
      expect(exported(run.stdout)?.filesLeftOut?.first[0]).toEqual({
        ...{ path: "dataValue/bad", reason: "input/output error", data: true },
      });
      const { stdout } = await world.backup("list", ...world.inLocation(world.path("bad")), "--json");
      expect(lastEvent<{ backups: unknown[] }>(stdout, "backups")?.backups).toHaveLength(1);
    } finally {
      execFileSync("umount", [bad]);
      await rm(bad);
    }
  });

  it("with a part that is elsewhere is an alarm: only the link is in the backup", async () => {
    await mkdir(world.path("elsewhere"));
    await symlink(world.path("elsewhere"), world.path("store/document"));
    const run = await world.backup(...parameters("elsewhere-copies"));
    expect(run.code).toBe(9);
    expect(alarm(run.stdout)).toContain(
      `the file store's document is not in the backup: a link to ${world.path("elsewhere")}, which is outside the file store`,
    );
    await rm(world.path("store/document"));
  });

  it("that is a link itself is backed up behind it", async () => {
    await symlink(store, world.path("linked"));
    const real = store;
    store = world.path("linked");
    expect(await world.backup(...parameters("behind"))).toMatchObject({ code: 0 });
    store = real;
    expect(await restore("behind", "behind", "--files-to", world.path("behind-files"))).toMatchObject({
      code: 0,
    });
    expect(await readlink(world.path("behind-files/within"))).toBe("dataValue/0/0");
  });

  it("that cannot be read at all is an error, before anything is written", async () => {
    store = world.path("nowhere");
    const run = await world.backup(...parameters("none"));
    expect(run.code).toBe(5);
    expect(alarm(run.stdout)).toMatch(/The file store .*nowhere cannot be read: ENOENT/);
  });
});

it("names at most a hundred, those with data first", () => {
  const all = Array.from({ length: 300 }, (_, i) => ({ path: `${i}`, reason: "a socket", data: i === 299 }));
  const { count, first } = listLeftOut(all);
  expect(count).toBe(300);
  expect(first).toHaveLength(100);
  expect(first[0]?.path).toBe("299");
});
