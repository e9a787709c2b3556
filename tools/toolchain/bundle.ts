import { execFile } from "node:child_process";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { cached, contentHash } from "./cache";
import { hostBeside, type SourceContext } from "./engineSource";
import { ENGINE_VERSION } from "./pins";

/**
 * The programs of this project that the engine starts, each bundled into one file: read at once they start several
 * times as fast as from hundreds of files, and they need no `node_modules` where they stand.
 */

const ROOT = path.resolve(__dirname, "../..");
const HOST = path.join(__dirname, "mirror-only/language-host");
const REHEARSAL = path.join(ROOT, "tools/rehearsal");
/** What else decides about a bundle's content: the libraries, how it is made, and the V8 its code cache is for. */
const SURROUNDINGS = [
  "package-lock.json",
  "tools/toolchain/bundle.ts",
  "tools/toolchain/launcher.cjs",
  "tools/toolchain/plugin.sh",
  "tools/toolchain/pins.ts",
].map((file) => path.join(ROOT, file));

/** Only the engine's version is taken from it, which the folder's name has. */
const MANIFEST = path.join(ROOT, "package.json");

type Context = Pick<SourceContext, "cache" | "progress">;

/**
 * A folder with an engine that came without a language host and with ours beside it, where it looks for it.
 * @returns the path of its `pulumi`
 */
export async function withOwnHost(pulumi: string, { cache, progress }: Context): Promise<string> {
  const files = [...sources(HOST), ...SURROUNDINGS];
  const hash = contentHash([path.basename(path.dirname(pulumi)), process.version], files);
  const { folder } = await cached(cache, `tools-${ENGINE_VERSION}-${hash}`, {
    make: async (folder) => {
      progress.step("language host: bundling");
      const engine = path.join(folder, "pulumi");
      linkSync(pulumi, engine);
      await bundle(
        path.join(HOST, "main.ts"),
        files,
        path.join(folder, "language-host.js"),
        hostBeside(engine),
      );
    },
  });
  return path.join(folder, "pulumi");
}

/**
 * The rehearsal providers as a Pulumi home that has them for its plugins, so that the engine takes them for the
 * real ones at the version that the SDK asks for.
 * @returns that folder; nothing if this checkout has no rehearsal providers
 */
export async function rehearsalHome({ cache, progress }: Context): Promise<string | undefined> {
  const entry = path.join(REHEARSAL, "main.ts");
  if (!existsSync(entry)) return undefined;
  const plugins = rehearsed().map(({ name, version }) => ({
    name,
    file: `plugins/resource-${name}-v${version}/pulumi-resource-${name}`,
  }));
  const files = [...sources(REHEARSAL), ...SURROUNDINGS];
  const hash = contentHash([process.version, ...plugins.map(({ file }) => file)], files);
  const { folder } = await cached(cache, `rehearsal-${hash}`, {
    make: async (folder) => {
      progress.step("rehearsal providers: bundling");
      const providers = path.join(folder, "providers");
      await bundle(entry, files, `${providers}.js`, providers);
      const script = readFileSync(path.join(__dirname, "plugin.sh"), "utf8");
      for (const { name, file } of plugins) {
        const plugin = path.join(folder, file);
        const place = path.relative(path.dirname(plugin), providers);
        mkdirSync(path.dirname(plugin), { recursive: true });
        writeFileSync(plugin, script.replaceAll("NAME", name).replace("PROVIDERS", place), { mode: 0o755 });
      }
    },
  });
  return folder;
}

/** The providers that have a folder in `rehearsal/` and an SDK in `node_modules`, with the plugin version it wants. */
function rehearsed(): { name: string; version: string }[] {
  return readdirSync(REHEARSAL, { withFileTypes: true }).flatMap(({ name }) => {
    const manifest = path.join(ROOT, "node_modules/@pulumi", name, "package.json");
    if (!existsSync(manifest)) return [];
    const { version, pulumi } = JSON.parse(readFileSync(manifest, "utf8")) as {
      version: string;
      pulumi?: { version?: string };
    };
    return [{ name, version: (pulumi?.version ?? version).replace(/^v/, "") }];
  });
}

/** A folder's TypeScript, tests aside. */
function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/**
 * Makes one file of a program, and an executable that runs it.
 * @param files all that its content is made from, libraries aside
 * @throws Error when it imports anything else, or does not start
 */
export async function bundle(
  entry: string,
  files: readonly string[],
  output: string,
  executable: string,
): Promise<void> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: "node",
    target: "node20",
    // One expression, which the launcher compiles with its code cache and calls.
    banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
    footer: { js: "})" },
    metafile: true,
    logLevel: "silent",
  });
  const foreign = Object.keys(metafile.inputs)
    .map((input) => path.resolve(input))
    .filter((file) => !file.includes("/node_modules/") && ![...files, MANIFEST].includes(file));
  if (foreign.length > 0) {
    // A change there would not change the bundle's name, and an old one would be taken for the new.
    throw new Error(`${entry} imports ${foreign.join(", ")}, which is not among the files it is hashed by`);
  }
  const launcher = readFileSync(path.join(__dirname, "launcher.cjs"), "utf8");
  mkdirSync(path.dirname(executable), { recursive: true });
  const place = path.relative(path.dirname(executable), output);
  writeFileSync(executable, `#!/usr/bin/env node\n${launcher.replace('"BUNDLE"', JSON.stringify(place))}`, {
    mode: 0o755,
  });
  await writeCodeCache(executable);
}

/** Starts it once for that, which shows as well that it does start. */
async function writeCodeCache(executable: string): Promise<void> {
  const env = { ...process.env, DHISTANCE_WRITE_CODE_CACHE: "true" };
  await promisify(execFile)(process.execPath, [executable], { env, timeout: 60_000 });
}
