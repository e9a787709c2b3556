import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { EACH_TARGET, NO_DOCKER, TestTenants, type Draft, type TenantStack } from "./tenants";

/**
 * What DHIS2 has encrypted can be read under one password only: it stays with a server's data, whatever becomes of the
 * import block that brought it.
 */
const SECRET = "of-the-system-the-dump-came-from";
const SERVER = { plan: "premium", maxServers: 2 } as const;

let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true, env: { DOCKER_HOST: NO_DOCKER } });
});
afterAll(() => tenants?.remove());

/** @param put puts a file into the tenant's folder and returns its path there */
function dump(
  put: (file: string, content: string) => string,
  text: string,
): { dump: string; sha256: string } {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return { dump: put(`${sha256}.sql`, text), sha256 };
}

describe.each(EACH_TARGET)("the encryption.password of a server on %s", (target, place) => {
  let stack: TenantStack;
  let whole: string;
  beforeAll(async () => {
    stack = await tenants.stack(`moh-${target.toLowerCase()}`, SERVER, (spec, put) => {
      place(spec);
      spec.servers[0].import = dump(put, "SELECT 1;\n");
    });
    await stack.succeed(
      ...["config", "set", "--secret", "--path"],
      ...["dhistance:tenant.servers[0].import.encryptionPassword", SECRET],
    );
    whole = readFileSync(file(), "utf8");
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await password()).toBe(SECRET);
  });

  const put = (name: string, content: string) => stack.put(name, content);
  const file = () => path.join(stack.cwd, `Pulumi.${stack.name}.yaml`);

  /** Changes the server in the stack file, whose secret stays in it encrypted. */
  function server(change: (server: Draft) => void): void {
    const content = parse(whole) as { config: { "dhistance:tenant": { servers: [Draft] } } };
    change(content.config["dhistance:tenant"].servers[0]);
    stack.write(JSON.stringify(content));
  }

  /** What DHIS2 is started with. */
  async function password(): Promise<string | undefined> {
    const { stdout } = await stack.succeed("stack", "export", "--show-secrets");
    return /encryption\.password = (\S+?)(?:\\+n|\\*")/.exec(stdout)?.[1];
  }

  it.each<[string, (server: Draft) => void, RegExp]>([
    ["import is taken out", (s) => delete s.import, /Put import back as it was \(sha256 [0-9a-f]{64}/],
    [
      "encryptionPassword is taken out",
      (s) => delete s.import.encryptionPassword,
      /Put the previous import\.encryptionPassword back\./,
    ],
    [
      "encryptionPassword is taken out, for a reimport of what is there already",
      (s) => {
        delete s.import.encryptionPassword;
        s.import.reimport = true;
      },
      /Put the previous import\.encryptionPassword back\./,
    ],
    [
      "another import is put in without its being meant",
      (s) => (s.import = dump(put, "SELECT 2;\n")),
      /holds the data of|set reimport: true/,
    ],
  ])("does not change when %s: the update is refused", async (_, change, message) => {
    server(change);
    for (const args of [["preview"], ["up", "--yes", "--skip-preview"]]) {
      const { code, stdout, stderr } = await stack.run(...args);
      expect(code, stdout).not.toBe(0);
      expect((stdout + stderr).replace(/\s+/g, " ")).toMatch(message);
    }
    expect(await password()).toBe(SECRET);
  });

  it("is still there once the import is back, which is not run again", async () => {
    stack.write(whole);
    const { stdout } = await stack.succeed("up", "--yes", "--skip-preview");
    expect(stdout).not.toContain("import into hmis");
    expect(await password()).toBe(SECRET);
  });

  it("changes with the data that another import is meant to replace", async () => {
    server((s) => (s.import = { ...dump(put, "SELECT 2;\n"), reimport: true }));
    await stack.succeed("up", "--yes", "--skip-preview");
    const own = await password();
    expect(own).toMatch(/^[A-Za-z0-9]{40}$/);

    // That one is the server's own, and stays without an import.
    server((s) => delete s.import);
    await stack.succeed("up", "--yes", "--skip-preview");
    expect(await password()).toBe(own);
  });
});
