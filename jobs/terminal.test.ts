import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** Runs a command line with a reader that has ended before it writes. */
function unread(...program: string[]): { code: number | null; stderr: string } {
  const script = 'set -o pipefail; "$@" | true';
  const { status, stderr } = spawnSync("bash", ["-c", script, "unread", ...program], { encoding: "utf8" });
  return { code: status, stderr };
}

describe("ends without a trace when nobody reads its output, as after | head", () => {
  it.each([
    ["a job", "prepare/cli.ts"],
    ["dhistance", "../scripts/dhistance.ts"],
  ])("%s", (_, file) => {
    const program = [process.execPath, "--import", "tsx", join(__dirname, file), "--help"];
    expect(unread(...program)).toEqual({ code: 0, stderr: "" });
  });
});
