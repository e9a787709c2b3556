import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../scripts/lib/preview/report";
import { Customers, serverOf } from "./customers";
import { toolchain } from "./pulumi";
import { ROOT } from "./tenants";

/** `dhistance preview --changed-since`: what a reviewer of changed stack files is shown, by the real engine. */

let customers: Customers;

beforeAll(async () => {
  await toolchain();
  customers = await Customers.of(["moh-drop", "moh-grow", "moh-many", "moh-gone", "moh-same"]);
  customers.write("moh-drop", "moh-grow", "moh-gone", "moh-same");
  customers.commit("as it is");
  customers.git("checkout", "-qb", "change");
});
afterAll(() => {
  customers.remove();
});

function preview(...args: string[]) {
  const env = { ...process.env, DHISTANCE_ISSUERS: customers.issuers };
  const command = [path.join(ROOT, "scripts/bin.mjs"), "preview", "--from", customers.folder, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { env, encoding: "utf8" });
  return { code: status, stdout, stderr };
}

describe("a pull request that changes stack files", () => {
  let report: Report;
  let code: number | null;
  beforeAll(() => {
    const { specs } = customers;
    specs["moh-drop"].servers.pop();
    specs["moh-grow"].servers[0].size = "medium";
    specs["moh-many"].servers.push(serverOf("archive", "moh-many"));
    customers.write("moh-drop", "moh-grow", "moh-many");
    customers.git("rm", "-q", "tenants/Pulumi.moh-gone.yaml");
    customers.commit("a change");
    const ran = preview("--changed-since", "main", "--json");
    code = ran.code;
    report = JSON.parse(ran.stdout || `{"failed":${JSON.stringify(ran.stderr)}}`) as Report;
  });
  const of = (tenant: string) => report.tenants.find((each) => each.tenant === tenant);

  it("P32: names the tenants that changed, and leaves no trace in the checkout", () => {
    expect(report.tenants.map(({ tenant }) => tenant)).toEqual([
      "moh-drop",
      "moh-gone",
      "moh-grow",
      "moh-many",
    ]);
    expect(customers.git("status", "--short")).toBe("");
  });

  it("P31: refuses the removal of a server, because the base is brought up first", () => {
    expect(of("moh-drop")).toMatchObject({
      outcome: "refused",
      refusals: [expect.stringMatching(/^server "training" is no longer in the stack file.*retire: true/)],
    });
  });

  it("P35: says why a tenant is refused, and shows neither contacts nor entitlement", () => {
    expect(of("moh-many")).toMatchObject({
      outcome: "refused",
      refusals: [expect.stringMatching(/^servers: tenant "moh-many" has 3 servers/)],
      notes: ["The tenant is new."],
    });
    expect(JSON.stringify(report)).not.toMatch(/finance@moh|eyJ/);
  });

  it("P36: has a summary of each server, and what it takes before and after", () => {
    const grown = of("moh-grow");
    expect(grown).toMatchObject({ outcome: "changed", refusals: [], amount: { unit: "GiB of memory" } });
    expect(grown?.amount?.after).toBeGreaterThan(grown?.amount?.before ?? Infinity);
    expect(grown?.parts.map(({ server }) => server)).toContain("hmis");
    expect(grown?.parts.map(({ server }) => server)).not.toContain("training");
  });

  it("says that a removed stack file deletes nothing", () => {
    expect(of("moh-gone")).toMatchObject({
      outcome: "changed",
      notes: [expect.stringMatching(/is removed/)],
    });
  });

  it("P33: ends with the exit code of the worst", () => {
    expect([code, report.exitCode, report.outcome]).toEqual([8, 8, "refused"]);
  });
});

it("P33: ends with 7 for changes, 0 for none, and 2 for what is not possible", () => {
  const changed = preview("moh-grow", "--changed-since", "main", "--markdown");
  expect(changed.code, changed.stderr).toBe(7);
  expect(changed.stdout).toMatch(/^<!-- dhistance preview -->\n## Preview: changes\n/);
  expect(changed.stdout).toMatch(/\| moh-grow \| ✅ changes \| .* \| \d+ → \d+ GiB of memory \|/);
  const same = preview("moh-same", "--changed-since", "main");
  expect([same.code, same.stdout.trim().split("\n")[0]]).toEqual([0, "moh-same: no change"]);
  const none = preview("--changed-since", "HEAD");
  expect(none).toMatchObject({ code: 0, stdout: expect.stringMatching(/^No tenant has changed since HEAD/) });
  expect(preview("--changed-since", "nowhere")).toMatchObject({ code: 2, stdout: "" });
  expect(preview("moh-none", "--changed-since", "main")).toMatchObject({ code: 2, stdout: "" });
});

it("refuses a stack file that is a link, under a name that the engine could take for an option", () => {
  customers.git("checkout", "-qb", "hostile");
  symlinkSync("/etc/passwd", path.join(customers.folder, "tenants/Pulumi.moh-link.yaml"));
  customers.put("tenants/Pulumi.--cwd.yaml", "config: {}\n");
  const { code, stdout } = preview("--changed-since", "change", "--json");
  expect(code).toBe(8);
  expect((JSON.parse(stdout) as Report).tenants).toMatchObject([
    { tenant: "--cwd", refusals: [expect.stringMatching(/"--cwd" is not a tenant's id/)] },
    { tenant: "moh-link", refusals: [expect.stringMatching(/is not read; allowed: a regular file/)] },
  ]);
});
