import { afterAll, beforeAll, expect, it } from "vitest";
import { TestTenants, type TenantStack } from "./tenants";

/** A tenant on Docker with the rehearsal's provider: no engine is there, and none is asked. */
let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: false, env: { DOCKER_HOST: "unix:///nowhere.sock" } });
  stack = await tenants.stack("moh", { plan: "trial", maxServers: 1 }, (spec) => {
    spec.target = { docker: { host: "unix:///nowhere.sock", certificates: { private: {} } } };
    spec.backups = { locations: [] };
  });
});
afterAll(() => tenants?.remove());

it("is previewed, comes up with nothing in plain, does not change, and goes without a trace", async () => {
  expect((await stack.checked("preview")).code).toBe(0);
  const up = await stack.checked("up");
  expect(up.stdout).toContain("rehearsal: preparation of hmis's database is only simulated, nothing was run");
  const file = stack.stateFile();
  for (const secret of await stack.secrets()) expect(file + up.stdout).not.toContain(secret);
  await stack.succeed("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
  await stack.succeed("destroy", "--yes", "--skip-preview");
  expect((await stack.state()).resources).toEqual([]);
});
