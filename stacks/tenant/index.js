const load = require("../../tools/toolchain/program.cjs");
module.exports = load(require.resolve("./program.ts")).tenant;
