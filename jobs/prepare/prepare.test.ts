import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../testing/postgres";
import { EXTENSIONS, prepare } from "./prepare";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres({ log_statement: "all" });
});
afterAll(() => postgres?.stop());

const server = (user = postgres.user, password = postgres.password) => ({
  ...{ host: postgres.host, port: postgres.port, user, password, database: "postgres" },
});
const secret = () => randomBytes(20).toString("hex");

async function as(role: { user: string; password: string }, database: string): Promise<Client> {
  const client = new Client({ connectionString: postgres.url(database, role) });
  await client.connect();
  return client;
}

it("makes role, database and extensions, and the second time nothing", async () => {
  const options = { server: server(), database: "one", role: "one-role", rolePassword: secret() };
  const first = await prepare(options);
  expect(first.made).toEqual([
    "role one-role",
    "database one",
    ...EXTENSIONS.map((name) => `extension ${name}`),
  ]);
  expect(first.versions["postgis"]).toMatch(/^3\./);
  expect(await prepare(options)).toEqual({ ...first, made: [] });
  const log = readFileSync(path.join(postgres.socketDirectory, "log"), "utf8");
  expect(log).toContain("SCRAM-SHA-256");
  expect(log).not.toContain(options.rolePassword);

  const client = await as({ user: "one-role", password: options.rolePassword }, "one");
  try {
    await client.query("CREATE TABLE place (at geometry(Point, 4326))");
    await client.query("CREATE INDEX ON place USING gist (at)");
    await client.query("CREATE TABLE word (w text)");
    await client.query("CREATE INDEX ON word USING gin (w gin_trgm_ops)");
    await expect(client.query("CREATE DATABASE mine")).rejects.toThrow("permission denied");
    await expect(client.query("CREATE ROLE mine")).rejects.toThrow("permission denied");
  } finally {
    await client.end();
  }
});

it("goes on from where an earlier run was interrupted, and gives the role this password", async () => {
  const options = { server: server(), database: "two", role: "two_role", rolePassword: secret() };
  await postgres.query("CREATE ROLE two_role LOGIN PASSWORD 'another'");
  expect((await prepare(options)).made[0]).toBe("database two");
  await postgres.query("DROP EXTENSION btree_gin", undefined, "two");
  expect((await prepare(options)).made).toEqual(["extension btree_gin"]);
  await (await as({ user: "two_role", password: options.rolePassword }, "two")).end();
});

it("keeps other roles out of the database", async () => {
  const options = { server: server(), database: "three", role: "three", rolePassword: secret() };
  await prepare(options);
  await postgres.query("CREATE ROLE stranger LOGIN PASSWORD 'stranger'");
  await expect(as({ user: "stranger", password: "stranger" }, "three")).rejects.toThrow(
    "permission denied for database",
  );
});

it("makes a role that sees how the server is, and none of the data", async () => {
  const monitor = { role: "monitor", password: secret() };
  const options = {
    ...{ server: server(), database: "five", role: "five", rolePassword: secret() },
    monitor,
  };
  expect((await prepare(options)).made).toContain("role monitor");
  expect((await prepare(options)).made).toEqual([]);
  const client = await as({ user: "monitor", password: monitor.password }, "postgres");
  try {
    const { rows } = await client.query("SELECT pg_database_size('five') > 0 AS seen");
    expect(rows).toEqual([{ seen: true }]);
    await expect(client.query("SELECT rolpassword FROM pg_authid")).rejects.toThrow("permission denied");
  } finally {
    await client.end();
  }
  await expect(as({ user: "monitor", password: monitor.password }, "five")).rejects.toThrow(
    "permission denied for database",
  );
});

it("needs no superuser but for the extensions", async () => {
  await postgres.query("CREATE ROLE boss LOGIN CREATEDB CREATEROLE PASSWORD 'boss'");
  const options = { server: server("boss", "boss"), database: "four", role: "four", rolePassword: secret() };
  // PostGIS is for superusers; elsewhere than on RDS it is refused, after all before it was made.
  await expect(prepare(options)).rejects.toThrow('permission denied to create extension "postgis"');
  expect(
    await postgres.query(
      "SELECT rolname FROM pg_database d JOIN pg_roles r ON r.oid = datdba WHERE datname = 'four'",
    ),
  ).toEqual([{ rolname: "four" }]);
});
