const load = require("../../toolchain/program.cjs");
module.exports = load(require.resolve("./program.ts")).tenant;
