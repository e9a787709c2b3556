require("../../tools/toolchain/typescript.cjs");
module.exports = require("./program.ts").platform;
