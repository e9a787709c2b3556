// Runs a bundle with the machine code that V8 made of it at an earlier start: half of what starting costs beyond
// Node itself, and an engine starts several of these at once. `bundle.ts` fills in the bundle's place.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const vm = require("node:vm");

const file = path.resolve(__dirname, "BUNDLE");
const script = new vm.Script(readFileSync(file, "utf8"), { filename: file, cachedData: codeCache() });
script.runInThisContext()(exports, createRequire(file), module, file, path.dirname(file));
if (process.env.DHISTANCE_WRITE_CODE_CACHE) writeCodeCacheOnceServing();

function codeCache() {
  try {
    return readFileSync(`${file}.code`);
  } catch {
    return undefined; // only slower
  }
}

/** After the start, for then V8 has compiled what a start needs. A server says its port first of all. */
function writeCodeCacheOnceServing() {
  const { writeFileSync } = require("node:fs");
  const write = process.stdout.write;
  process.stdout.write = (...said) => {
    setImmediate(() => {
      writeFileSync(`${file}.code`, script.createCachedData());
      process.exit();
    });
    return write.apply(process.stdout, said);
  };
}
