import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestTenants, type TenantStack } from "./tenants";

/** `import` in the spec, on the real engine: what is asked of it before anything runs, and when it runs again. */
let tenants: TestTenants;
let folder: string;
let stack: TenantStack;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "dumps-"));
  tenants = await TestTenants.start({ platform: true });
  stack = await tenants.stack("moh-import", { maxServers: 1, plan: "trial" }, (spec) => {
    spec.servers[0].import = { dump: dump("first.sql", "SELECT 1;\n"), sha256: sum("SELECT 1;\n") };
  });
});
afterAll(() => {
  tenants.remove();
  rmSync(folder, { recursive: true });
});

function dump(name: string, text: string): string {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
}
function sum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
/** What a record in the state says about the import. */
async function imported(): Promise<unknown> {
  const { resources } = await stack.state();
  return resources.find(({ urn }) => urn.endsWith("::moh-import-hmis-import-imported"))?.inputs?.["input"];
}

describe("an import", () => {
  it("of a file with another sum is refused in the preview", async () => {
    stack.change((spec) => (spec.servers[0].import.sha256 = "0".repeat(64)));
    const { code, stdout, stderr } = await stack.run("preview");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(new RegExp(`first\\.sql has sha256 ${sum("SELECT 1;\n")}, not 0{64}`));
  });

  it("runs once the database is ready, and the application starts after it", async () => {
    stack.change((spec) => (spec.servers[0].import.sha256 = sum("SELECT 1;\n")));
    const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview");
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).toMatch(/rehearsal: import into hmis is only simulated/);
    expect(await imported()).toMatchObject({ sha256: sum("SELECT 1;\n"), sanitised: false });

    const { resources } = await stack.state();
    const order = resources.map(({ urn }) => urn.split("::").at(-1));
    const at = (name: string) => order.indexOf(`moh-import-hmis-${name}`);
    expect(at("prepared")).toBeGreaterThan(0);
    expect(at("import-imported")).toBeGreaterThan(at("prepared"));
    const service = resources.findIndex(({ type }) => type === "aws:ecs/service:Service");
    expect(service).toBeGreaterThan(at("import-imported"));
  });

  it("of the same dump again is no work", async () => {
    const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(code, stdout + stderr).toBe(0);
  });

  it("of another dump is refused with an explanation, in the preview already, and nothing changes", async () => {
    stack.change((spec) => {
      spec.servers[0].import = { dump: dump("second.sql", "SELECT 2;\n"), sha256: sum("SELECT 2;\n") };
    });
    for (const command of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await stack.run(...command);
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(
        /server "hmis" holds the data of .*first\.sql[\s\S]*would replace everything entered since[\s\S]*set reimport: true/,
      );
    }
    expect(await imported()).toMatchObject({ sha256: sum("SELECT 1;\n") });
  });

  it("of another dump that is meant runs again", async () => {
    stack.change((spec) => (spec.servers[0].import.reimport = true));
    const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview");
    expect(code, stdout + stderr).toBe(0);
    expect(await imported()).toMatchObject({ sha256: sum("SELECT 2;\n") });
  });
});
