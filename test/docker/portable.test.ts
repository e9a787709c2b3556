import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { POSTGRES } from "../../components/contract/dockerTarget";
import { adminPassword } from "../../components/DataManagementServer/adminPassword";
import type { Drill } from "../../jobs/backup/drill";
import type { Result } from "../engine/pulumi";
import { ROOT } from "../engine/tenants";
import { npm } from "./checkout";
import { expectSecured, toDefaultPassword } from "./defaultPassword";
import { HOSTNAME, startTenantWithBackups, type TenantWithBackups } from "./tenantWithBackups";
import { until, VERSIONS } from "./world";

/** The portable backups of a server on a real engine. Each test starts where the one before ended. */
const TENANT = "portmoh";
const FILES = "/opt/dhis2/files";
const name = (part: string) => `${TENANT}-hmis-${part}`;
/** The directory of the host that the spec names. */
const disk = mkdtempSync(path.join(tmpdir(), "copies-disk-"));
let copied: TenantWithBackups;
beforeAll(async () => {
  for (const folder of ["hmis", "hmis.portable"]) mkdirSync(path.join(disk, folder), { mode: 0o750 });
  chownSync(path.join(disk, "hmis"), POSTGRES, POSTGRES);
  copied = await startTenantWithBackups(TENANT, { path: disk });
  await until("both places were drilled", async () => Object.keys(await drills()).length === 2);
});
afterAll(async () => {
  await copied?.end();
  rmSync(disk, { recursive: true });
});

const sql = (text: string) => copied.succeed("copies", "psql", "-qAt", "-d", "dhis2", "-c", text);
const notes = async () => Number(await sql("select count(*) from note"));
/** What the container reports, by metric and location. */
async function told(metric: string): Promise<Record<string, number>> {
  const text = await copied.succeed("portable", "cat", "/var/lib/copies/portable.prom");
  const lines = [
    ...text.matchAll(new RegExp(`^dhistance_${metric}{(?:location|text)="(.*?)",.*} (.*)$`, "gm")),
  ];
  return Object.fromEntries(lines.map(([, of = "", value]) => [of, Number(value)]));
}
const drills = () => told("drill_timestamp_seconds");

const page = readFileSync(path.join(ROOT, "docs/recovery/docker-portable.md"), "utf8");
/** The command as a person finds it in the docs; what is said of it is both streams. */
async function restore(last: string, id = "", ...more: string[]): Promise<Result & { said: string }> {
  const [line = ""] = new RegExp(`(?<=npm run )restore -- TENANT SERVER ?${last}$`, "m").exec(page) ?? [];
  const values: Record<string, string> = { TENANT, SERVER: "hmis", ID: id };
  const words = line.split(" ").map((word) => values[word] ?? word);
  expect(words[0], `the page has a command that ends with ${last}`).toBe("restore");
  const where = { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } };
  const result = await npm(["run", "--silent", ...words, "--cwd", copied.stack.cwd, "--yes", ...more], where);
  return { ...result, said: `${result.stdout}${result.stderr}` };
}

it("does not change at a second up", async () => {
  await copied.stack.succeed("up", "--yes", "--skip-preview", "--expect-no-changes");
});

it("reports where the backups are and for how long, and no secret in plain", async () => {
  const { stdout } = await copied.stack.succeed("stack", "output", "--json");
  const { backups } = JSON.parse(stdout) as { backups: { kind: string; retentionDays: number }[] };
  const portable = backups.filter(({ kind }) => kind === "portable");
  expect(portable).toMatchObject([
    { where: disk, retentionDays: 30 },
    { where: expect.stringMatching(/^s3:\/\/copies at /) as string, retentionDays: 14 },
  ]);
  const inspected = JSON.stringify([
    await copied.container("portable").inspect(),
    await copied.container("portable").top(),
  ]);
  for (const secret of [...(await copied.stack.secrets()), copied.s3.secretAccessKey])
    expect(copied.stack.stateFile() + inspected).not.toContain(secret);
});

it("runs as the application's user, with no more than it needs", async () => {
  const { Config, HostConfig, Mounts, NetworkSettings } = await copied.container("portable").inspect();
  expect(Config.User).toBe((await copied.container("application").inspect()).Config.User);
  expect(HostConfig).toMatchObject({ Privileged: false, CapDrop: ["ALL"], Memory: 2048 * 2 ** 20 });
  expect(Mounts.filter(({ Type }) => Type === "bind")).toEqual([]);
  expect(Object.keys(NetworkSettings.Networks).sort()).toEqual([name("copies"), name("data")]);
});

