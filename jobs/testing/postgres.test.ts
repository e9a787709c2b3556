import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { freePort, startPostgres } from "./postgres";

describe("startPostgres", () => {
  it("gives a server with PostGIS, keeps committed rows over a crash, and leaves nothing behind", async () => {
    const postgres = await startPostgres({ work_mem: "9MB" });
    await postgres.query("CREATE EXTENSION postgis; CREATE TABLE t AS SELECT 1 AS a");
    expect(await postgres.query("SHOW work_mem")).toEqual([{ work_mem: "9MB" }]);
    await postgres.crash();
    expect(await postgres.query("SELECT a, postgis_lib_version() IS NOT NULL AS gis FROM t")).toEqual([
      { a: 1, gis: true },
    ]);
    await postgres.stop();
    expect(existsSync(postgres.socketDirectory)).toBe(false);
    await expect(postgres.query("SELECT 1")).rejects.toThrow("ECONNREFUSED");
  });

  it("stops when the process that started it is killed", async () => {
    const script = `require(process.argv[1]).startPostgres().then(({ socketDirectory }) => {
      console.log(socketDirectory);
      setInterval(() => undefined, 1000);
    });`;
    const child = spawn(process.execPath, ["--import", "tsx", "-e", script, join(__dirname, "postgres.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const socketDirectory = line.toString().trim();
    expect(existsSync(socketDirectory)).toBe(true);
    child.kill("SIGKILL");
    for (let i = 0; i < 300 && existsSync(socketDirectory); i++) await sleep(100);
    expect(existsSync(socketDirectory)).toBe(false);
  });
});

describe("freePort", () => {
  it("gives none that Linux could give to an outgoing connection meanwhile", async () => {
    const [lowest] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split("\t");
    for (let i = 0; i < 20; i++) expect(await freePort()).toBeLessThan(Number(lowest));
  });
});
