// `require("…/tools/toolchain/program.cjs")(require.resolve("./program.ts"))`: a Pulumi program in TypeScript, loaded from one
// file with the machine code that V8 made of it at an earlier run. From its hundreds of files, most of them packages',
// it loads four times as slowly, and a preview waits for that. The file is made again when anything in it has changed;
// where none can be made, the program is loaded from its files. Programs that need not be quick use `typescript.cjs`.
const { mapped } = require("./typescript.cjs");
const { createHash } = require("node:crypto");
const { execFileSync } = require("node:child_process");
const { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } = require("node:fs");
const { createRequire, isBuiltin } = require("node:module");
const path = require("node:path");
const vm = require("node:vm");
const sourceMaps = require("source-map-support");

const ROOT = path.resolve(__dirname, "../..");
const CACHE = path.join(ROOT, "node_modules/.cache/programs");
/** What a program always loads, of packages. What it loads only at times, or shares with Pulumi, stays where it is. */
const BUNDLED = /^(@pulumi\/(aws|docker|random|tls)|jose|zod)(\/|$)/;
/** What else decides about the file: what is installed, how it is made, and the V8 whose machine code is kept. */
const SURROUNDINGS = [path.join(ROOT, "node_modules/.package-lock.json"), __filename];

module.exports = function load(/** @type {string} */ entry) {
  if (!mapped) return require(entry); // the loader is switched off
  const { file, source } = current(entry) ?? made(entry) ?? {};
  if (!file) return require(entry);
  // Beside its entry, for that is where its packages are looked for, and a frame there is taken for one of ours.
  const filename = path.join(path.dirname(entry), `${path.basename(entry, ".ts")}.bundle.js`);
  const mapOf = (of) =>
    of === filename ? { url: filename, map: readFileSync(`${file}.map`, "utf8") } : null;
  sourceMaps.install({ retrieveSourceMap: mapOf });
  keepFrames(`${file}.frames`, filename);
  const code = attempt(() => readFileSync(`${file}.code`));
  const script = new vm.Script(source, { filename, ...(code && { cachedData: code }) });
  // At the end, for then V8 has compiled what a run needs.
  if (!code || script.cachedDataRejected) {
    process.once("exit", () => attempt(() => writeWhole(`${file}.code`, script.createCachedData())));
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(entry), module, filename, path.dirname(entry));
  return module.exports;
};

module.exports.folderOf = folderOf;

/** Where its frames are in the TypeScript, from earlier runs: to read a source map takes longer than all they are for. */
function keepFrames(kept, filename) {
  for (const [place, of] of attempt(() => JSON.parse(readFileSync(kept, "utf8"))) ?? [])
    mapped.set(place, of);
  const before = mapped.size;
  process.once("exit", () => {
    if (mapped.size === before) return;
    const ours = [...mapped].filter(([place]) => place.includes(filename));
    attempt(() => writeWhole(kept, JSON.stringify(ours)));
  });
}

/** The bundle, if there is one and it is still what its sources say. */
function current(entry) {
  return attempt(() => {
    const { file, inputs } = JSON.parse(readFileSync(path.join(folderOf(entry), "current.json"), "utf8"));
    if (inputs.some(([input, hash]) => hashOf(readFileSync(input)) !== hash)) return undefined;
    return { file, source: readFileSync(file, "latin1") };
  });
}

/** Made by a process of its own: plugins of the compiler run at the same time as it, which `require` cannot wait for. */
function made(entry) {
  attempt(() => execFileSync(process.execPath, [__filename, entry], { stdio: "ignore", timeout: 60_000 }));
  return current(entry);
}

async function make(entry) {
  const { build } = require("esbuild");
  const result = await build({
    entryPoints: [entry],
    outfile: "bundle.js",
    write: false,
    bundle: true,
    metafile: true,
    minifySyntax: true,
    minifyWhitespace: true,
    platform: "node",
    target: `node${process.versions.node}`,
    supported: { "dynamic-import": false },
    sourcemap: "external",
    sourcesContent: false,
    // One expression, which is compiled with its machine code and called.
    banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
    footer: { js: "})" },
    logLevel: "silent",
    plugins: [packagesAsTheyAre, ownFolders],
  });
  const folder = folderOf(entry);
  const [map, code] = result.outputFiles;
  const file = path.join(folder, `${hashOf(code.contents)}.js`);
  const sources = Object.keys(result.metafile.inputs).map((input) => path.resolve(input));
  const inputs = [...sources.filter(isOurs), ...SURROUNDINGS].map((input) => [
    input,
    hashOf(readFileSync(input)),
  ]);
  const lines = ofOurs(map.text);
  mkdirSync(folder, { recursive: true });
  writeWhole(file, code.contents);
  writeWhole(`${file}.map`, lines);
  writeWhole(path.join(folder, "current.json"), JSON.stringify({ file, inputs }));
  for (const name of readdirSync(folder)) {
    if (name !== "current.json" && !name.startsWith(path.basename(file))) rmSync(path.join(folder, name));
  }
}

/** Packages that are not bundled are those that the program's own `require` would find from where they are asked for. */
const packagesAsTheyAre = {
  name: "packages as they are",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path: id, importer, kind }) => {
      if (kind === "entry-point" || BUNDLED.test(id)) return undefined;
      return { path: isBuiltin(id) ? id : createRequire(importer).resolve(id), external: true };
    });
  },
};

/** A file of ours that asks for its folder gets its own, not the bundle's. On its first line, so that lines stay. */
const ownFolders = {
  name: "own folders",
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
      const source = readFileSync(file, "utf8");
      if (!isOurs(file) || !source.includes("__dirname")) return undefined;
      return {
        contents: `const __dirname = ${JSON.stringify(path.dirname(file))};${source}`,
        loader: "ts",
      };
    });
  },
};

/** The lines of ours alone, by full paths: with those of packages it is ten times as long, and each run reads it. */
function ofOurs(text) {
  const { SourceMapConsumer, SourceMapGenerator } = createRequire(require.resolve("source-map-support"))(
    "source-map",
  );
  const generator = new SourceMapGenerator();
  new SourceMapConsumer(JSON.parse(text)).eachMapping((mapping) => {
    const { source, name, generatedLine, generatedColumn, originalLine, originalColumn } = mapping;
    if (originalLine === null || !isOurs(path.resolve(source))) return;
    generator.addMapping({
      source: path.resolve(source),
      name,
      generated: { line: generatedLine, column: generatedColumn },
      original: { line: originalLine, column: originalColumn },
    });
  });
  return generator.toString();
}

function isOurs(file) {
  return !file.includes("/node_modules/");
}

/** A checkout that was moved, and another Node, have another. */
function folderOf(entry) {
  return path.join(CACHE, hashOf(`${entry}\n${process.version} ${process.arch}`));
}

function hashOf(content) {
  return createHash("sha1").update(content).digest("hex");
}

function writeWhole(file, content) {
  writeFileSync(`${file}.${process.pid}`, content);
  renameSync(`${file}.${process.pid}`, file);
}

/** What is only for speed never fails a run. */
function attempt(work) {
  try {
    return work();
  } catch {
    return undefined;
  }
}

if (require.main === module) {
  make(process.argv[2]).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}
