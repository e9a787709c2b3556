import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ROOT, type TenantStack } from "../engine/tenants";
import { freePort, startWorld, sweep, VERSIONS, type World } from "./world";

/** The life of a tenant with two servers on a real engine. Each test goes on from where the one before it ended. */
const TENANT = "tiermoh";
const DUMP = "examples/hmis.sql";
const SHA256 = createHash("sha256")
  .update(readFileSync(path.join(ROOT, DUMP)))
  .digest("hex");

let world: World;
let stack: TenantStack;
let ports: { http: number; https: number };
beforeAll(async () => {
  world = await startWorld();
  await sweep(world.engine, TENANT);
  ports = { http: await freePort(), https: await freePort() };
  stack = await world.tenants.stack(TENANT, { plan: "premium", maxServers: 2 }, (spec) => {
    spec.target = {
      docker: {
        host: world.engine.host,
        published: { address: "127.0.0.1", ...ports },
        certificates: { private: {} },
        images: world.images,
      },
    };
    spec.backups = { copies: [] };
    spec.servers = [
      {
        name: "hmis",
        dhis2: VERSIONS[0],
        size: "small",
        hostname: "hmis.moh.test",
        import: { dump: DUMP, sha256: SHA256 },
      },
      { name: "training", dhis2: VERSIONS[0], size: "small", hostname: "training.moh.test" },
    ];
  });
});
afterAll(async () => {
  if (world && !process.env["KEEP"]) await sweep(world.engine, TENANT);
  await world?.end();
});

it("comes up", async () => {
  const result = await stack.run("up", "--yes", "--skip-preview");
  console.log(result.stdout.slice(-6000), result.stderr);
  expect(result.code).toBe(0);
});
