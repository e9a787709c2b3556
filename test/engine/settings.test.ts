import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { EACH_TARGET, NO_DOCKER, TestTenants, type Draft, type TenantStack } from "./tenants";

/** A server's own settings on the real engine: from the stack file, where passwords are encrypted, to dhis.conf. */
const SECRET = "of-the-directory-of-the-ministry";

let tenants: TestTenants;
beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true, env: { DOCKER_HOST: NO_DOCKER } });
});
afterAll(() => tenants?.remove());

describe.each(EACH_TARGET)("the settings of a server on %s", (target, place) => {
  let stack: TenantStack;
  beforeAll(async () => {
    const bought = { plan: "premium", maxServers: 2 } as const;
    stack = await tenants.stack(`moh-${target.toLowerCase()}`, bought, (spec) => {
      place(spec);
      spec.timeZone = "Africa/Maputo";
      spec.servers[0].dhis2 = "42.5.2";
      spec.servers[0].settings = {
        "changelog.tracker": false,
        "ldap.url": "ldaps://directory.moh.example.org",
        "ldap.manager.dn": "cn=dhis2",
      };
    });
    await stack.succeed(
      ...["config", "set", "--secret", "--path"],
      ...['dhistance:tenant.servers[0].settings["ldap.manager.password"]', SECRET],
    );
  });

  it("reach DHIS2, with passwords that nobody else reads", async () => {
    const { stdout, stderr } = await stack.succeed("up", "--yes", "--skip-preview");
    const plain = await stack.succeed("stack", "export");
    const open = await stack.succeed("stack", "export", "--show-secrets");
    expect(open.stdout).toContain("changelog.tracker = off");
    expect(open.stdout).toContain("-Duser.timezone=Africa/Maputo");
    expect(open.stdout).toContain(`ldap.manager.password = ${SECRET}`);
    expect(stdout + stderr + plain.stdout).not.toContain(SECRET);
  });

  it("are refused where the next major does not have them", async () => {
    const file = path.join(stack.cwd, `Pulumi.${stack.name}.yaml`);
    const content = parse(readFileSync(file, "utf8")) as {
      config: { "dhistance:tenant": { servers: [Draft] } };
    };
    content.config["dhistance:tenant"].servers[0].dhis2 = "43.1.0";
    stack.write(JSON.stringify(content));
    const { code, stdout, stderr } = await stack.run("preview");
    expect(code).not.toBe(0);
    expect((stdout + stderr).replace(/\s+/g, " ")).toContain(
      'servers[0].settings["changelog.tracker"]: DHIS2 43 does not have this key',
    );
  });
});
