import { afterAll, beforeAll, expect, it } from "vitest";
import { NO_DOCKER, TestTenants, type TenantStack } from "./tenants";

/** A tenant on Docker with the rehearsal's provider: no engine is there, and none is asked. */
let tenants: TestTenants;
let stack: TenantStack;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: false, env: { DOCKER_HOST: NO_DOCKER } });
  stack = await tenants.stack("moh", { plan: "trial", maxServers: 1 }, (spec) => {
    spec.target = { docker: { host: NO_DOCKER, certificates: { private: {} } } };
    spec.backups = { locations: [] };
  });
});
afterAll(() => tenants?.remove());

it("is previewed, comes up with nothing in plain, does not change, keeps what earlier versions made, and goes without a trace", async () => {
  expect((await stack.checked("preview")).code).toBe(0);
  const up = await stack.checked("up");
  expect(up.stdout).toContain("rehearsal: preparation of hmis's database is only simulated, nothing was run");
  const file = stack.stateFile();
  for (const secret of await stack.secrets()) expect(file + up.stdout).not.toContain(secret);
  await stack.succeed("up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes");
  const former = stack.put("former.json", await beforeComponents());
  await stack.succeed("stack", "import", "--file", `tenants/moh/${former}`);
  const { stdout } = await stack.succeed("up", "--yes", "--skip-preview");
  expect(stdout).toMatch(/\+ 2 created/);
  expect(stdout).not.toMatch(/replaced|deleted/);
  await stack.succeed("destroy", "--yes", "--skip-preview");
  expect((await stack.state()).resources).toEqual([]);
});

/** The state as versions had it that made the gateway and monitoring without components: right below the tenant. */
async function beforeComponents(): Promise<string> {
  const { stdout } = await stack.succeed("stack", "export");
  const component =
    /"(urn:[^"]*::dhistance:index:Tenant)\$dhistance:index:(Gateway|Monitoring)::moh-[a-z]+"/g;
  const former = stdout
    .replace(component, (_, tenant: string) => `"${tenant}::moh"`)
    .replace(/\$dhistance:index:(Gateway|Monitoring)\$/g, "$");
  const state = JSON.parse(former) as { deployment: { resources: { urn: string; type: string }[] } };
  const { deployment } = state;
  deployment.resources = deployment.resources.filter(({ type }) => !/:(Gateway|Monitoring)$/.test(type));
  return JSON.stringify(state);
}
