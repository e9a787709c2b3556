/** Bundles the jobs' command lines into single files for the container image: `npm run bundle -w jobs`. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const out = join(__dirname, "dist");

async function bundle(): Promise<void> {
  await build({
    entryPoints: { import: join(__dirname, "import", "cli.ts") },
    outdir: out,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    minify: true,
    legalComments: "linked",
    banner: { js: "#!/usr/bin/env node" },
    // Native bindings pg can do without.
    external: ["pg-native"],
    logLevel: "warning",
  });
  // The parser looks for it beside the file it runs in.
  await copyFile(require.resolve("libpg-query/wasm/libpg-query.wasm"), join(out, "libpg-query.wasm"));
}

void bundle();
