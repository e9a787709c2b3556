/** Bundles the jobs' command lines into single files for the container image: `npm run bundle -w jobs`. */
import { existsSync, readdirSync } from "node:fs";
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** Of Node.js. */
const OPTIONS = [
  // Debian's calls Ed25519 an experiment; it would say so in the middle of what people read.
  "--disable-warning=ExperimentalWarning",
  // The processors are PostgreSQL's meanwhile: a job leaves little garbage, and helpers to take it out took as much of
  // them as the whole rest of an import.
  "--single-threaded-gc",
];

const commandLine = (job: string) => join(__dirname, job, "cli.ts");

/** What runs in PostgreSQL's image, where pgBackRest is. */
export const IN_POSTGRES = ["pitr"];

/** Everything of the image of jobs: `import/cli.ts` becomes `import.cjs` in `directory`, and so on. */
export async function bundle(directory: string): Promise<void> {
  const all = readdirSync(__dirname).filter((job) => existsSync(commandLine(job)));
  await bundleJobs(
    directory,
    all.filter((job) => !IN_POSTGRES.includes(job)),
  );
  // The parser looks for it beside the file it runs in.
  await copyFile(require.resolve("libpg-query/wasm/libpg-query.wasm"), join(directory, "libpg-query.wasm"));
  await copyFile(join(__dirname, "../images/jobs/start"), join(directory, "start"));
}

/** The jobs of PostgreSQL's image. */
export function bundleForPostgres(directory: string): Promise<void> {
  return bundleJobs(directory, IN_POSTGRES);
}

async function bundleJobs(directory: string, jobs: string[]): Promise<void> {
  await build({
    entryPoints: Object.fromEntries(jobs.map((job) => [job, commandLine(job)])),
    outdir: directory,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    minify: true,
    legalComments: "linked",
    banner: { js: `#!/usr/bin/env -S node ${OPTIONS.join(" ")}` },
    // Native bindings pg can do without.
    external: ["pg-native"],
    logLevel: "warning",
  });
  await Promise.all(jobs.map((job) => chmod(join(directory, `${job}.cjs`), 0o755)));
}

if (require.main === module) void bundle(join(__dirname, "dist"));
