import { readFile, writeFile } from "node:fs/promises";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { backedUpContents, ended, startBackupWorld, type BackupWorld } from "../testing/backups";

let world: BackupWorld;
let cloud: string;
beforeAll(async () => {
  world = await startBackupWorld();
  cloud = world.s3.location("copies", "hmis");
});
afterAll(() => world.stop());

const month = new Date().toISOString().slice(0, 7);

it("made in the cloud, pulled home, listed, and restored with the cloud gone", async () => {
  const { backup, exportTo, inLocation, path, postgres, s3 } = world;
  const exported = await backup(...exportTo(cloud));
  expect(exported.stderr).toMatch(/reading the database.*\n.*writing the backup.*\nsigning the receipt/s);
  expect(exported).toMatchObject({ code: 0 });
  expect(exported.stdout).toMatch(
    new RegExp(`^Exported to ${cloud}/${month}, backup [0-9a-f]{8}\n  [\\d,]+ rows in \\d+ tables, `),
  );
  const before = await backedUpContents(postgres, "hmis");
  // Rows of after the export are not in it.
  await postgres.query("INSERT INTO systemsetting VALUES (99, 'late', 'x')", undefined, "hmis");

  await writeFile(
    path("replicate.json"),
    JSON.stringify({
      ...{
        servers: ["hmis"],
        source: cloud.replace(/\/hmis$/, ""),
        backups: path("copies"),
        retentionDays: 30,
      },
      ...{ cloudPasswordFile: path("cloud-password"), localPasswordFile: path("local-password") },
      ...{ publicKeyFile: path("signing.pub"), parts: 1 },
    }),
  );
  const pulled = await backup("replicate", "--config", path("replicate.json"), "--once");
  expect(pulled).toMatchObject({ code: 0 });
  expect(pulled.stdout).toMatch(/^hmis: 1 new backup; the newest is of 20.*Z, [\d,]+ rows\n$/);

  // With the whole cloud gone, the local backup alone is enough.
  await s3.halt();
  const local = path("copies/hmis");
  const list = await backup("list", ...inLocation(local), "--max-age", "1h");
  expect(list).toMatchObject({ code: 0, stderr: expect.not.stringContaining("ALARM") as string });
  expect(list.stdout).toMatch(
    /\n {2}[0-9a-f]{8} {2}20.* UTC {2}\d+ s old {2}hmis, [\d,]+ rows.*DHIS2 2\.42, PostgreSQL.*read completely/,
  );

  const restored = await backup(
    ...["restore", ...inLocation(local), ...world.server(), "--database", "hmis", "--replace"],
    ...["--files-to", path("files-restored"), "--settings-to", path("settings")],
  );
  expect(restored.stderr).toMatch(
    /fetching the database.*\nloading the database\ngathering statistics\ncounting rows\n/s,
  );
  expect(restored).toMatchObject({ code: 0 });
  expect(restored.stdout).toMatch(
    /^Restored hmis as it was at .*\n.*as many as the manifest says\n {2}File store: added 41, replaced 0, already there 0\n/,
  );
  const after = await contents(postgres, "hmis");
  // DHIS2 makes its analytics tables again.
  expect(after).toEqual(before);
  expect(await readFile(path("settings/encryption.password"), "utf8")).toBe("encryption secret");
  expect(await readFile(path("settings/dhis.conf"), "utf8")).toMatch(/^connection\.username = dhis\n/);
  const files = (directory: string) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [name, readFileSync(`${parentPath}/${name}`, "utf8")])
      .sort();
  expect(files(path("files-restored"))).toEqual(files(path("files")));
  // The former one is kept with what came after the export.
  const kept = /kept as (\S+)\./.exec(restored.stdout)?.[1] ?? "";
  const late = "SELECT name FROM systemsetting WHERE systemsettingid = 99";
  expect(await postgres.query(late, undefined, "hmis")).toEqual([]);
  await postgres.query(`ALTER DATABASE "${kept}" CONNECTION LIMIT -1`);
  expect(await postgres.query(late, undefined, kept)).toEqual([{ name: "late" }]);

  await s3.start();
});

it("shows no secret in the list of processes", async () => {
  const { start, exportTo, postgres } = world;
  const child = start(...exportTo(cloud));
  const seen: string[] = [];
  let over = false;
  const end = ended(child).then((code) => ((over = true), code));
  while (!over) {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
      for (const what of ["cmdline", "environ"])
        seen.push(await readFile(`/proc/${pid}/${what}`, "latin1").catch(() => ""));
  }
  expect(await end).toBe(0);
  const ours = seen.filter((text) => /restic|pg_dump|backup\.cjs/.test(text));
  expect(ours.length).toBeGreaterThan(10);
  for (const secret of [postgres.password, "cloud secret", "encryption secret", "PRIVATE KEY"])
    expect(ours.filter((text) => text.includes(secret))).toEqual([]);
});
