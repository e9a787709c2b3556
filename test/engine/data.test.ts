import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { State } from "./pulumi";
import { TestTenants, type TenantStack } from "./tenants";

/** Data are not replaced by a slip: whatever would make a database or a file store again is refused, and nothing done. */
const DATA = /^aws:(rds\/instance:Instance|efs\/fileSystem:FileSystem|kms\/key:Key)$/;

let tenants: TestTenants;
let stack: TenantStack;
let before: State["resources"];
const key = ({ urn, id = "" }: State["resources"][number]) => `${urn} ${id}`;

beforeAll(async () => {
  tenants = await TestTenants.start({ platform: true });
  await tenants.platform("zz-rehearsal-1", (file) => file.replaceAll("eu-west-1", "zz-rehearsal-1"));
  stack = await tenants.stack("moh-stays", { plan: "premium", maxServers: 2 });
  await stack.succeed("up", "--yes", "--skip-preview");
  before = (await stack.state()).resources;
});
afterAll(() => {
  tenants.remove();
});

describe("another region in the stack file", () => {
  it.each([["preview"], ["up", "--yes", "--skip-preview"]])(
    "is refused by %s, with the way",
    async (...args) => {
      stack.change((spec) => (spec.target.aws.region = "zz-rehearsal-1"));
      const { code, stdout, stderr } = await stack.run(...args);
      stack.change((spec) => (spec.target.aws.region = "eu-west-1"));
      expect(code).not.toBe(0);
      expect(stdout + stderr).toMatch(
        /target\.aws\.region: "zz-rehearsal-1"; the tenant's data are in eu-west-1.*To move on purpose: .*retire: true.*pulumi destroy/,
      );
      expect(stdout + stderr).not.toMatch(/\n\s+at |node:internal|could not be asked/);
      expect((await stack.state()).resources.map(key).sort()).toEqual(before.map(key).sort());
    },
  );
});

describe("a replacement that is asked for by name", () => {
  it.each(["database", "files"])("is refused for the %s, which stays", async (what) => {
    const data = before.find(({ urn }) => urn.endsWith(`::moh-stays-hmis-${what}`));
    expect(data?.type).toMatch(DATA);
    const { code, stdout, stderr } = await stack.run(
      "up",
      "--yes",
      "--skip-preview",
      "--replace",
      data?.urn ?? "",
    );
    expect(code).not.toBe(0);
    expect(stdout + stderr).toMatch(
      new RegExp(`unable to replace resource ".*-${what}"\\s+as it is currently marked`),
    );
    const now = (await stack.state()).resources.filter(({ type }) => DATA.test(type));
    expect(now.map(key).sort()).toEqual(
      before
        .filter(({ type }) => DATA.test(type))
        .map(key)
        .sort(),
    );
  });

  it("is done once the server has retired", async () => {
    stack.change((spec) => (spec.servers[0].retire = true));
    await stack.succeed("up", "--yes", "--skip-preview");
    const data = before.find(({ urn }) => urn.endsWith("::moh-stays-hmis-files"));
    await stack.succeed("up", "--yes", "--skip-preview", "--target-replace", data?.urn ?? "");
    const now = (await stack.state()).resources.find(({ urn }) => urn === data?.urn);
    expect(now?.id).not.toBe(data?.id);
  });
});
