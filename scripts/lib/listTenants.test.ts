import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, expect, it } from "vitest";
import { listTenants } from "./listTenants";
import { Output } from "./output";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function listed(json: boolean, project?: string) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  listTenants(new Output(json, out, err), project);
  return { out: String(out.read() ?? ""), err: String(err.read() ?? "") };
}

it("lists the tenants with their targets and servers", () => {
  const { out, err } = listed(false);
  expect(out).toMatch(/^moh-docker +docker +\S/m);
  expect(out).toMatch(/^moh-premium +aws +hmis, training$/m);
  expect(err).toBe("");
});

it("prints one JSON object", () => {
  const { tenants } = JSON.parse(listed(true).out) as { tenants: object[] };
  expect(tenants).toContainEqual({ tenant: "moh-premium", target: "aws", servers: ["hmis", "training"] });
});

it("names a stack file that is not valid, and lists the others", () => {
  const project = mkdtempSync(path.join(tmpdir(), "tenants-"));
  folders.push(project);
  mkdirSync(path.join(project, "tenants"));
  writeFileSync(
    path.join(project, "Pulumi.yaml"),
    "name: dhistance\nruntime: nodejs\nstackConfigDir: tenants\n",
  );
  writeFileSync(path.join(project, "tenants", "Pulumi.broken.yaml"), "config:\n  dhistance:tenant: {}\n");
  const { out, err } = listed(false, project);
  expect(out).toMatch(/^broken +not valid$/m);
  expect(err).toContain("Pulumi.broken.yaml is not valid");
});
