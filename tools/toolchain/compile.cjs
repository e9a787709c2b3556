// What `typescript.cjs` loads unless it is switched off: compiles TypeScript with esbuild as it is required, and takes
// out of Pulumi's SDK what makes a preview slow.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const sourceMaps = require("source-map-support");

const CACHE = path.resolve(__dirname, "../../node_modules/.cache/typescript");
const OPTIONS = {
  loader: "ts",
  format: "cjs",
  platform: "node",
  target: `node${process.versions.node}`,
  supported: { "dynamic-import": false }, // an import() of TypeScript has to come through here too
  sourcemap: "inline",
};

// Keeps what is compiled, with the source map at its end.
sourceMaps.install({ environment: "node", hookRequire: true });

require.extensions[".ts"] = (module, file) => module._compile(javascript(file), file);

/** Kept by content, for starting the compiler takes longer than all of its work. */
function javascript(file) {
  const source = readFileSync(file, "utf8");
  const key = createHash("sha256")
    .update(JSON.stringify([OPTIONS, file, source]))
    .digest("hex");
  const kept = path.join(CACHE, `${key}.js`);
  try {
    return readFileSync(kept, "utf8");
  } catch {
    const { code } = require("esbuild").transformSync(source, { ...OPTIONS, sourcefile: file });
    try {
      mkdirSync(CACHE, { recursive: true });
      writeFileSync(`${kept}.${process.pid}`, code);
      renameSync(`${kept}.${process.pid}`, kept);
    } catch {
      // A checkout that cannot be written to is compiled each time.
    }
    return code;
  }
}

// The SDK loads the TypeScript compiler and npm's dependency resolver for turning functions into cloud functions,
// which is most of its loading time and which nothing here does: both wait until someone does.
/** @type {Record<string, (load: () => any) => object>} */
const LATER = {
  "@pulumi/pulumi/typescript-shim": (load) => new Proxy({}, { get: (_, name) => load()[name] }),
  "@pulumi/pulumi/runtime/closure/codePaths": (load) => ({
    computeCodePaths: (...args) => load().computeCodePaths(...args),
  }),
};
for (const [id, standIn] of Object.entries(LATER)) {
  const file = require.resolve(id);
  if (require.cache[file]) continue;
  const module = new Module(file);
  module.loaded = true;
  module.exports = standIn(() => {
    if (require.cache[file] === module) delete require.cache[file];
    return require(file);
  });
  require.cache[file] = module;
}

// The SDK takes the stack of every promise it makes, for a message about promises that never end that shows them
// only if one asks for it. To look them up in source maps is a third of a preview of a hundred resources. That they
// are counted, and a program fails that leaves one, stays: the first is the SDK's own, which sees to that at the end.
if (!process.env.PULUMI_DEBUG_PROMISE_LEAKS) {
  const { getStore } = require("@pulumi/pulumi/runtime/state");
  const debuggable = require("@pulumi/pulumi/runtime/debuggable");
  const { debuggablePromise } = debuggable;
  let counted = (promise, context) => {
    counted = (promise) => {
      getStore().leakCandidates.add(promise);
      const end = () => getStore().leakCandidates.delete(promise);
      return promise.then(
        (value) => {
          end();
          return value;
        },
        (error) => {
          end();
          throw error;
        },
      );
    };
    return debuggablePromise(promise, context);
  };
  debuggable.debuggablePromise = (...args) => counted(...args);
}

// It tells the engine of each step with each resource, a call each time, which is a tenth of a preview, for
// `pulumi --debug`. That shows them when DHISTANCE_DEBUG is set as well.
if (!process.env.DHISTANCE_DEBUG) require("@pulumi/pulumi/log").debug = () => Promise.resolve();

// Stacks name the TypeScript's lines, while frames of packages stay as they are: Pulumi's own maps lead to files
// that do not exist, such as `node_modules/@pulumi/resource.ts`, and with a path of that form Node 20's
// `util.inspect` does not end, which Pulumi calls for an error that nobody has caught.
// The SDK asks for the whole stack of each resource that is made, and most of the frames are the same each time.
/** @type {Map<string, string>} */
const mapped = (module.exports.mapped = new Map());
Error.prepareStackTrace = (error, frames) => {
  const places = frames.map((frame) => {
    const place = String(frame);
    if (!isOurs(frame.getFileName())) return place;
    if (!mapped.has(place)) mapped.set(place, String(sourceMaps.wrapCallSite(frame)));
    return mapped.get(place);
  });
  return [String(error), ...places].join("\n    at ");
};

function isOurs(file) {
  return typeof file === "string" && path.isAbsolute(file) && !file.includes("/node_modules/");
}
