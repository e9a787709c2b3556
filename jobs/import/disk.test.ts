/** Full disks: a small file system of its own, which only root can mount; elsewhere these tests are left out. */
import { execFile } from "node:child_process";
import { createWriteStream } from "node:fs";
import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contents } from "../testing/everyKindOfObject";
import { dumpWith } from "../testing/hostile";
import { createApplicationRole, importInto, workDirectory } from "../testing/importing";
import { postgresAccount, startPostgres, type TestPostgres } from "../testing/postgres";

const run = promisify(execFile);
const root = process.getuid?.() === 0;

async function mountSmall(size: string): Promise<{ directory: string; unmount: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "dhistance-small-"));
  await run("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0777`, "tmpfs", directory]);
  return {
    directory,
    unmount: async () => {
      await run("umount", [directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An honest dump with so many megabytes of rows. */
async function largeDump(path: string, megabytes: number): Promise<void> {
  const { dump } = dumpWith("");
  const at = dump.indexOf("1\tone");
  const rows = Buffer.from(`1\t${"0".repeat(1021)}\n`.repeat(1024));
  function* parts() {
    yield dump.subarray(0, at);
    for (let i = 0; i < megabytes; i++) yield rows;
    yield dump.subarray(at);
  }
  await pipeline(Readable.from(parts()), createWriteStream(path));
}

describe.skipIf(!root)("a full disk ends the import, and nothing else", () => {
  let work: Awaited<ReturnType<typeof workDirectory>>;
  let postgres: TestPostgres | undefined;
  let small: Awaited<ReturnType<typeof mountSmall>> | undefined;

  beforeAll(async () => {
    work = await workDirectory();
    await writeFile(work.path("first.sql"), dumpWith("").dump);
    await largeDump(work.path("large.sql"), 1500);
  });
  afterAll(() => work.remove());

  async function expectUnharmed(server: TestPostgres, before: Record<string, string>): Promise<void> {
    expect(await contents(server, "live")).toEqual(before);
    expect(await server.query("SELECT datname FROM pg_database WHERE datname LIKE '%import%'")).toEqual([]);
    // It takes rows as ever.
    await server.query(
      "INSERT INTO honest SELECT i, repeat('x', 1000) FROM generate_series(2, 1000) i",
      [],
      "live",
    );
  }

  it("the disk of the rows is full", async () => {
    small = await mountSmall("64m");
    postgres = await startPostgres();
    try {
      const location = join(small.directory, "tablespace");
      await mkdir(location);
      const { uid, gid } = postgresAccount();
      await chown(location, uid ?? 0, gid ?? 0);
      await createApplicationRole(postgres);
      await importInto(postgres, work.path("first.sql"));
      await postgres.query(`CREATE TABLESPACE small LOCATION '${location}'`);
      await postgres.query("GRANT CREATE ON TABLESPACE small TO PUBLIC");
      await postgres.query("ALTER SYSTEM SET default_tablespace = 'small'");
      await postgres.query("SELECT pg_reload_conf()");
      const before = await contents(postgres, "live");
      const importing = importInto(postgres, work.path("large.sql"), { reimport: true });
      await expect(importing).rejects.toThrow(/disk is full/);
      await expectUnharmed(postgres, before);
    } finally {
      await postgres.stop();
      await small.unmount();
    }
  });

  it("the disk of all the server's files fills up: the import is stopped before", async () => {
    small = await mountSmall("1500m");
    const { TMPDIR } = process.env;
    process.env["TMPDIR"] = small.directory;
    postgres = await startPostgres({ max_wal_size: "64MB", min_wal_size: "32MB" });
    try {
      if (TMPDIR === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = TMPDIR;
      await createApplicationRole(postgres);
      await importInto(postgres, work.path("first.sql"));
      const before = await contents(postgres, "live");
      const importing = importInto(postgres, work.path("large.sql"), { reimport: true });
      await expect(importing).rejects.toThrow(/The disk of the database server has only .* left/);
      await expectUnharmed(postgres, before);
      expect(
        await postgres.query("SELECT pg_postmaster_start_time() < now() - interval '1 second' AS same"),
      ).toEqual([{ same: true }]);
    } finally {
      await postgres.stop();
      await small.unmount();
    }
  });
});
