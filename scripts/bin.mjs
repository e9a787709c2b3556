#!/usr/bin/env node
// What npm installs as `dhistance`. TypeScript runs as it is, by tsx (docs/adr/0001-typescript-at-run-time.md).
import { createRequire } from "node:module";
import { register as registerRequire } from "tsx/cjs/api";
import { register as registerImport } from "tsx/esm/api";

registerRequire();
registerImport();
const { run } = createRequire(import.meta.url)("./dhistance.ts");
process.exitCode = await run(process.argv.slice(2));