describe("the monitoring page", () => {
  const html = async () =>
    (await fetch((await copied.stack.succeed("stack", "output", "monitoring")).stdout.trim())).text();
  const says = async (what: RegExp) => what.test(await html());
  const kept = async () =>
    JSON.parse(await copied.succeed("portable", "cat", "/copies/hmis/drill.json")) as Drill;

  it("shows the newest backup and the last drill of each location", async () => {
    const { rows } = await kept();
    expect(rows).toBeGreaterThan(0);
    await until("it shows both", async () => {
      const of = (location: string) =>
        new RegExp(
          `id="hmis-portable-${location}">\\s*newest: \\S.*<br>\\s*last drill: (just now|\\d+m ago), recovery took \\S+, ${rows} rows<`,
        );
      return (await says(of("disk"))) && (await says(of("cloud")));
    });
    expect(await says(/id="hmis-portable">\s*are healthy</)).toBe(true);
  });

  it("says what is wrong while the cloud is away, as the health check does, and nothing of it after that", async () => {
    const { Config } = await copied.container("portable").inspect();
    const check = () => copied.run("portable", "sh", "-c", Config.Healthcheck?.Test?.[1] ?? "");
    await copied.s3.halt();
    await copied.container("portable").restart({ t: 5 });
    const away = /portmoh\.portable\/hmis cannot be reached/;
    await until("the container is unhealthy", async () => {
      const { code, output } = await check();
      return code === 1 && away.test(output);
    });
    await until("the page says why", () =>
      says(/id="hmis-portable"><strong>are failing<\/strong>.*portmoh\.portable\/hmis cannot be reached/),
    );
    await copied.s3.start();
    await copied.container("portable").restart({ t: 5 });
    await until("it is healthy", async () => (await check()).code === 0);
    await until("the page says so", () => says(/id="hmis-portable">\s*are healthy</));
  });
});

