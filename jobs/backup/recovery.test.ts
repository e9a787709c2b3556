/** A person at night has these pages and nothing else: every command in them is run here, in their order. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBackupWorld, type BackupWorld } from "../testing/backups";
import { startApplicationStandIn, type ApplicationStandIn } from "../testing/application";
import { contents } from "../testing/everyKindOfObject";

const RECOVERY = join(__dirname, "../../docs/recovery");
const page = ["anywhere.md", "drills.md"]
  .map((file) => readFileSync(join(RECOVERY, file), "utf8"))
  .join("\n");
const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, text]) => text ?? "");

let world: BackupWorld;
let environment: Record<string, string>;
let application: ApplicationStandIn;

beforeAll(async () => {
  world = await startBackupWorld();
  const { path, postgres, s3, exportTo, backup } = world;
  await mkdir(path("bin"));
  // As the image has them.
  for (const job of ["analytics", "backup", "import", "prepare"]) {
    await writeFile(path(`bin/${job}`), `#!/bin/sh\nexec node "${path(`${job}.cjs`)}" "$@"\n`);
    await chmod(path(`bin/${job}`), 0o755);
  }
  await mkdir(path("keys"));
  await copyFile(path("local-password"), path("keys/repository-password"));
  for (const name of ["signing.pub", "signing.pem", "database-password"])
    await copyFile(path(name), path(`keys/${name}`));
  await writeFile(path("keys/role-password"), "dhis");
  await writeFile(path("keys/admin-password"), "of DHIS2");
  application = await startApplicationStandIn("of DHIS2", [
    [{ level: "INFO", message: "Analytics tables updated", completed: true }],
  ]);
  environment = {
    ...{
      LOCATION: path("copies/hmis"),
      KEYS: path("keys"),
      FILES: path("home/files"),
      SETTINGS: path("home/settings"),
      DHIS2: application.url,
    },
    ...{ SERVER: `postgres://postgres@127.0.0.1:${postgres.port}/postgres`, SCRATCH: path("scratch") },
  };
  expect(await backup(...exportTo(path("copies/hmis")))).toMatchObject({ code: 0 });
  // The whole cloud side is gone.
  await s3.halt();
});
afterAll(async () => {
  await application?.stop();
  await world?.stop();
});

function shell(script: string): Promise<{ code: number; output: string }> {
  const PATH = [world.path("bin"), process.env["PATH"]].join(delimiter);
  return new Promise((resolve) => {
    const child = execFile(
      "/bin/sh",
      ["-euc", script],
      { env: { ...environment, PATH, NO_COLOR: "1" }, cwd: world.path(".") },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` }),
    );
  });
}

it("the pages, from their first line to their last", async () => {
  const { postgres, path } = world;
  const [where, ...commands] = blocks;
  const named = [...(where ?? "").matchAll(/^export (\w+)=/gm)].map(([, name]) => name);
  expect(named.sort(), "the page names what it needs, and no more").toEqual(Object.keys(environment).sort());
  const about = (command: string) => commands.findIndex((block) => block.includes(command));
  expect(commands).toHaveLength(13);

  const old = await contents(postgres, "hmis");
  const run = async (index: number, says: RegExp) => {
    const { code, output } = await shell(commands[index] ?? "false");
    expect(output).toMatch(says);
    expect(code, output).toBe(0);
    return output;
  };
  await run(0, /hmis, [\d,]+ rows/);
  await run(1, /hmis/);
  await run(2, /^Restored hmis_check as it was at/m);
  expect(await contents(postgres, "hmis")).toEqual(old);
  await postgres.query("DELETE FROM event", undefined, "hmis");
  await run(3, /^Restored hmis as it was at .*The previous database is kept as/ms);
  const restored = await contents(postgres, "hmis");
  expect(restored["public.event"]).toBe(old["public.event"]);
  expect(readFileSync(path("home/settings/dhis.conf"), "utf8")).toContain(
    "encryption.password = encryption secret",
  );
  expect(existsSync(path("home/files/one"))).toBe(true);

  await run(about("analytics --application"), /^The analytics tables are made\./m);
  await run(about("import rollback"), /^Rolled back\./m);
  expect(await postgres.query("SELECT FROM event", undefined, "hmis")).toEqual([]);
  await run(about("import rollback"), /^Rolled back\./m);
  expect(await contents(postgres, "hmis")).toEqual(restored);
  await run(about("import confirm"), /^Dropped hmis_before_/m);

  await rm(path("home/files/one"));
  await run(about("--files-only"), /^Restored files into .*\n.* added 1, replaced 0, already there 40/m);
  expect(existsSync(path("home/files/one"))).toBe(true);
  await run(about("undo-files"), /^Undone: 1 added and 0 replaced/m);
  expect(existsSync(path("home/files/one"))).toBe(false);
  await run(about("undo-files"), /^The undo is undone/m);
  await run(about("confirm-files"), /^Deleted what was kept/m);
  expect(existsSync(path("home/files/one"))).toBe(true);

  await run(about("backup drill"), /^Intact\..*Would be lost \(RPO\)/ms);
  const figures = JSON.parse(readFileSync(path("scratch/drill.json"), "utf8")) as Record<string, unknown>;
  expect(figures).toMatchObject({ server: "hmis", files: 41, verified: true, location: path("copies/hmis") });
  expect(figures["rpoSeconds"]).toBeGreaterThan(0);
  await run(about("--max-drill-age"), /Last drill \d+ s ago: recovered in/);
  await run(about("backup export"), /^Exported to /m);
});

it("with restic alone, without any program of ours", async () => {
  const { path, restic } = world;
  const month = new Date().toISOString().slice(0, 7);
  expect(page).toContain('restic -r "$LOCATION/2026-11" restore latest --tag export --target FOLDER');
  restic(path(`copies/hmis/${month}`), "restore", "latest", "--tag", "export", "--target", path("bare"));
  for (const name of [
    "database/toc.dat",
    "settings/dhis.conf",
    "manifest.jws",
    join(path("home"), "files/one"),
  ])
    expect(existsSync(join(path("bare"), name)), name).toBe(true);
  await rm(path("bare"), { recursive: true });
  expect(page).toContain("restore latest:/files --tag export --target FOLDER");
  const files = `latest:${path("home/files")}`;
  restic(path(`copies/hmis/${month}`), "restore", files, "--tag", "export", "--target", path("bare"));
  expect(existsSync(path("bare/one"))).toBe(true);
});
