import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureToolchain, useToolchain } from "../toolchain";
import { ROOT } from "../scripts/checkout";
import { preparePlatform, prepareTenants } from "../scripts/rehearsal";

/**
 * `npm run bench:preview`: a preview of the premium example tenant, nothing of it made yet, against a preview of an
 * empty Pulumi program, in turn in one run. Prints minimum and median of both, and their ratio (goal: 1.5 or less).
 */
const RUNS = Number(process.argv[2] ?? 9);
const TENANT = "moh-premium";

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

    const seconds = { empty: [] as number[], tenant: [] as number[] };
    const measure = (which: keyof typeof seconds, cwd: string, stack: string) => {
      const started = process.hrtime.bigint();
      execFileSync("pulumi", ["preview", "--non-interactive", "-s", stack], { cwd, stdio: "ignore" });
      seconds[which].push(Number(process.hrtime.bigint() - started) / 1e9);
    };
    // The first of each fills caches and does not count.
    for (let run = 0; run <= RUNS; run++) {
      measure("empty", empty, "empty");
      measure("tenant", ROOT, TENANT);
      process.stderr.write(`\r${run} of ${RUNS} `);
    }
    process.stderr.write("\r");
    for (const list of Object.values(seconds)) list.shift();
    const [least, middle] = [Math.min, median].map((of) => ({
      empty: of(...seconds.empty),
      tenant: of(...seconds.tenant),
    }));
    for (const [name, figures] of Object.entries({ minimum: least, median: middle })) {
      if (!figures) continue;
      const ratio = (figures.tenant / figures.empty).toFixed(2);
      console.log(
        `${name.padEnd(8)} empty ${figures.empty.toFixed(2)} s   tenant ${figures.tenant.toFixed(2)} s   ratio ${ratio}`,
      );
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