describe("a restore", () => {
  let first: string;

  it("is chosen from a list of both places", async () => {
    const { code, stdout } = await restore("");
    expect(stdout).toMatch(
      /^On disk\n\/copies\/hmis\n[^]*In the cloud\ns3:https:\/\/.*portmoh\.portable\/hmis\n/,
    );
    const copies = [...stdout.matchAll(/^ {2}([0-9a-f]{8}) {2}.* {2}restored .* ago/gm)].map(([, id]) => id);
    expect({ code, copies: copies.length }).toEqual({ code: 0, copies: 2 });
    first = copies[1] ?? "";
  });

  it("brings database and files back from the disk, with the cloud away", async () => {
    await sql("insert into note default values");
    const before = await notes();
    await copied.succeed("application", "rm", `${FILES}/${VERSIONS.current}`);
    await copied.succeed("application", "sh", "-c", `echo later >${FILES}/later`);
    await copied.s3.halt();
    expect(await restore("")).toMatchObject({
      code: 5,
      stdout: expect.stringContaining("restored") as string,
    });
    const { code, said } = await restore("--replace");
    await copied.s3.start();
    expect(said).toMatch(
      /stopping portmoh-hmis-application\n[^]*Restored dhis2[^]*starting portmoh-hmis-application\n/,
    );
    expect(said).toMatch(/Generating analytics tables [^]*The analytics tables are made\.\n/);
    expect(await sql("select count(*) from analytics_note")).toBe(String(before - 1));
    expect(said).not.toContain("another encryption.password");
    expect(code).toBe(0);
    expect(await notes()).toBe(before - 1);
    const files = (await copied.succeed("application", "ls", FILES)).split("\n");
    // What came later stays: an undo needs it.
    expect(files).toEqual(expect.arrayContaining([VERSIONS.current, "later"]));
  });

  it("of files alone adds those that are missing, leaves the database as it is, and can be undone", async () => {
    const kept = async () =>
      (await copied.succeed("application", "ls", FILES)).split("\n").includes(VERSIONS.current);
    await copied.succeed("application", "rm", `${FILES}/${VERSIONS.current}`);
    const before = await notes();
    expect(await restore("--files-only")).toMatchObject({
      code: 0,
      said: expect.stringMatching(/^ {2}File store: added 1, replaced 0,/m) as string,
    });
    expect({ kept: await kept(), notes: await notes() }).toEqual({ kept: true, notes: before });
    for (const expected of [false, true]) {
      expect(await restore("--files-only", "", "--undo")).toMatchObject({ code: 0 });
      expect(await kept()).toBe(expected);
    }
    expect(await restore("--files-only", "", "--confirm")).toMatchObject({ code: 0 });
  });

  it("can be taken back, and back again", async () => {
    const restored = await notes();
    expect(await restore("--undo")).toMatchObject({ code: 0 });
    expect(await notes()).toBe(restored + 1);
    expect(await restore("--analytics")).toMatchObject({ code: 0 });
    expect(await sql("select count(*) from analytics_note")).toBe(String(restored + 1));
    expect(await restore("--undo")).toMatchObject({ code: 0 });
    expect(await notes()).toBe(restored);
  });

  it("of a backup that was made at once; and of an older one, by its id, from the cloud when the disk is lost", async () => {
    await sql("insert into note default values");
    const [line = ""] = /docker exec TENANT-SERVER-portable .*/.exec(page) ?? [];
    expect(await copied.succeed("portable", ...line.split(" ").slice(3))).toMatch(
      /^Exported to [^]*1 new backup/m,
    );
    const now = await notes();
    await sql("delete from note");
    await copied.succeed("portable", "sh", "-c", "rm -rf /copies/hmis");
    expect(await restore("--replace")).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^error: Not restored\. \/copies\/hmis does not exist\./) as string,
    });
    expect(await notes()).toBe(0);
    const older = "--replace --from cloud --snapshot ID";
    expect(await restore(older, first)).toMatchObject({ code: 0 });
    const then = await notes();
    // The newest.
    expect(await restore("--replace", "", "--from", "cloud")).toMatchObject({ code: 0 });
    expect(await notes()).toBe(now);
    expect(then).toBe(now - 1);
  });

  it("brings back DHIS2's audit, and lets nobody in with the default password that the backup has", async () => {
    const audited = () => sql("select count(*) from audit");
    const password = adminPassword(await copied.stack.password(name("admin-password")));
    const headers = { Authorization: `Basic ${Buffer.from(`admin:${password}`).toString("base64")}` };
    expect(await copied.visitor.ask("POST", HOSTNAME, "/api/metadata", { headers })).toMatchObject({
      status: 200,
    });
    const before = await audited();
    expect(Number(before)).toBeGreaterThan(0);
    await sql(await toDefaultPassword());
    const [line = ""] = /docker exec TENANT-SERVER-portable .*/.exec(page) ?? [];
    await copied.succeed("portable", ...line.split(" ").slice(3));
    await sql("delete from audit");
    expect(await restore("--replace")).toMatchObject({ code: 0 });
    expect(await audited()).toBe(before);
    await expectSecured(copied.visitor, copied.stack, { server: `${TENANT}-hmis`, hostname: HOSTNAME });
  });

  it("is refused for a place that is none, and for another server", async () => {
    expect(await restore("--replace", "", "--from", "tape")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--from "tape" is not possible; allowed: disk, cloud.') as string,
    });
    expect(await restore("--replace", "", "--snapshot", "ffff", "--from", "cloud")).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringMatching(
        /No snapshot in cloud starts with "ffff"; snapshots: [0-9a-f]{8}, /,
      ) as string,
    });
    expect(await restore("", "", "--to", "postgres://elsewhere", "--password-file", "x")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("docs/recovery.md") as string,
    });
  });

  it("keeps the previous database until it is confirmed", async () => {
    const aside = () => sql("select count(*) from pg_database where datname like 'dhis2\\_before\\_%'");
    expect(Number(await aside())).toBeGreaterThan(0);
    expect(await restore("--confirm")).toMatchObject({ code: 0 });
    expect(await aside()).toBe("0");
  });
});

it("leaves nothing of a trial when it is destroyed, but the backups in the bucket and in the directory", async () => {
  await copied.stack.succeed("destroy", "--yes", "--skip-preview");
  const { Volumes } = await copied.world.engine.docker.listVolumes();
  expect((Volumes ?? []).filter(({ Name }) => Name.startsWith(TENANT))).toEqual([]);
  expect(existsSync(path.join(disk, "hmis/backup/dhis2/backup.info"))).toBe(true);
  expect(await copied.s3.files()).toContainEqual(
    expect.stringMatching(/^portmoh\.portable\/hmis\/\d{4}-\d\d\/config$/),
  );
});
