// `require("…/tools/toolchain/typescript.cjs")` lets what is required after it be TypeScript: programs and policy packs
// are run from an `index.js` that begins so, with `typescript: false` in their project file. Pulumi's own way,
// ts-node with a type check, costs several times as much as all else in a preview; types are checked by `tsc` in
// the tests. Only files of ours pass through here: other loaders look at every file of every package as well.
// `DHISTANCE_LOADER=plain` switches all of it off: `tsx` loads the files and the SDK stays as it was published.
if (process.env.DHISTANCE_LOADER === "plain") require("tsx/cjs");
else module.exports = require("./compile.cjs");
