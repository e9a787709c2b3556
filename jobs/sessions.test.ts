import { execFile } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { prepare } from "./prepare/prepare";
import { parseSessions } from "./sessions";
import { startPostgres, type TestPostgres } from "./testing/postgres";
import { missingForRedis, startRedis, type TestRedis } from "./testing/redis";

const lacking = missingForRedis();
let postgres: TestPostgres;
let redis: TestRedis;
beforeAll(async () => {
  if (lacking) return;
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const { host, port, user, password } = postgres;
  const server = { host, port, user, password, database: "postgres" };
  await prepare({ server, database: "dhis2", role: "dhis2", rolePassword: "role" });
});
afterAll(() => Promise.all([postgres?.stop(), redis?.stop()]));

/** Keys that DHIS2 with Spring Session keeps of one person who is logged in. */
const OF_ADMIN = ["sessions:1", "sessions:expires:1", "index:PRINCIPAL_NAME_INDEX_NAME:admin"].map(
  (key) => `spring:session:${key}`,
);
const sessions = () => redis.command("--scan", "--pattern", "spring:session:*");

interface Run {
  address?: string;
  password?: string;
  ca?: string;
}

/** The job as it runs before DHIS2 starts on other data: `secure-admin before-start`. */
function beforeStart({ address = redis.address, password = redis.password, ca = redis.ca }: Run = {}) {
  const { host, port } = postgres;
  const command = [
    ...["--import", "tsx", path.join(__dirname, "secure-admin/cli.ts"), "before-start"],
    ...["--server", `postgres://dhis2@${host}:${port}/dhis2`, "--password-env", "ROLE"],
    ...["--admin-password-env", "ADMIN", "--sessions", address, "--sessions-password-env", "REDIS"],
  ];
  const secrets = { ROLE: "role", ADMIN: "Nobody-knows-this-1", REDIS: password };
  const env = { ...process.env, ...secrets, NODE_EXTRA_CA_CERTS: ca };
  return new Promise<{ code: number; said: string }>((resolve) => {
    const child = execFile(process.execPath, command, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });
}

describe.skipIf(lacking)(`the sessions of a cluster${lacking ? ` (not run: ${lacking})` : ""}`, () => {
  beforeEach(() => {
    redis.command("FLUSHALL");
    for (const key of OF_ADMIN) redis.command("HSET", key, "lastAccessedTime", "0");
    redis.command("SET", "dhis2:leader", "1");
  });

  it("nobody who was logged in before stays logged in when DHIS2 starts on other data", async () => {
    expect(sessions().split("\n").sort()).toEqual([...OF_ADMIN].sort());
    const { code, said } = await beforeStart();
    expect(said).toContain("All sessions in Redis have ended.");
    expect(code).toBe(0);
    expect(sessions()).toBe("");
    expect(redis.command("DBSIZE")).toBe("0");
    // Again, with none there.
    expect((await beforeStart()).code).toBe(0);
  });

  it("DHIS2 does not start while they live: the job fails if Redis refuses it, and repeats no password", async () => {
    const { code, said } = await beforeStart({ password: "guessed-password" });
    expect(code).toBe(4);
    expect(said).toMatch(
      /the sessions in Redis \(rediss:\/\/localhost:\d+\) were not ended: .*leave DHIS2 stopped/,
    );
    expect(said).not.toContain("guessed-password");
    expect(sessions()).not.toBe("");
  });

  it("the job fails if Redis does not answer, or may not be emptied", async () => {
    expect((await beforeStart({ address: "rediss://localhost:1" })).code).toBe(4);
    redis.command("ACL", "SETUSER", "default", "-flushdb");
    const { code, said } = await beforeStart();
    redis.command("ACL", "SETUSER", "default", "+flushdb");
    expect(code).toBe(4);
    expect(said).toContain("were not ended");
    expect(sessions()).not.toBe("");
  });

  it("the password goes to no server whose certificate no trusted CA has signed", async () => {
    const { code, said } = await beforeStart({ ca: "" });
    expect(code).toBe(4);
    expect(said).toMatch(/self.signed certificate/);
    expect(sessions()).not.toBe("");
  });
});

describe("the address of Redis", () => {
  it("is taken as rediss://host:port", () => {
    expect(parseSessions("rediss://master.hmis.cache.internal:6379")).toBe(
      "rediss://master.hmis.cache.internal:6379",
    );
  });

  it.each([
    "",
    "localhost:6379",
    "redis://localhost:6379",
    "rediss://localhost",
    "rediss://:6379",
    "rediss://localhost:6379/1",
    "rediss://localhost:6379?db=1",
  ])("is refused without TLS, host or port, or with more: %j", (text) => {
    expect(() => parseSessions(text)).toThrow(
      /^--sessions: .* is not possible; write rediss:\/\/host:port\.$/,
    );
  });

  it("is refused with a password in it, which is not repeated", () => {
    expect(() => parseSessions("rediss://:secret@localhost:6379")).toThrow(
      /^(?!.*secret@).*--sessions-password-env/,
    );
  });
});
