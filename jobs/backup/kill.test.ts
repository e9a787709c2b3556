import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ended, lastEvent, startBackupWorld, type BackupWorld } from "../testing/backups";
import { contents } from "../testing/everyKindOfObject";
import { moments } from "../testing/killing";
import { sizeOf } from "./fileStore";

/** Of each command; `KILLS=20` for a thorough run. */
const kills = Number(process.env["KILLS"] ?? 3);
const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

let world: BackupWorld;
const month = new Date().toISOString().slice(0, 7);
let cloud: string;
let local: string;

beforeAll(async () => {
  console.log(`kill.test.ts: SEED=${seed} KILLS=${kills}`);
  world = await startBackupWorld();
  cloud = world.s3.location("copies", "hmis");
  local = world.path("copies/hmis");
  await mkdir(world.path("files/large"));
  // Three of restic's packs, which no compression makes smaller.
  for (let i = 0; i < 12; i++) await writeFile(world.path(`files/large/${i}`), randomBytes(4 << 20));
  await writeFile(
    world.path("replicate.json"),
    JSON.stringify({
      ...{ servers: ["hmis"], source: cloud.replace(/\/hmis$/, ""), backups: world.path("copies") },
      ...{ cloudPasswordFile: world.path("cloud-password"), localPasswordFile: world.path("local-password") },
      ...{ publicKeyFile: world.path("signing.pub"), retentionDays: 30, parts: 1 },
    }),
  );
});
afterAll(() => world.stop());

async function claimedIn(location: string): Promise<string[]> {
  const listed = await world.backup("list", ...world.inLocation(location), "--json");
  // 3: there is none.
  expect([0, 3], listed.stderr).toContain(listed.code);
  return (lastEvent<{ backups: { snapshot: string }[] }>(listed.stdout, "backups")?.backups ?? []).map(
    ({ snapshot }) => snapshot,
  );
}

/** Kills the command at moments spread over the time that it takes, and looks at what is left each time. */
async function killed(
  parameters: () => string[],
  prepare: () => Promise<void>,
  look: (at: string) => Promise<void>,
) {
  await prepare();
  const began = Date.now();
  expect(await ended(world.start(...parameters()))).toBe(0);
  const whole = Date.now() - began;
  for (const moment of moments(kills, whole, seed)) {
    await prepare();
    const child = world.start(...parameters());
    await Promise.race([sleep(moment), ended(child)]);
    child.kill("SIGKILL");
    await ended(child);
    await look(`killed after ${moment} of ${whole} ms`);
  }
}

describe("killed at random moments", { timeout: 1_200_000 }, () => {
  it("export: no backup is claimed that is none, and the next run works", async () => {
    const { backup, exportTo, restic } = world;
    let before = 0;
    const look = async (at: string) => {
      const now = await claimedIn(cloud);
      expect(now.length - before, at).toBeLessThanOrEqual(1);
      before = now.length;
    };
    await killed(
      () => exportTo(cloud),
      async () => {
        before ||= 1;
      },
      look,
    );
    const last = await backup(...exportTo(cloud));
    expect(last).toMatchObject({ code: 0 });
    expect(await claimedIn(cloud)).toHaveLength(before + 1);
    // Every byte of every snapshot, by restic's own reading; and no second repository was begun.
    restic(`${cloud}/${month}`, "check", "--no-lock", "--read-data");
    expect(last.stdout).toContain(`/${month},`);
    expect(await readdir(world.path("scratch"))).not.toContain("dhistance-export-hmis");
  });

  it("replicate: the next run goes on where it was, and fetches nothing twice", async () => {
    const { backup, restic, path } = world;
    const all = await claimedIn(cloud);
    let fresh = 0;
    await killed(
      () => ["replicate", "--config", path("replicate.json"), "--once"],
      async () => {
        // From nothing the first two times; then on and on over what the killed ones have left.
        if (fresh++ < 2) await rm(local, { recursive: true, force: true });
      },
      async (at) => {
        const here = (await readdir(local).catch((): string[] => [])).includes(month);
        const listed = here ? await world.backup("list", ...world.inLocation(local), "--json") : undefined;
        const { backups: claimed = [] } =
          lastEvent<{ backups: object[] }>(listed?.stdout ?? "", "backups") ?? {};
        expect(claimed.length, at).toBeLessThanOrEqual(all.length);
      },
    );
    const last = await backup("replicate", "--config", path("replicate.json"), "--once", "--json");
    expect(last).toMatchObject({ code: 0, stderr: "" });
    expect(lastEvent(last.stdout, "replicated")).toMatchObject({ healed: [] });
    expect(await claimedIn(local)).toHaveLength(all.length);
    restic(join(local, month), "check", "--no-lock", "--read-data");
    const { total_size: needed } = JSON.parse(restic(join(local, month), "stats", "--mode", "raw-data")) as {
      total_size: number;
    };
    const { bytes } = await sizeOf(join(local, month, "data"));
    // Directories of packs, and no pack besides what is needed.
    expect(bytes).toBeLessThan(needed * 1.05 + (1 << 20));
    expect((await readdir(local)).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  it("restore: the live database is wholly the old or wholly the new, and the next run works", async () => {
    const { backup, inLocation, server, postgres } = world;
    const restore = ["restore", ...inLocation(local), ...server(), "--database", "hmis", "--replace"];
    const late = "INSERT INTO systemsetting VALUES (99, 'late', 'x')";
    const query = (sql: string) => postgres.query(sql, undefined, "hmis");
    expect(await backup(...restore)).toMatchObject({ code: 0 });
    const copied = await contents(postgres, "hmis");
    await query(late);
    const old = await contents(postgres, "hmis");
    await killed(
      () => restore,
      async () => {
        const kept = await postgres.query<{ name: string }>(
          "SELECT datname AS name FROM pg_database WHERE datname LIKE 'hmis\\_before\\_%'",
        );
        for (const { name } of kept) await postgres.query(`DROP DATABASE "${name}"`);
        if ((await query("SELECT FROM systemsetting WHERE systemsettingid = 99")).length === 0)
          await query(late);
      },
      async (at) => {
        expect([old, copied], at).toContainEqual(await contents(postgres, "hmis"));
      },
    );
    expect(await backup(...restore)).toMatchObject({ code: 0 });
    expect(await contents(postgres, "hmis")).toEqual(copied);
    expect(await postgres.query("SELECT FROM pg_database WHERE datname LIKE '%\\_import\\_%'")).toEqual([]);
    expect(await postgres.query("SELECT FROM pg_roles WHERE rolname LIKE '%\\_import\\_%'")).toEqual([]);
  });

  it("leaves no tool running behind it", async () => {
    const { start, exportTo } = world;
    const child = start(...exportTo(cloud));
    const children = () =>
      readdirSync("/proc").filter((pid) => {
        try {
          return (
            readdirSync(`/proc/${pid}/task`).length > 0 && commandLine(pid).includes(world.path("scratch"))
          );
        } catch {
          return false;
        }
      });
    while (children().length < 2) await sleep(10);
    child.kill("SIGKILL");
    await ended(child);
    for (let tries = 0; children().length > 0 && tries < 100; tries++) await sleep(50);
    expect(children()).toEqual([]);
  });
});

function commandLine(pid: string): string {
  return readFileSync(`/proc/${pid}/cmdline`, "latin1");
}
