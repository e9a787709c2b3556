/** The program that starts DHIS2 (images/jobs/start), with the stand-in for DHIS2 and a PostgreSQL that comes late or stays. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { onPath } from "../tools/toolchain/installedEngine";
import { prepare } from "./prepare/prepare";
import { freePort, startPostgres, type TestPostgres } from "./testing/postgres";
import { missingForStandIn, startStandIn, type StandIn, type StandInOptions } from "./testing/standIn";

const [busybox] = onPath("busybox", process.env);
const lacking =
  missingForStandIn() ??
  (busybox || process.env["CI"] ? undefined : "there is no busybox: apt-get install busybox-static");

let postgres: TestPostgres;
let folder: string;
let program: string[];
let standIn: StandIn | undefined;
const servers: Server[] = [];
beforeAll(async () => {
  if (lacking) return;
  folder = mkdtempSync(path.join(tmpdir(), "start-"));
  chmodSync(folder, 0o755);
  copyFileSync(busybox ?? "busybox", path.join(folder, "busybox"));
  copyFileSync(path.join(__dirname, "../images/jobs/start"), path.join(folder, "start"));
  program = [path.join(folder, "busybox"), "sh", path.join(folder, "start")];
  postgres = await startPostgres();
  const { host, port, user, password } = postgres;
  const server = { host, port, user, password, database: "postgres" };
  await prepare({ server, database: "dhis2", role: "dhis2", rolePassword: "role" });
});
afterEach(async () => {
  await standIn?.stop();
  for (const server of servers.splice(0)) server.close();
});
afterAll(async () => {
  await postgres?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** @param port of the database in its configuration */
async function begin(port: number, more: Partial<StandInOptions> = {}): Promise<StandIn> {
  standIn = await startStandIn({
    ...{ version: "42.5.2", postgres, database: "dhis2", rolePassword: "role" },
    settings: { "connection.url": `jdbc:postgresql://127.0.0.1:${port}/dhis2` },
    startedBy: [...program, "run", "127.0.0.1", String(port)],
    ...more,
  });
  return standIn;
}
/** Answers every connection so, as whoever listens at the port. */
async function listen(port: number, answer: (socket: Socket) => void): Promise<Server> {
  // Whoever asks has sent all it will, and waits for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    answer(socket.on("error", () => undefined)),
  ).listen(port, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return server;
}
const toPostgres = (socket: Socket) => {
  const through = connect(postgres.port, postgres.host).on("error", () => undefined);
  socket.pipe(through).pipe(socket);
};
/** What PostgreSQL says to everybody while it goes through its log after a crash. */
const starting = (socket: Socket) => {
  const fields = ["SFATAL", "VFATAL", "C57P03", "Mthe database system is starting up"];
  const body = Buffer.from(`${fields.join("\0")}\0\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, body])));
};
const until = async (done: () => boolean | Promise<boolean>) => {
  for (let tries = 0; !(await done()); tries++) {
    if (tries > 1000) throw new Error(`in vain:\n${standIn?.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
/** What the health check of the container says. */
const health = ({ url, home }: StandIn) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    const env = { DHIS2_PORT: new URL(url).port, TMPDIR: home };
    const [file = "", ...rest] = program;
    execFile(file, [...rest, "healthy"], { env }, (error, stdout) =>
      resolve({ code: error ? Number(error.code) : 0, output: stdout.trim() }),
    );
  });

/** Of `/api/ping`; 0 where nothing listens. */
const status = ({ url }: StandIn) =>
  fetch(`${url}/api/ping`).then(
    (response) => response.status,
    () => 0,
  );

describe.skipIf(lacking)(`a start of DHIS2${lacking ? ` (skipped: ${lacking})` : ""}`, () => {
  it("does not leave people without DHIS2 when its database comes late, as at a reboot of the host", async () => {
    const port = await freePort();
    const dhis2 = await begin(port);
    await until(() => dhis2.output().includes(`Waiting for the database at 127.0.0.1:${port}.`));
    const recovering = await listen(port, starting);
    expect((await health(dhis2)).code).toBe(1);
    recovering.close();
    await once(recovering, "close");
    await listen(port, toPostgres);
    await until(async () => (await health(dhis2)).code === 0);
    expect(dhis2.output()).not.toContain("failed");
  });

  it.each(["stays", "ends"])(
    "that failed is ended and made again twice, then not any more; the check says why, if the process %s",
    async (how) => {
      const told = { "fail-migration-to-42.5.2": "", [`failed-start-${how}`]: "" };
      const dhis2 = await begin(postgres.port, { told });
      await until(async () => (await health(dhis2)).output !== "no answer yet");
      const why = how === "stays" ? "it answers 404 on every path" : "it ended with exit code 1";
      const { code, output } = await health(dhis2);
      expect(code).toBe(1);
      expect(output).toMatch(new RegExp(`^DHIS2 failed to start .*: ${why}`));
      const last = `DHIS2 failed to start 3 times: ${why}. To try again, restart this container.`;
      await until(() => dhis2.output().includes(last));
      expect(dhis2.output().match(/^the migrations? .*failed/gm)).toHaveLength(3);
      // The gateway asks so, and tells visitors.
      await until(async () => (await status(dhis2)) === 404);
      expect(await health(dhis2)).toEqual({ code: 1, output: last });
      expect(dhis2.runs()).toBe(true);
      await dhis2.stop();
      expect(await status(dhis2)).toBe(0);
    },
  );

  it("that migrates and answers nothing is left alone", async () => {
    const dhis2 = await begin(postgres.port, { told: { "migration-seconds": "12" } });
    await until(async () => (await health(dhis2)).code === 0);
    expect(dhis2.output()).not.toMatch(/failed|Terminated/);
  });

  it("is ended with the container, by a signal, also while it waits for the database", async () => {
    const waiting = await begin(await freePort());
    await until(() => waiting.output().includes("Waiting for the database"));
    await waiting.stop();
    const dhis2 = await begin(postgres.port);
    await dhis2.ready();
    await dhis2.stop();
    await expect(fetch(`${dhis2.url}/api/ping`)).rejects.toThrow();
  });
});
