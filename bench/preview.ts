import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureToolchain, useToolchain } from "../tools/toolchain";
import { progressOn } from "../tools/toolchain/progress";
import { ROOT } from "../scripts/lib/checkout";
import { preparePlatform, prepareTenants } from "../scripts/lib/rehearsal";

/**
 * `npm run bench:preview -- [RUNS]`: previews of the example tenants, nothing of them made yet, against a preview of an
 * empty Pulumi program, in turn in one run. Prints minimum and median of each and their ratios (goal: 1.5 or less).
 */
const RUNS = Number(process.argv[2] ?? 9);
const TENANTS = ["moh-trial", "moh-premium", "moh-enterprise"];

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "bench-preview-"));
  try {
    useToolchain(await ensureToolchain(), { providers: "rehearsal", state: path.join(folder, "state") });
    await prepareTenants();
    await preparePlatform(() => undefined);

    const empty = path.join(folder, "empty");
    execFileSync("mkdir", [empty]);
    writeFileSync(
      path.join(empty, "Pulumi.yaml"),
      "name: empty\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    writeFileSync(path.join(empty, "package.json"), JSON.stringify({ name: "empty", main: "index.js" }));
    writeFileSync(path.join(empty, "index.js"), 'require("@pulumi/pulumi");\n');
    execFileSync("ln", ["-s", path.join(ROOT, "node_modules"), path.join(empty, "node_modules")]);
    execFileSync("pulumi", ["stack", "init", "empty"], { cwd: empty, stdio: "ignore" });

    const programs = [{ stack: "empty", cwd: empty }, ...TENANTS.map((stack) => ({ stack, cwd: ROOT }))];
    const seconds = new Map(programs.map(({ stack }) => [stack, [] as number[]]));
    const progress = progressOn();
    // The first of each fills caches and does not count.
    for (let run = 0; run <= RUNS; run++) {
      for (const { stack, cwd } of programs) {
        progress.step("previewing", run, RUNS);
        const started = process.hrtime.bigint();
        execFileSync("pulumi", ["preview", "--non-interactive", "-s", stack], { cwd, stdio: "ignore" });
        if (run > 0) seconds.get(stack)?.push(Number(process.hrtime.bigint() - started) / 1e9);
      }
    }
    progress.clear();
    console.log("                minimum          median");
    const [least, middle] = [Math.min, median].map((of) => of(...(seconds.get("empty") ?? [])));
    for (const [stack, list] of seconds) {
      const figures = [
        [Math.min(...list), least],
        [median(...list), middle],
      ].map(([value = NaN, base = NaN]) => `${value.toFixed(2)} s  ${(value / base).toFixed(2)}×`.padEnd(17));
      console.log(`${stack.padEnd(15)} ${figures.join("")}`.trimEnd());
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function median(...values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
