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
  stack = await tenants.stack("moh-import", { maxServers: 1, plan: "trial" }, (spec, put) => {
    spec.servers[0].import = { dump: put("first.sql", "SELECT 1;\n"), sha256: sum("SELECT 1;\n") };
  });
});
afterAll(() => {
  tenants.remove();
  rmSync(folder, { recursive: true });
});

function sum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
const SECRET = "SELECT 'of another tenant';\n";
/** What a record in the state says about the import. */
async function imported(): Promise<unknown> {
  const { resources } = await stack.state();
  return resources.find(({ urn }) => urn.endsWith("::moh-import-hmis-import-imported"))?.inputs?.["input"];
}

describe("an import", () => {
  it("of a file with another sum is refused in the preview, which does not tell the sum that the file has", async () => {
    stack.change((spec) => (spec.servers[0].import.sha256 = "0".repeat(64)));
    const { code, stdout, stderr } = await stack.run("preview");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(/first\.sql does not have the sha256 0{64} that the spec says/);
    expect(stdout + stderr).not.toContain(sum("SELECT 1;\n"));
  });

  it("does not read a file of the machine that is not the tenant's, nor tell whether there is one", async () => {
    const refused = async (dump: string) => {
      stack.change((spec) => Object.assign(spec.servers[0].import, { dump, sha256: sum(SECRET) }));
      const { code, stdout, stderr } = await stack.run("preview");
      expect(code).not.toBe(0);
      const [line] = /servers\[0\]\.import\.dump: .*/.exec(stdout + stderr) ?? [];
      return line?.replace(JSON.stringify(dump), "…");
    };
    const there = path.join(folder, "of-another-tenant.sql");
    writeFileSync(there, SECRET);
    const said = await refused(there);
    expect(said).toMatch(
      /is not a file in tenants\/moh-import\/; allowed: a path below tenants\/moh-import\//,
    );
    expect(await refused(path.join(folder, "that-is-not-there.sql"))).toBe(said);
    expect(await refused(path.relative(path.join(stack.cwd, "tenants/moh-import"), there))).toBe(said);
    expect(await refused("s3://dumps-of-another-tenant/hmis.sql")).toMatch(
      /not allowed by the operator; allowed: none \(DHISTANCE_DUMPS, in the environment of pulumi\)/,
    );
    stack.change((spec) => Object.assign(spec.servers[0].import, { dump: "first.sql" }));
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

  it("of the same dump does nothing", async () => {
    const { code, stdout, stderr } = await stack.run("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(code, stdout + stderr).toBe(0);
  });

  it("of another dump is refused with an explanation, in the preview already, and nothing changes", async () => {
    stack.change((spec) => {
      spec.servers[0].import = { dump: stack.put("second.sql", "SELECT 2;\n"), sha256: sum("SELECT 2;\n") };
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
