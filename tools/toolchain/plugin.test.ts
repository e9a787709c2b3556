import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";

/** What it does without a fault is shown under the real engine (`test/engine/toolchain.test.ts`). */
it("says why the providers did not start", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "plugin-"));
  try {
    const script = readFileSync(path.join(__dirname, "plugin.sh"), "utf8");
    const plugin = path.join(folder, "pulumi-resource-aws");
    writeFileSync(plugin, script.replaceAll("NAME", "aws").replace("PROVIDERS", "providers"), {
      mode: 0o755,
    });
    writeFileSync(path.join(folder, "providers"), "#!/bin/sh\necho disk is full >&2; exit 1\n", {
      mode: 0o755,
    });
    const { status, stdout, stderr } = spawnSync(plugin, ["127.0.0.1:4242"], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: "",
      stderr: "aws: the rehearsal's providers did not start: disk is full\n",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
